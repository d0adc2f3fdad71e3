"""What a home holds, for comparing a home in which runs were killed with one in which none was."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from command_runs import CHECKOUT

from assay import rows as row_values
from assay.dbt import manifest_of
from assay.documents.bronze import FEED
from assay.documents.gold import CHUNKS
from assay.documents.manifests import MANIFESTS
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE
from assay.embeddings import Embedder
from assay.lake import Lake
from assay.model_tables import lake_tables
from assay.quality.outcomes import OUTCOMES
from assay.retrieval import QueryModel, Searcher
from assay.retrieval.canaries import Canary, canaries_for
from assay.retrieval.engine import open_table
from assay.retrieval.serving import ServingPointer, read_history, read_pointer
from assay.settings import Settings

# The present-state tables have no batch of a day: their outcomes, under the source `*`, tell of the batch that the last
# run judged. A run that finds the state in place judges less than the one that wrote it, so those are left out.
JUDGED_BY_DAY = (MANIFESTS.name, FEED.name, DOCUMENTS.name)
# The same text in a batch of other lengths is padded otherwise: 2.3e-7 apart per number were measured.
VECTOR_TOLERANCE = 1e-6
# What writers name their temporary files: nothing reads them, and none may stand under another name.
LEFTOVERS = (".writing-", ".serving.json.")


@dataclass(frozen=True)
class Release:
    """What serves: every row of the version that the pointer names, and what searching it answers."""

    pointer: ServingPointer
    rows: pa.Table
    answers: Mapping[tuple[str, str], list[str]]

    def differences(self, other: "Release") -> list[str]:
        """In what this release says something else than `other`; the version it has does not count."""
        names = [name for name in self.rows.column_names if name != "vector"]
        if row_values.content_hash(self.rows.select(names)) != row_values.content_hash(other.rows.select(names)):
            return [f"the served rows ({self.rows.num_rows}, not {other.rows.num_rows}, or others)"]
        apart = float(np.abs(_vectors(self.rows) - _vectors(other.rows)).max(initial=0))
        found = [f"vectors are {apart:.1e} apart"] if apart > VECTOR_TOLERANCE else []
        return found + [f"{key}: {ids}" for key, ids in self.answers.items() if ids != other.answers[key]]


@dataclass(frozen=True)
class Home:
    """A home after its runs: its lake by content, its blobs by name, what serves."""

    tables: Mapping[str, str]
    blobs: frozenset[str]
    release: Release | None

    def differences(self, other: "Home") -> list[str]:
        """Names of what this home holds otherwise than `other`."""
        names = sorted({*self.tables, *other.tables})
        found = [f"table {name}" for name in names if self.tables.get(name) != other.tables.get(name)]
        if self.blobs != other.blobs:
            found.append(f"{len(self.blobs ^ other.blobs)} blobs")
        if self.release and other.release:
            return found + self.release.differences(other.release)
        return found if self.release == other.release else [*found, "what serves"]


def read_home(settings: Settings, questions: Sequence[Canary], embedder: Embedder) -> Home:
    """All of a home that a reader could see. `embedder` has the vectors of the questions in its cache."""
    return Home(_tables(settings), whole_blobs(settings), read_release(settings, questions, embedder))


def read_release(settings: Settings, questions: Sequence[Canary], embedder: Embedder) -> Release | None:
    """What serves, None before the first release. Raises whatever opening or searching it raises.

    Asked without the deny-list, which takes documents out of a whole release as soon as they are known to be deleted.
    """
    pointer = read_pointer(settings.releases_path)
    if pointer is None:
        return None
    rows = open_table(settings.vectors_path, pointer.table, pointer.version).to_arrow().sort_by("chunk_id")
    model = QueryModel(embedder.model.fingerprint, lambda text: embedder.embed_query(text, remember=True))
    without_denials = settings.releases_path / "no-denials"
    searcher = Searcher(settings.vectors_path, settings.releases_path, lambda _: model, without_denials)
    answers: dict[tuple[str, str], list[str]] = {}
    for question in questions:
        for mode in ("hybrid", "dense", "lexical"):
            hits = searcher.search(question.question, k=10, mode=mode, principals=question.principals)
            answers[mode, question.question] = [hit.chunk_id for hit in hits]
    return Release(pointer, rows, answers)


def questions_of(settings: Settings) -> list[Canary]:
    """The canary questions that the gate asked in this home."""
    return list(canaries_for(Lake(settings.lake_path).read(CHUNKS), settings.canaries).canaries)


def history_is_whole(settings: Settings) -> bool:
    """Whether the history, from which a rollback chooses, ends with the release that serves."""
    history = read_history(settings.releases_path)
    return bool(history) and history[-1] == read_pointer(settings.releases_path)


def whole_blobs(settings: Settings) -> frozenset[str]:
    """The names of the blobs. Raises AssertionError for one that does not hold what its name says."""
    names: set[str] = set()
    for file in (file for file in settings.blobs_path.rglob("*") if file.is_file()):
        if not file.name.startswith(LEFTOVERS):
            assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name, f"{file} is torn"
            names.add(file.name)
    return frozenset(names)


def leftovers(settings: Settings) -> list[Path]:
    """Temporary files of killed writers."""
    folders = (settings.blobs_path, settings.releases_path)
    return [file for folder in folders for file in folder.rglob("*") if file.name.startswith(LEFTOVERS)]


def summary(settings: Settings) -> str:
    """What stands in a home, in a line for a person."""
    lake = Lake(settings.lake_path)
    counts = [f"{len(whole_blobs(settings))} blobs"]
    for table, what in ((MANIFESTS, "manifests"), (FEED, "feeds"), (DOCUMENTS, "silver days")):
        days = pc.count_distinct(lake.read(table, columns=["day"])["day"]).as_py()
        counts.append(f"{days} {what}")
    for table, what in ((STATE, "states"), (CHUNKS, "chunks")):
        counts.append(f"{lake.read(table, columns=[table.key[0]]).num_rows} {what}")
    tables = [open_table(settings.vectors_path, path.stem) for path in settings.vectors_path.glob("*.lance")]
    counts.append(f"{sum(one.count_rows() for one in tables)} vectors")
    pointer = read_pointer(settings.releases_path)
    counts.append(f"version {pointer.version} serves" if pointer else "nothing serves")
    return ", ".join(counts)


def _tables(settings: Settings) -> dict[str, str]:
    lake = Lake(settings.lake_path)
    found = {log.parent.relative_to(settings.lake_path).as_posix() for log in settings.lake_path.rglob("_delta_log")}
    known = lake_tables(manifest_of(CHECKOUT / "dbt_project", settings.home))
    unknown = found - known.keys()
    assert not unknown, f"tables that are not compared: {unknown}"
    hashes = {name: lake.content_hash(table) for name, table in known.items() if table is not OUTCOMES}
    judged = lake.read(OUTCOMES, where={"table_name": JUDGED_BY_DAY})
    return {**hashes, OUTCOMES.name: row_values.content_hash(judged)}


def _vectors(rows: pa.Table) -> np.ndarray:
    return rows["vector"].combine_chunks().flatten().to_numpy()
