"""Running the document stages in tests: a folder of days, every stage by hand, stand-ins for what is slow.

The stand-ins are for tests of the stages, which are not about them: Great Expectations takes .25 s a batch, a parser
process .3 s to start, torch 8 s to import. The real ones have their own tests, and `test_invariants.py` runs one history
through both and compares.
"""

import dataclasses
import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assay.documents.bronze import FEED, FeedReport, ManifestReport, days_to_derive, land_manifest, write_feed
from assay.documents.duplicates import DUPLICATES, DuplicatesReport, write_duplicates
from assay.documents.gold import CHUNKS, ChunkReport, chunk_current
from assay.documents.manifests import MANIFESTS
from assay.documents.parsing import ParsedDocument, parse_here
from assay.documents.silver import ParseReport, parse_day
from assay.documents.silver_texts import TEXT_TABLES
from assay.documents.state import STATE, StateReport, write_state
from assay.embeddings import Embedder
from assay.errors import DocumentRejected, SourceError
from assay.locks import exclusive
from assay.quality.derived import garbled_ratio
from assay.quality.expectations import Suite
from assay.quality.quarantine import QUARANTINE
from assay.quality.runner import Outcome, Validation
from assay.quality.silver_suites import MAX_GARBLED_RATIO
from assay.retrieval.deny_list import update_deny_list
from assay.retrieval.gate import GateReport
from assay.retrieval.live_stages import LiveIndexReport, find_live, maintain_live, reconcile_live, release_live
from assay.retrieval.serving import flip, read_head, serving_lock
from assay.rows import content_hash
from assay.schema import Table
from assay.settings import PathRule, Settings, SourceSettings
from assay.warehouse import engine
from assay.workspace import Run, Workspace

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
# Decodes, and is no text that anybody can read: fails `text_is_not_garbled`.
GARBLED = "# Notice\n\n" + "\N{REPLACEMENT CHARACTER}" * 60
# A folder with a file of this name cannot be entered while `stand_ins` are there.
CLOSED = ".closed"
NOON = time(12)


def day(number: int) -> date:
    """The nth of the month in which every test happens."""
    return date(2026, 11, number)


def version(number: int) -> int:
    """The document version of a snapshot on the nth, in microseconds."""
    return (day(number) - date(1970, 1, 1)).days * 86_400_000_000


def put(folder: Path, files: Mapping[str, str | bytes | None]) -> None:
    """Write files under `folder`; None stands for a file that is there and cannot be read."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() or path.is_symlink():
            path.unlink()
        if content is None:
            path.symlink_to(path.parent / "nowhere")
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)


@dataclass(frozen=True)
class Done:
    """What a run did, stage by stage, as far as it went; `problems` are sources that could not be observed."""

    manifests: list[ManifestReport]
    feeds: list[FeedReport]
    texts: list[ParseReport]
    state: StateReport
    duplicates: DuplicatesReport | None
    chunks: ChunkReport | None
    index: LiveIndexReport | None
    gate: GateReport | None
    problems: list[str]


@dataclass(frozen=True)
class Pipeline:
    """Every document stage over one home, called as the assets call them, without Dagster."""

    settings: Settings
    rules_on: Mapping[date, tuple[PathRule, ...]] = field(default_factory=dict)

    @classmethod
    def at(cls, home: Path, *sources: SourceSettings, **settings: Any) -> "Pipeline":
        """Settings are what is given here and defaults; there are no canaries."""
        return cls(Settings(_env_file=None, home=home, sources=sources, **{"canaries": None, **settings}))

    def workspace(self, today: date = date.max) -> Workspace:
        return Workspace(self.settings, Run("test", datetime.combine(today, NOON, UTC)))

    def run(self, *days: date, through: str = "gate", as_of: bool = False, allow_mass_delete: bool = False) -> Done:
        """The stages from the manifest `through` "state", "chunks", "index" or "gate" for one or several days."""
        workspace = self.workspace(days[-1])
        manifests, problems = [], []
        for one in days:
            for source in self.settings.active_sources:
                seen = source.model_copy(update={"rules": self.rules_on.get(one, source.rules)})
                try:
                    manifests.append(
                        land_manifest(workspace, seen, one, as_of=as_of, allow_mass_delete=allow_mass_delete)
                    )
                except SourceError as error:
                    problems.append(str(error))
        with engine() as connection:
            feeds = [write_feed(workspace, connection, *place) for place in self._derived(workspace, days)]
            update_deny_list(workspace, connection)
            texts = [parse_day(workspace, source.name, one) for source, one in self._derived(workspace, days)]
            state = write_state(workspace, connection, days[-1])
            duplicates = write_duplicates(workspace, days[-1]) if through != "state" else None
            wanted = [one.workspace.settings for one in find_live(workspace).by_chunker]
            chunks = chunk_current(workspace, connection, days[-1], wanted) if through != "state" else None
        index = reconcile_live(workspace) if through in ("index", "gate") else None
        if index:
            maintain_live(workspace)
        gate = release_first(workspace) if through == "gate" else None
        return Done(manifests, feeds, texts, state, duplicates, chunks, index, gate, problems)

    def embedder(self) -> Embedder:
        return Embedder.open(self.settings)

    def read(self, table: Table, **where: object) -> list[dict[str, Any]]:
        """Rows of a table in the order of its key."""
        rows = self.workspace().lake.read(table, where=where)
        return rows.sort_by([(name, "ascending") for name in table.key]).to_pylist()

    def feed(self, number: int) -> dict[str, str]:
        """Document id -> change, of the nth."""
        return {row["document_id"]: row["change"] for row in self.read(FEED, day=day(number))}

    def state(self, document_id: str) -> dict[str, Any]:
        return {row["document_id"]: row for row in self.read(STATE)}[document_id]

    def current_texts(self) -> dict[str, str]:
        """Document id -> the chunks of what can be served, joined in order."""
        texts: dict[str, list[str]] = {}
        for row in sorted(self.read(CHUNKS), key=lambda row: (row["document_id"], row["ordinal"])):
            texts.setdefault(row["document_id"], []).append(row["text"])
        return {document_id: "".join(parts) for document_id, parts in texts.items()}

    def quarantine(self, **where: object) -> dict[str, tuple[str, str | None]]:
        """Document id -> (reason, expectation) of what is held back."""
        return {row["document_id"]: (row["reason"], row["expectation"]) for row in self.read(QUARANTINE, **where)}

    def contents(self) -> dict[str, str]:
        """What every table that does not depend on when the runs were says, as hashes."""
        lake = self.workspace().lake
        found = {one.name: lake.content_hash(one) for one in (MANIFESTS, FEED, *TEXT_TABLES, STATE, DUPLICATES, CHUNKS)}
        return found | {
            QUARANTINE.name: content_hash(lake.read(QUARANTINE, where={"stage": ["bronze", "silver", "page"]}))
        }

    def commits(self) -> dict[str, list[str]]:
        """The names of every commit of every Delta and LanceDB table, and the serving pointer as it is."""
        lake, vectors = self.settings.lake_path, self.settings.vectors_path
        logs = [*lake.glob("*/*/_delta_log"), *vectors.glob("*.lance/_versions")]
        pointers = self.settings.releases_path.glob("serving.json")
        return {
            **{str(log): sorted(entry.name for entry in log.iterdir()) for log in logs},
            **{str(file): [file.read_text()] for file in pointers},
        }

    def _derived(self, workspace: Workspace, days: Sequence[date]) -> Iterator[tuple[SourceSettings, date]]:
        for source in self.settings.active_sources:
            for one in days_to_derive(workspace, source, list(days)):
                yield source, one


def release_first(workspace: Workspace) -> GateReport:
    """The fast gate over the live configurations, and what it said of the one that serves.

    While nothing serves the head is promoted, as a run does whose four-layer gate lets the first release through.
    """
    report = release_live(workspace).reports[0]
    head = read_head(workspace.settings.releases_path, report.configuration)
    if report.serving is not None or head is None:
        return report
    with exclusive(serving_lock(workspace.settings)):
        flip(workspace.settings.releases_path, head, "promote")
    return dataclasses.replace(report, published=True, serving=head.release_id)


class HashingEncoder:
    """In place of the model: a vector that depends on a text's words alone, so that like texts have like vectors."""

    def __init__(self, dimension: int = 384) -> None:
        self.dimension = dimension
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str], **_: object) -> np.ndarray:
        self.encoded.extend(texts)
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> np.ndarray:
        vector = np.full(self.dimension, 1e-3, np.float32)
        for word in re.findall(r"\w+", text.lower()):
            vector[int.from_bytes(sha256(word.encode()).digest()[:4], "big") % self.dimension] += 1
        return vector / np.linalg.norm(vector)


class ParserInThisProcess:
    """In place of the worker processes."""

    def __init__(self, **_: object) -> None:
        pass

    def __enter__(self) -> "ParserInThisProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def parse_many(
        self, items: Iterable[tuple[str, Path, str]]
    ) -> Iterator[tuple[str, ParsedDocument | DocumentRejected]]:
        for key, source, name in items:
            try:
                yield key, parse_here(source.read_bytes(), name)
            except DocumentRejected as rejected:
                yield key, rejected
            except OSError as error:
                yield key, DocumentRejected("unreadable", f"The document cannot be read: {error}.")


def judge_garbled_texts(suite: Suite, rows: pa.Table) -> Validation:
    """In place of Great Expectations: of all expectations only `text_is_not_garbled`, which stage tests provoke."""
    outcomes, failures = [], {}
    for one in suite.expectations:
        failing = []
        if one.name == "text_is_not_garbled":
            ratios = garbled_ratio(rows).to_pylist()
            failing = [position for position, ratio in enumerate(ratios) if ratio > MAX_GARBLED_RATIO]
            failures = dict.fromkeys(failing, one.name)
        ratio = len(failing) / max(rows.num_rows, 1)
        outcomes.append(Outcome(one.name, ratio <= one.tolerated_ratio, rows.num_rows, len(failing), ratio, (), 0.0))
    return Validation(tuple(outcomes), failures)


@contextmanager
def stand_ins() -> Iterator[HashingEncoder]:
    """Stages run with a plain judge, a parser in this process and a hashing encoder, which is given.

    A folder that holds CLOSED cannot be entered: modes do not stop root.
    """
    encoder = HashingEncoder()
    lock = Lock()
    scandir = os.scandir

    def enter(folder: Any) -> Any:
        if not isinstance(folder, int) and os.path.exists(os.path.join(folder, CLOSED)):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return scandir(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", enter)
        patch.setattr("assay.quality.outcomes.validate", judge_garbled_texts)
        patch.setattr("assay.documents.silver.ParserPool", ParserInThisProcess)
        patch.setattr("assay.embeddings.encoding._loaded_encoder", lambda model: (encoder, lock))
        yield encoder
