"""Delta tables: replace a partition, replace the rows of documents, append a log once, read as Arrow, travel in time.

Nothing but `lake_handles` beside it imports `deltalake`. Every write is one commit or none, and a reader sees the table before it or after it.
Processes that use a lake are started by spawn: deltalake panics in a forked one.
"""

import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from assay import conditions
from assay import rows as row_values
from assay.errors import DiskFull, FencedOut, StorageError
from assay.lake_handles import newest
from assay.locks import exclusive
from assay.schema import Table

# A lost race costs one re-read; forty with up to .5 s between them outlast every burst of writers to one partition.
COMMIT_ATTEMPTS = 40
LONGEST_PAUSE_SECONDS = 0.5
# Readers and older versions need the files of replaced rows for this long.
KEEP_HOURS = 7 * 24
# Rust's wording of ENOSPC and EDQUOT; deltalake raises them as DeltaError or OSError without an errno.
_NO_SPACE = ("os error 28", "os error 122")

Result = TypeVar("Result")


@dataclass(frozen=True)
class Commit:
    """What a write did: the table's `version` after it, whether it committed anything, and the `rows` it was given."""

    version: int
    changed: bool
    rows: int


class Lake:
    """The Delta tables under one folder, each created by its first write."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def version(self, table: Table) -> int | None:
        """The standing version, None before the first write."""
        handle = self._open_to_read(table)
        return None if handle is None else handle.version()

    def read(
        self,
        table: Table,
        *,
        where: Mapping[str, object] | None = None,
        columns: Sequence[str] | None = None,
        version: int | None = None,
    ) -> pa.Table:
        """Rows in the table's types and column order; none before the first write.

        `where` maps a column to a value, or to a collection of values of which any may match; None matches null.
        Files that cannot match are not opened. Raises StorageError when `version` does not exist.
        """
        handle = self._open_to_read(table, version)
        wanted = conditions.expression(table, where or {})
        return _pick(table.empty(), columns) if handle is None else _load(handle, table, wanted, columns)

    def dataset(self, table: Table, *, version: int | None = None) -> ds.Dataset:
        """The table for DuckDB to scan: opens only the files and columns a query needs; empty before the first write.

        Parquet statistics ignore NaN, so a pushed-down filter may miss NaN rows; absent values are null in our tables.
        """
        handle = self._open_to_read(table, version)
        with _storage_errors(f"`{table.name}` was not read"):
            return ds.dataset(table.empty()) if handle is None else handle.to_pyarrow_dataset()

    def replace_partition(self, table: Table, rows: pa.Table, *, partitions: Mapping[str, object]) -> Commit:
        """Make `rows` all that stands where every named partition column has the value, or one of the values, given.

        No rows is a deletion. What already stands as given, provenance aside, is not written again.
        Raises ValueError for rows outside, or that do not fit; StorageError when every attempt lost its race.
        """
        strangers = [name for name in partitions if name not in table.partition_by]
        if strangers or not partitions:
            raise ValueError(
                f"`{table.name}` is partitioned by {list(table.partition_by)}, not by {strangers or 'nothing'}."
            )
        return self._replace(table, rows, {name: conditions.several(value) for name, value in partitions.items()})

    def replace_rows(
        self,
        table: Table,
        rows: pa.Table,
        *,
        column: str,
        values: Iterable[object],
        within: Mapping[str, object] | None = None,
    ) -> Commit:
        """Make `rows` all that stands where `column` is one of `values`: updates, inserts and deletions in one commit.

        Rows that have other values than `within` says are left alone. Otherwise like `replace_partition`; only the values
        whose rows differ are written.
        """
        bounds = {name: conditions.several(value) for name, value in (within or {}).items()}
        return self._replace(table, rows, {column: list(values), **bounds})

    def append_once(self, table: Table, rows: pa.Table, offsets: Mapping[str, tuple[int, int]]) -> Commit:
        """Append a batch of a log and its offsets, `{log partition: (start, next)}`, in one commit, at most once.

        Raises FencedOut, and appends nothing, unless every log partition stands at its `start` (0 when new).
        """
        rows = _checked(table, rows)
        if not offsets or any(not 0 <= start < end for start, end in offsets.values()):
            raise ValueError(f"Offsets must be `(start, next)` with 0 <= start < next, not {dict(offsets)}.")
        starts = {name: start for name, (start, _) in offsets.items()}
        properties = CommitProperties(app_transactions=[Transaction(name, end) for name, (_, end) in offsets.items()])

        def attempt() -> Commit:
            # A new handle each time, and the same one for reading the offsets and for committing: deltalake refuses
            # the commit if another landed since the handle was opened, but a later handle takes any offset.
            handle = self._open_or_create(table)
            recorded = {name: handle.transaction_version(name) or 0 for name in offsets}
            if recorded != starts:
                raise FencedOut(
                    f"`{table.name}` stands at {recorded} and the batch begins at {starts}: another consumer committed "
                    "these offsets. Nothing was appended. Start the consumer again: it goes on from the recorded "
                    "offsets, `Lake.offsets`."
                )
            with _storage_errors(f"{rows.num_rows} rows were not appended to `{table.name}`"):
                write_deltalake(handle, rows, mode="append", commit_properties=properties)
            return Commit(handle.version(), True, rows.num_rows)

        return _until_won(table, attempt)

    def offsets(self, table: Table, log_partitions: Sequence[str]) -> dict[str, int]:
        """The next offset of each log partition, as recorded by `append_once`; 0 when there is none."""
        handle = self._open(table)
        return {name: handle.transaction_version(name) or 0 if handle else 0 for name in log_partitions}

    def content_hash(self, table: Table, *, version: int | None = None) -> str:
        """The sha256 over what the rows say: independent of files, order and encoding, provenance columns left out."""
        return row_values.content_hash(self.read(table, version=version))

    def files_per_partition(self, table: Table) -> list[int]:
        """How many files each partition consists of; one number for a table without partitions, none before it is written."""
        handle = self._open_to_read(table)
        with _storage_errors(f"`{table.name}` was not read"):
            files = handle.file_uris() if handle else []
        return list(Counter(file.rpartition("/")[0] for file in files).values())

    def partition_files(self, table: Table, partitions: Mapping[str, object]) -> list[str]:
        """The names of the files that hold the given values of partition columns, sorted; a write gives its files new names."""
        handle = self._open_to_read(table)
        wanted = [(name, "=", str(value)) for name, value in partitions.items()]
        with _storage_errors(f"`{table.name}` was not read"):
            return sorted(handle.file_uris(file_pruning_predicate=wanted)) if handle else []

    def compact(self, table: Table) -> None:
        """Join small files, partition by partition; the rows stay as they are."""

        def attempt() -> None:
            if handle := self._open(table):
                with _storage_errors(f"`{table.name}` was not compacted"):
                    handle.optimize.compact()

        _until_won(table, attempt)

    def vacuum(self, table: Table, *, keep_hours: int = KEEP_HOURS) -> int:
        """Delete files that no version of the last `keep_hours` uses, killed writers' too; returns how many."""

        def attempt() -> int:
            if (handle := self._open(table)) is None:
                return 0
            with _storage_errors(f"`{table.name}` was not vacuumed"):
                return len(handle.vacuum(keep_hours, dry_run=False, enforce_retention_duration=False, full=True))

        return _until_won(table, attempt)

    def _replace(self, table: Table, rows: pa.Table, bounds: Mapping[str, Sequence[object]]) -> Commit:
        rows = _checked(table, rows)
        for name in bounds:
            if name not in table.schema.names or table.schema.field(name).nullable:
                raise ValueError(f"Rows of `{table.name}` cannot be replaced by `{name}`: not a column without nulls.")
        within = conditions.expression(table, bounds)
        if rows.filter(within).num_rows < rows.num_rows:
            raise ValueError(
                f"Rows for `{table.name}` lie outside the {list(bounds)} to be replaced. Nothing was written."
            )

        def attempt() -> Commit:
            handle = self._open_or_create(table)
            standing = _load(handle, table, within)
            gone, new = row_values.differences(standing, rows)
            narrow = {name: _distinct(standing[name].filter(gone), rows[name].filter(new)) for name in bounds}
            if not all(narrow.values()):
                return Commit(handle.version(), False, rows.num_rows)
            inside = conditions.expression(table, narrow)
            written = rows.filter(inside)
            if any(conditions.is_range(values) for values in narrow.values()):
                bystanders = _load(handle, table, conditions.covered(table, narrow) & ~cast(ds.Expression, inside))
                written = pa.concat_tables([written, bystanders])
            # Overwriting by predicate, not a merge: it serves partitions and documents alike, needs no unique key, and
            # its conflict check is the predicate itself, so two writers of one new document cannot both land.
            with _storage_errors(f"{rows.num_rows} rows were not written to `{table.name}`"):
                write_deltalake(handle, written, mode="overwrite", predicate=conditions.predicate(narrow))
            return Commit(handle.version(), True, rows.num_rows)

        return _until_won(table, attempt)

    def _open_to_read(self, table: Table, version: int | None = None) -> DeltaTable | None:
        """A handle that later reads of this thread may share; None before the first write."""
        return self._opened(table, newest) if version is None else self._open(table, version)

    def _open(self, table: Table, version: int | None = None) -> DeltaTable | None:
        """A handle of one's own; None before the first write."""
        return self._opened(table, lambda path: DeltaTable(path, version=version), may_be_new=version is None)

    def _opened(
        self, table: Table, open_table: Callable[[Path], DeltaTable], *, may_be_new: bool = True
    ) -> DeltaTable | None:
        path = self._root / table.name
        with _storage_errors(f"`{table.name}` was not opened"):
            try:
                handle = open_table(path)
            except TableNotFoundError:
                if may_be_new and not _has_log(path):
                    return None
                # Created in between; or it is there and cannot be read, which must not pass for an empty table.
                handle = open_table(path)
            stored, partitions = pa.schema(handle.schema().to_arrow()), tuple(handle.metadata().partition_columns)
        if not stored.equals(table.schema) or partitions != table.partition_by:
            raise StorageError(
                f"`{path}` was written with other columns than `{table.name}` has now. It was left as it is. "
                f"Run the version of Assay that wrote it, or move it aside with `mv {path} {path}.old`."
            )
        return handle

    def _open_or_create(self, table: Table) -> DeltaTable:
        if handle := self._open(table):
            return handle
        # Locked: two creations at once may both commit, which changes the table's metadata under the first writer.
        lock = self._root / "_locks" / f"{table.name.replace('/', '.')}.lock"
        with _storage_errors(f"`{table.name}` was not created"), exclusive(lock):
            return self._open(table) or DeltaTable.create(
                self._root / table.name,
                table.schema,
                partition_by=list(table.partition_by),
                name=table.name,
                description=table.description,
            )


class LakeAt(Lake):
    """A lake as it was: the tables named are read at their version, empty where it is None, the others as they are.

    It cannot be written. A version that maintenance has removed is read as it is now.
    """

    def __init__(self, root: Path, versions: Mapping[str, int | None]) -> None:
        super().__init__(root)
        self._versions = versions

    def _open_to_read(self, table: Table, version: int | None = None) -> DeltaTable | None:
        if version is not None or table.name not in self._versions:
            return super()._open_to_read(table, version)
        fixed = self._versions[table.name]
        try:
            return None if fixed is None else super()._open(table, fixed)
        except StorageError:
            return super()._open_to_read(table)

    def _open_or_create(self, table: Table) -> DeltaTable:
        raise ValueError(f"`{table.name}` cannot be written as it was. Nothing was written.")


def _has_log(path: Path) -> bool:
    try:
        return any(name.endswith(".json") for name in os.listdir(path / "_delta_log"))
    except (FileNotFoundError, NotADirectoryError):
        return False


def _load(
    handle: DeltaTable, table: Table, wanted: ds.Expression | None, columns: Sequence[str] | None = None
) -> pa.Table:
    names = _pick(table.empty(), columns).schema
    with _storage_errors(f"`{table.name}` was not read"):
        return handle.to_pyarrow_dataset().to_table(columns=names.names, filter=wanted).cast(names)


def _pick(rows: pa.Table, columns: Sequence[str] | None) -> pa.Table:
    """The named columns in the schema's order; KeyError for an unknown one."""
    if columns is None:
        return rows
    wanted = {rows.schema.field(name).name for name in columns}
    return rows.select([name for name in rows.column_names if name in wanted])


def _distinct(one: pa.ChunkedArray, other: pa.ChunkedArray) -> list[object]:
    return pa.chunked_array([*one.chunks, *other.chunks], one.type).unique().sort().to_pylist()


def _checked(table: Table, rows: pa.Table) -> pa.Table:
    rows = row_values.fitted(table, rows)
    for name in table.partition_by:
        # Delta stores an empty partition value as null, and null in a column without nulls makes a table unreadable.
        if rows.schema.field(name).type == pa.string() and rows.filter(pc.field(name) == "").num_rows:
            raise ValueError(f"`{name}` partitions `{table.name}` and may not be empty. Nothing was written.")
    return rows


def _until_won(table: Table, attempt: Callable[[], Result]) -> Result:
    """Call `attempt`, which reads and writes through a handle of its own, until no other commit comes between."""
    for lost in range(COMMIT_ATTEMPTS):
        try:
            return attempt()
        except CommitFailedError:
            time.sleep(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.01 * 2**lost)))  # noqa: S311  no secret
    raise StorageError(
        f"`{table.name}` was changed by others during each of {COMMIT_ATTEMPTS} attempts. Nothing of this write was "
        "committed, theirs stand. See who else writes with `ps -ef`, then run this again."
    )


@contextmanager
def _storage_errors(failed: str) -> Generator[None]:
    """Raise what deltalake and Arrow raise as StorageError; a lost race stays a CommitFailedError for the retry."""
    try:
        yield
    except CommitFailedError:
        raise
    except (DeltaError, pa.ArrowException, OSError) as error:
        reason = " ".join(re.sub(r"\x1b\[[0-9;]*m|↳", "", str(error)).split())[:300]
        if any(code in reason for code in _NO_SPACE):
            raise DiskFull(
                f"{failed}: no space left on the disk ({reason}). The last commit stands. "
                "Free some, see what is left with `df -h`, then run this again."
            ) from error
        raise StorageError(f"{failed}: {reason}. The last commit stands. Look into it with `assay doctor`.") from error
