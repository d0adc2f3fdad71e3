"""Faults that rules on the data stop before a question is asked: planted in a copy of the home, in the table that would serve."""

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from fault import Bench
from index_faults import shuffled, stale_rows, unnormalized
from sample_release import RUN, Sample, vectors_of, with_vectors

from assay.documents.blobs import sha256_hex
from assay.documents.state import STATE
from assay.embeddings import Embedder
from assay.quality.rules import Rule
from assay.retrieval import ChunkIndex
from assay.retrieval.gate import release_newest
from assay.retrieval.index import index_schema
from assay.retrieval.reconcile import open_index
from assay.settings import Settings
from assay.workspace import Workspace

# What a stage after the lake reads and writes; the rest of a home takes no part.
FOLDERS = ("lake", "vectors", "built_from", "caches", "releases")


def planted(tamper: Callable[[Sample, ChunkIndex], None]) -> Callable[[Bench], tuple[Rule, ...]]:
    """The rules of the fast gate, on a copy of the home whose table was tampered with."""

    def plant(bench: Bench) -> tuple[Rule, ...]:
        workspace = _copied(bench)
        embedder = Embedder.open(workspace.settings)
        index = open_index(workspace, embedder)
        tamper(bench.sample, index)
        report = release_newest(workspace, embedder, bench.sample.configuration)
        # What the fast gate finds moves neither the head nor what serves.
        assert report.passed or not (report.published or report.head == report.release_id)
        return report.rules

    return plant


def nothing(_: Sample, _index: ChunkIndex) -> None:
    """No fault: every rule must hold."""


def duplicated_chunks(sample: Sample, index: ChunkIndex) -> None:
    """A tenth of the chunks stands a second time under other ids, as after two writers without a key."""
    twice = sample.rows.slice(0, sample.rows.num_rows // 10)
    ids = [sha256_hex(f"again {one}".encode())[:32] for one in twice["chunk_id"].to_pylist()]
    at = twice.schema.get_field_index("chunk_id")
    _table(index).add(_fitting(index, twice.set_column(at, twice.schema.field(at), pa.array(ids))))


def stale_index(sample: Sample, index: ChunkIndex) -> None:
    """Edited documents stand as they were on the day before."""
    _overwrite(index, stale_rows(sample))


def deleted_documents_stand(sample: Sample, index: ChunkIndex) -> None:
    """The chunks of a document that is deleted are there still: those of another, under its id."""
    deleted = sample.workspace.lake.read(STATE, where={"is_deleted": True}, columns=["document_id"])
    rows = sample.rows.slice(0, 1)
    for name, value in (("document_id", deleted["document_id"][0].as_py()), ("chunk_id", "0" * 32)):
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(at), pa.array([value]))
    _table(index).add(_fitting(index, rows))


def half_the_documents_gone(sample: Sample, index: ChunkIndex) -> None:
    """Half of the documents have no vector."""
    documents = sorted(set(sample.rows["document_id"].to_pylist()))
    index.replace_documents(
        sample.rows.slice(0, 0), documents[::2], version_bound=max(sample.rows["document_version"].to_pylist())
    )


def shuffled_ids(sample: Sample, index: ChunkIndex) -> None:
    """Each vector stands beside another chunk."""
    _overwrite(index, shuffled(sample.rows))


def missing_normalization(sample: Sample, index: ChunkIndex) -> None:
    """The vectors are as long as the sum of their tokens'."""
    _overwrite(index, unnormalized(sample.rows))


def other_vectors(sample: Sample, index: ChunkIndex) -> None:
    """Every vector is turned: another model's, of the same dimension."""
    vectors = vectors_of(sample.rows)
    _overwrite(index, with_vectors(sample.rows, np.ascontiguousarray(vectors[:, ::-1])))


def _copied(bench: Bench) -> Workspace:
    settings = bench.sample.workspace.settings
    for name in FOLDERS:
        if (settings.home / name).exists():
            shutil.copytree(settings.home / name, bench.folder / "home" / name)
    return Workspace(Settings(home=bench.folder / "home"), RUN)


def _overwrite(index: ChunkIndex, rows: pa.Table) -> None:
    """Behind the back of the index's own writing, which would not see vectors differ whose texts do not."""
    table = _table(index)
    table.delete("true")
    table.add(_fitting(index, rows))


def _fitting(index: ChunkIndex, rows: pa.Table) -> pa.Table:
    schema = index_schema(index.dimension)
    return rows.select(schema.names).cast(schema)


def _table(index: ChunkIndex) -> Any:
    return index._table
