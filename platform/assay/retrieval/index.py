"""Writing the chunk index: one LanceDB table per embedding model and chunker, a document replaced in one commit.

One writer at a time per table: callers hold the table's lock. Readers need none.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assay.errors import ModelError, NotReady, StorageError
from assay.retrieval import engine, filters, maintenance
from assay.retrieval.differences import (
    changed_rows,
    delete_condition,
    documents_of,
    gone,
    newest_versions,
    rows_of,
    version_bounds,
)
from assay.schema import table_of
from assay.tables import ChunkRow

_CHUNKS = table_of(ChunkRow).schema
TABLE_PREFIX = "chunks-"
# Compared and read for reconciling through their hashes: they are most of the bytes.
_HEAVY_COLUMNS = ("text", "context_text", "vector")
STANDING_SCHEMA = pa.schema([field for field in _CHUNKS if field.name not in _HEAVY_COLUMNS])
_PRIMARY_KEY_MARK = b"lance-schema:unenforced-primary-key:position"
# LanceDB compares list columns with its own list type: unless the element is nullable and called `item` it casts every
# row, the LABEL_LIST index is not used, and a filtered exact search of 100k rows takes 150-280 ms in place of 65.
_PRINCIPALS_TYPE = pa.list_(pa.field("item", pa.string()))


@dataclass(frozen=True)
class IndexCommit:
    """What a write did. `changed` is False when nothing differed: then no version was written.

    `stale`: documents left as they stand because a newer version of them is in the table.
    """

    version: int
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    changed: bool = False
    stale: tuple[str, ...] = ()


def table_name(fingerprint: str, chunker: str) -> str:
    """The name of the table for an embedding model's fingerprint and a chunker, safe as a folder name.

    The columns are part of it: after an upgrade that changes them a new table is built, the old one serves meanwhile.
    """
    columns = [f"{field.name} {field.type}" for field in _CHUNKS]
    return f"{TABLE_PREFIX}{_short_hash(fingerprint)}-{_short_hash(chr(10).join([chunker, *columns]))}"


def index_schema(dimension: int) -> pa.Schema:
    """The columns of `gold/chunks`, then `vector`: fixed_size_list<float32>[dimension]."""
    at = _CHUNKS.get_field_index("allowed_principals")
    chunks = _CHUNKS.set(at, _CHUNKS.field(at).with_type(_PRINCIPALS_TYPE))
    return chunks.append(pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False))


class ChunkIndex:
    """One table of chunks and their vectors. Raises DiskFull and StorageError; after either the last commit stands."""

    def __init__(self, table: Any, name: str, dimension: int) -> None:
        self._table = table
        self.name = name
        self.dimension = dimension

    @classmethod
    def open(cls, vectors_path: Path, name: str, dimension: int, create: bool) -> "ChunkIndex":
        """The table `name`, made with its indexes when `create` and it does not exist.

        Raises NotReady when it does not exist, ModelError when its vectors have another dimension.
        """
        with engine.storage_errors(f"opening the table {name} in {vectors_path}"):
            table = _open_or_create(vectors_path, name, dimension, create)
            found = int(table.schema.field("vector").type.list_size)
            if found != dimension:
                raise ModelError(
                    f"The table {name} holds vectors of {found} floats, the model gives {dimension}. Nothing was "
                    "written. Set `ASSAY_EMBEDDING_MODEL` to the model it was built with, or run `assay ingest` anew."
                )
            if create:
                # Concurrent upserts of new keys duplicate rows without it. Here, not at creation alone: a crash
                # between the two would leave the table without it for good.
                if _PRIMARY_KEY_MARK not in (table.schema.field("chunk_id").metadata or {}):
                    table.set_unenforced_primary_key("chunk_id")
                maintenance.create_missing_indexes(table)
        return cls(table, name, dimension)

    @property
    def version(self) -> int:
        """The newest committed version."""
        return int(self._table.version)

    def count_rows(self) -> int:
        return int(self._table.count_rows())

    def standing(self) -> pa.Table:
        """Every chunk as it stands, without `text`, `context_text` and `vector`: 60 ms for 100k rows."""
        with engine.storage_errors(f"reading the table {self.name}"):
            return self._table.search().select(STANDING_SCHEMA.names).to_arrow().cast(STANDING_SCHEMA)

    def vectors(self, chunk_ids: Sequence[str]) -> pa.Table:
        """`chunk_id`, `context_text` and `vector` of these chunks, as far as they are there; in no order."""
        with engine.storage_errors(f"reading the table {self.name}"):
            found = self._table.search().where(filters.one_of("chunk_id", list(chunk_ids)))
            return found.select(["chunk_id", "context_text", "vector"]).to_arrow()

    def replace_documents(
        self, rows: pa.Table, document_ids: Sequence[str], *, version_bound: int | Mapping[str, int]
    ) -> IndexCommit:
        """Make the chunks of `document_ids` exactly `rows`, in one commit.

        `rows`: chunk columns and `vector`; of a chunk id that comes twice the last row counts. A document without rows
        is deleted. `version_bound`: the version of each document, or of those without rows (the others carry
        their own); no chunk newer than it is touched. A document that stands in a newer version is left as it is.
        """
        batch = self._conformed(rows)
        bounds = version_bounds(batch, document_ids, version_bound)
        if not bounds:
            return IndexCommit(self.version)
        with engine.storage_errors(f"replacing {len(bounds)} documents in the table {self.name}"):
            standing = self._standing_of(bounds)
            newest = newest_versions(standing)
            stale = {document for document, version in newest.items() if version > bounds[document]}
            vanished = documents_of(standing, gone(standing, batch))
            differing = documents_of(batch, changed_rows(batch, standing))
            to_write = (vanished | differing) - stale
            commit = IndexCommit(self.version, stale=tuple(sorted(stale)))
            if not to_write:
                return commit
            thresholds = {document: (newest[document], bounds[document]) for document in vanished - stale}
            return self._merge(rows_of(batch, to_write), delete_condition(thresholds), commit.stale)

    def redate(self, document_versions: Mapping[str, int]) -> IndexCommit:
        """Give documents the version they turn out to have, also a lower one, so that later writes are fenced by it."""
        if not document_versions:
            return IndexCommit(self.version)
        with engine.storage_errors(f"redating {len(document_versions)} documents in the table {self.name}"):
            standing = self._standing_of(document_versions)
            wrong = {
                row["document_id"]
                for row in standing.select(["document_id", "document_version"]).to_pylist()
                if row["document_version"] != document_versions[row["document_id"]]
            }
            if not wrong:
                return IndexCommit(self.version)
            rows: pa.Table = self._table.search().where(filters.one_of("document_id", sorted(wrong))).to_arrow()
            versions = [document_versions[document] for document in rows["document_id"].to_pylist()]
            at = rows.schema.get_field_index("document_version")
            rows = rows.set_column(at, rows.schema.field(at), pa.array(versions, pa.int64()))
            result: Any = self._table.merge_insert("chunk_id").when_matched_update_all().use_index(False).execute(rows)
            return IndexCommit(int(result.version), updated=int(result.num_updated_rows), changed=True)

    def ensure_indexes(self) -> tuple[str, ...]:
        """Build the indexes that are missing, the vector index from VECTOR_INDEX_ROWS on; the columns they are on."""
        with engine.storage_errors(f"indexing the table {self.name}"):
            return maintenance.create_missing_indexes(self._table)

    def maintain(
        self, keep_versions: Collection[int], keep_for: timedelta = maintenance.KEEP_VERSIONS_FOR
    ) -> maintenance.MaintenanceReport:
        """Compact and index where it is due, and remove versions older than `keep_for`.

        `keep_versions`: versions that a release names; they stay however old they are.
        """
        with engine.storage_errors(f"maintaining the table {self.name}"):
            return maintenance.maintain(self._table, keep_versions, keep_for)

    def _standing_of(self, document_ids: Iterable[str]) -> pa.Table:
        """50,000 ids in one condition take .2 s, so there is no second way for many."""
        found = self._table.search().where(filters.one_of("document_id", list(document_ids)))
        return found.select(STANDING_SCHEMA.names).to_arrow().cast(STANDING_SCHEMA)

    def _conformed(self, rows: pa.Table) -> pa.Table:
        """The rows in the table's schema, a chunk id once. Raises ModelError for vectors that cannot be compared."""
        schema = index_schema(self.dimension)
        try:
            batch = rows.select(schema.names).cast(schema).combine_chunks()
        except (ValueError, TypeError, KeyError) as error:  # Arrow reports a cast that cannot be as any of these
            raise ModelError(
                f"The rows do not fit the table {self.name} of {self.dimension}-float vectors: {error}. Nothing was "
                "written. Check `ASSAY_EMBEDDING_MODEL`, then run `assay ingest` again."
            ) from error
        last_place = {chunk_id: at for at, chunk_id in enumerate(batch["chunk_id"].to_pylist())}
        if len(last_place) < batch.num_rows:
            batch = batch.take(pa.array(sorted(last_place.values()))).combine_chunks()
        vectors = batch["vector"].combine_chunks().flatten().to_numpy().reshape(-1, self.dimension)
        norms = np.linalg.norm(vectors, axis=1)
        broken = np.flatnonzero(~np.isfinite(norms) | (norms == 0))
        if broken.size:
            raise ModelError(
                f"{broken.size} vectors are zero or not finite, first that of chunk "
                f"`{batch['chunk_id'][int(broken[0])]}`. Nothing was written. Check the model with `assay doctor`."
            )
        return batch

    def _merge(self, batch: pa.Table, vanished: Any | None, stale: tuple[str, ...]) -> IndexCommit:
        # `>=`: the same version must land again, with a corrected permission or another parser. No index on the key:
        # the hash join of 200 documents with 100k rows takes .12 s, with a BTREE on `chunk_id` .7 s.
        merge = (
            self._table.merge_insert("chunk_id")
            .when_matched_update_all(where="source.document_version >= target.document_version")
            .when_not_matched_insert_all()
            .use_index(False)
        )
        if vanished is not None:
            merge = merge.when_not_matched_by_source_delete(vanished)
        done: Any = merge.execute(batch)
        inserted, updated = int(done.num_inserted_rows), int(done.num_updated_rows)
        if inserted + updated != batch.num_rows:
            raise StorageError(
                f"Of {batch.num_rows} chunks {inserted + updated} were written to the table {self.name}: another "
                "writer brought newer versions meanwhile, and those stand. Run `assay ingest` again to reconcile."
            )
        return IndexCommit(int(done.version), inserted, updated, int(done.num_deleted_rows), changed=True, stale=stale)


def _open_or_create(vectors_path: Path, name: str, dimension: int, create: bool) -> Any:
    try:
        return engine.open_table(vectors_path, name)
    except engine.LANCE_ERRORS as error:
        if not engine.is_not_found(error):
            raise
    if not create:
        raise NotReady(f"There is no index {name} in {vectors_path}. Build it with `assay ingest DIR`.")
    vectors_path.mkdir(parents=True, exist_ok=True)
    return engine.connect(vectors_path).create_table(name, schema=index_schema(dimension))


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
