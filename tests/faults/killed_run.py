"""A run of the document path that may kill itself: the child of the kill tests.

python tests/faults/killed_run.py --day 2026-11-01 ... [--boundary NAME] [--result FILE | --verdicts FOLDER]

`--result` goes through Dagster, by `assets.launch`. `--verdicts` calls the stages one after the other in the order of
the assets, with stand-ins for the two libraries that take long to import and commit nothing themselves.
"""

import argparse
import hashlib
import os
import pickle
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import commit_boundaries
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay import rows as row_values
from assay import warehouse
from assay.documents.bronze import days_to_derive, land_manifest, write_feed
from assay.documents.gold import chunk_current
from assay.documents.silver import parse_day, write_state
from assay.embeddings import Embedder, encoding
from assay.embeddings.models import ModelFiles
from assay.quality import outcomes
from assay.quality.expectations import Suite
from assay.quality.runner import Validation, validate
from assay.retrieval.gate import GateReport, release_newest
from assay.retrieval.reconcile import reconcile_index
from assay.settings import Settings, load_settings
from assay.workspace import Run, Workspace


def run_stages(settings: Settings, days: Sequence[date]) -> GateReport:
    """Every stage for the days, in the order in which a Dagster run has them."""
    workspace = Workspace(settings, Run("killed-run", datetime.now(UTC)))
    sources = settings.active_sources
    for day in days:
        for source in sources:
            land_manifest(workspace, source, day)
    with warehouse.engine() as connection:
        for source in sources:
            for day in days_to_derive(workspace, source, list(days)):
                write_feed(workspace, connection, source, day)
        for source in sources:
            for day in days_to_derive(workspace, source, list(days)):
                parse_day(workspace, source.name, day)
        write_state(workspace, connection, days[-1])
        chunk_current(workspace, connection, days[-1])
    embedder = Embedder.open(settings)
    reconcile_index(workspace, embedder)
    return release_newest(workspace, embedder)


class HashedWords:
    """Stands in for the embedding model: a text's vector counts its words, each in a place given by its hash.

    Good enough that questions find their documents, and the same in every process without 16 s for torch.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension

    def encode(self, texts: Sequence[str], **_: object) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self._dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()) or [""]:
                digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
                row[int.from_bytes(digest) % self._dimension] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def stand_in_encoder(model: ModelFiles) -> tuple[HashedWords, Lock]:
    """In the place of `encoding._loaded_encoder`."""
    return HashedWords(model.dimension), Lock()


def remembered_verdicts(folder: Path) -> Callable[[Suite, pa.Table], Validation]:
    """In the place of `validate`: what Great Expectations said before about the very same rows in the same order.

    It takes seconds to import. Rows that it has not judged yet it judges now, for all processes that share `folder`.
    """

    def remembered(suite: Suite, rows: pa.Table) -> Validation:
        batch = hashlib.sha256(repr((suite.table.name, suite.expectations)).encode())
        batch.update(b"".join(row_values.digests(rows)))
        verdict = folder / batch.hexdigest()
        if not verdict.exists():
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as partial:
                partial.write(pickle.dumps(validate(suite, rows)))
            os.replace(partial.name, verdict)
        found: Validation = pickle.loads(verdict.read_bytes())
        return found

    return remembered


def use_stand_ins(replace: Callable[[Any, str, Any], None], verdicts: Path) -> None:
    """Put both stand-ins in place with `replace(owner, name, value)`, such as `setattr`."""
    replace(encoding, "_loaded_encoder", stand_in_encoder)
    replace(outcomes, "validate", remembered_verdicts(verdicts))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--day", type=date.fromisoformat, action="append", required=True, dest="days")
    parser.add_argument("--boundary", choices=[one.name for one in commit_boundaries.BOUNDARIES])
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--result", type=Path)
    how.add_argument("--verdicts", type=Path)
    given = parser.parse_args()
    if given.boundary:
        commit_boundaries.boundary_of(given.boundary).arm()
    if given.verdicts:
        use_stand_ins(setattr, given.verdicts)
        return 0 if run_stages(load_settings(), given.days).passed else 1
    from assets import launch

    sys.argv[1:] = ["--first-day", f"{given.days[0]}", "--last-day", f"{given.days[-1]}", "--result", f"{given.result}"]
    return launch.main()


if __name__ == "__main__":
    sys.exit(main())
