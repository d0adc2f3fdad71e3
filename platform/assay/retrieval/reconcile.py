"""gold/embeddings: make the LanceDB table hold a vector for every current chunk, and for nothing else."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from assay.built_from import inputs_of, remember
from assay.documents.bronze import day_of
from assay.documents.chunk_rows import CHUNKS, configured_chunker
from assay.documents.gold import chunks_lock
from assay.embeddings import Embedder
from assay.locks import exclusive
from assay.progress import bar
from assay.retrieval.index import STANDING_SCHEMA, ChunkIndex, table_name
from assay.retrieval.maintenance import MaintenanceReport
from assay.retrieval.serving import guarded_releases
from assay.rows import differences
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

# Bounds what one commit holds in memory: some 15,000 chunks with their vectors are 60 MB.
DOCUMENTS_PER_COMMIT = 1000


@dataclass(frozen=True)
class IndexReport:
    """What the reconciliation did: texts embedded anew and reused, chunks written, documents replaced and removed.

    `by_day`: `embedded` and `reused` by the day of the document version that needed the text.
    """

    table: str
    version: int
    documents_replaced: int
    documents_removed: int
    embedded: int
    reused: int
    inserted: int
    updated: int
    deleted: int
    chunks: int
    by_day: Mapping[date, Mapping[str, int]]


def index_name(workspace: Workspace, embedder: Embedder) -> str:
    """The table of a model and of the chunker that the workspace's settings name."""
    return table_name(embedder.model.fingerprint, configured_chunker(workspace.settings))


def open_index(workspace: Workspace, embedder: Embedder, *, create: bool = False) -> ChunkIndex:
    """That table, made when `create` and it does not exist. Raises NotReady when it does not exist."""
    return ChunkIndex.open(
        workspace.settings.vectors_path, index_name(workspace, embedder), embedder.model.dimension, create
    )


def table_lock(workspace: Workspace, embedder: Embedder) -> Path:
    """The lock that whoever writes or judges the table holds."""
    return workspace.settings.locks_path / f"{index_name(workspace, embedder)}.lock"


def reconcile_index(workspace: Workspace, embedder: Embedder) -> IndexReport:
    """Bring the table to the current chunks of its chunker, a thousand documents a commit; a document is replaced in one.

    What is in the cache is not embedded again. Nothing is written where nothing differs.
    """
    chunker, name = configured_chunker(workspace.settings), index_name(workspace, embedder)
    with exclusive(table_lock(workspace, embedder)):
        index = open_index(workspace, embedder, create=True)
        with exclusive(chunks_lock(workspace)):
            inputs = {CHUNKS.name: workspace.lake.version(CHUNKS), **inputs_of(workspace, CHUNKS.name)}
        lake = workspace.at(inputs).lake
        of_chunker: dict[str, object] = {"chunker": chunker}
        desired = lake.read(CHUNKS, where=of_chunker, columns=STANDING_SCHEMA.names).select(STANDING_SCHEMA.names)
        standing = index.standing()
        _redate(index, desired, standing)
        differing, removed = _differing_documents(desired, standing)
        inserted = updated = deleted = 0
        by_day: dict[date, Counter[str]] = {}
        with bar("embedding") as report:
            for group in _groups(differing, DOCUMENTS_PER_COMMIT):
                rows = lake.read(CHUNKS, where={"document_id": group, **of_chunker})
                vectors = embedder.embed(rows["context_text"].to_pylist(), progress=report)
                for version, is_new in zip(rows["document_version"].to_pylist(), vectors.is_new, strict=True):
                    by_day.setdefault(day_of(version), Counter())["embedded" if is_new else "reused"] += 1
                flat = pa.array(vectors.vectors.reshape(-1), pa.float32())
                column = pa.FixedSizeListArray.from_arrays(flat, embedder.model.dimension)
                commit = index.replace_documents(
                    rows.append_column("vector", column), group, version_bound=_newest(standing)
                )
                inserted, updated, deleted = (
                    inserted + commit.inserted,
                    updated + commit.updated,
                    deleted + commit.deleted,
                )
        if removed:
            deleted += index.replace_documents(_no_rows(index), removed, version_bound=_newest(standing)).deleted
        remember(workspace, name, inputs)
        return IndexReport(
            table=name,
            version=index.version,
            documents_replaced=len(differing),
            documents_removed=len(removed),
            embedded=sum(counts["embedded"] for counts in by_day.values()),
            reused=sum(counts["reused"] for counts in by_day.values()),
            inserted=inserted,
            updated=updated,
            deleted=deleted,
            chunks=index.count_rows(),
            by_day=by_day,
        )


def maintain_index(workspace: Workspace, embedder: Embedder) -> MaintenanceReport:
    """Compact and index the table where a threshold is passed, and remove versions that nobody can be served from.

    Raises NotReady when nothing was indexed yet.
    """
    with exclusive(table_lock(workspace, embedder)):
        index = open_index(workspace, embedder)
        return index.maintain(_served_versions(workspace, index.name))


def _served_versions(workspace: Workspace, name: str) -> set[int]:
    """Versions of this table that serve, could serve again or are being judged, under whichever configuration."""
    guarded = guarded_releases(workspace.settings.releases_path)
    return {pointer.version for pointer in guarded if pointer.table == name}


def unequal_documents(desired: pa.Table, standing: pa.Table) -> set[str]:
    """Documents whose chunks are not the same in both, row for row."""
    gone, new = differences(standing.select(desired.column_names), desired)
    return {*standing.filter(gone)["document_id"].to_pylist(), *desired.filter(new)["document_id"].to_pylist()}


def _redate(index: ChunkIndex, desired: pa.Table, standing: pa.Table) -> None:
    """A day that ran late can turn out to be the true first observation: its older version must pass the fence."""
    wanted, held = _versions(desired), _versions(standing)
    index.redate({one: version for one, version in wanted.items() if held.get(one, version) > version})


def _differing_documents(desired: pa.Table, standing: pa.Table) -> tuple[list[str], list[str]]:
    current = set(desired["document_id"].to_pylist())
    unequal = unequal_documents(desired, standing)
    return sorted(unequal & current), sorted(unequal - current)


def _versions(rows: pa.Table) -> dict[str, int]:
    newest = rows.group_by("document_id").aggregate([("document_version", "max")])
    return dict(zip(newest["document_id"].to_pylist(), newest["document_version_max"].to_pylist(), strict=True))


def _newest(standing: pa.Table) -> int:
    """The lock is held and the state was read under it, so nothing that stands can be newer than what was seen."""
    return pc.max(standing["document_version"]).as_py() or 0


def _no_rows(index: ChunkIndex) -> pa.Table:
    from assay.retrieval.index import index_schema

    return index_schema(index.dimension).empty_table()


def _groups(items: Sequence[str], size: int) -> Iterator[list[str]]:
    return (list(items[start : start + size]) for start in range(0, len(items), size))
