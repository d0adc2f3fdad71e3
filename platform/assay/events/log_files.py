"""The files of an event log: JSON lines, gzipped or not, and Parquet.

Nothing in a line stops a file: bytes that are no UTF-8 become replacement characters, a line beyond all measure is cut, and
the contracts refuse both.
"""

import gzip
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from assay.errors import SourceError
from assay.events.contracts import MAX_EVENT_BYTES
from assay.schema import TIMESTAMP
from assay.warehouse import engine, query

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")
# `stamp` is the column `available_at` of a Parquet file; null where the record itself has to say when it arrived.
EMPTY_LOG = pa.schema(
    [
        ("log_partition", pa.string()),
        ("offset", pa.int64()),
        ("stamp", TIMESTAMP),
        ("event", pa.string()),
    ]
).empty_table()

_CHUNK_BYTES = 16 * 2**20
# Cut here a record is still longer than any contract allows.
_CUT_AT_BYTES = MAX_EVENT_BYTES + 1
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_log_file(filesystem: Any, name: str, log_partition: str) -> pa.Table:
    """The records of one file of an fsspec filesystem, in the columns of `EMPTY_LOG`. Raises SourceError."""
    try:
        with filesystem.open(name, "rb") as stream:
            if name.endswith(".parquet"):
                return _of_parquet(pq.read_table(stream), log_partition)
            if name.endswith(".gz"):
                with gzip.open(stream, "rb") as unzipped:
                    return _of_lines(unzipped, log_partition)
            return _of_lines(stream, log_partition)
    except (OSError, EOFError, ValueError, zlib.error, pa.ArrowException) as error:
        raise SourceError(
            f"`{name}` cannot be read: {error}. Nothing of its day was written; what was stored stands. Write the file "
            "again, or move it elsewhere, then run this again."
        ) from error


def _of_lines(stream: Any, log_partition: str) -> pa.Table:
    """Each line that is not blank, with its number from one as its offset."""
    parts = [EMPTY_LOG]
    before = 0
    for lines in _lines(stream):
        count = len(lines)
        events = pc.utf8_rtrim(_text(lines), characters="\r")
        offsets = pa.array(range(before + 1, before + count + 1), pa.int64())
        rows = pa.table(
            [pa.repeat(log_partition, count), offsets, pa.nulls(count, TIMESTAMP), events], schema=EMPTY_LOG.schema
        )
        parts.append(rows.filter(pc.not_equal(pc.utf8_trim_whitespace(events), "")))
        before += count
    return pa.concat_tables(parts)


def _lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of a stream, some megabytes at a time, each cut at `_CUT_AT_BYTES`."""
    begun = b""
    is_first = True
    while chunk := stream.read(_CHUNK_BYTES):
        if is_first:
            chunk, is_first = chunk.removeprefix(_BYTE_ORDER_MARK), False
        first, *others = chunk.split(b"\n")
        begun += first[: _CUT_AT_BYTES - len(begun)]
        if others:
            *whole, last = others
            yield [begun, *(line[:_CUT_AT_BYTES] for line in whole)]
            begun = last[:_CUT_AT_BYTES]
    if begun:
        yield [begun]


def _text(lines: list[bytes]) -> pa.Array:
    try:
        return pa.array(lines, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([line.decode("utf-8", errors="replace") for line in lines], pa.string())


def _of_parquet(rows: pa.Table, log_partition: str) -> pa.Table:
    count = rows.num_rows
    is_placed = {"log_partition", "offset"} <= set(rows.column_names)
    stamp = rows["available_at"] if "available_at" in rows.column_names else pa.nulls(count, TIMESTAMP)
    events = rows["event"] if "event" in rows.column_names else _flat_events(rows)
    return pa.table(
        [
            rows["log_partition"].cast(pa.string()) if is_placed else pa.repeat(log_partition, count),
            rows["offset"].cast(pa.int64()) if is_placed else pa.array(range(count), pa.int64()),
            _times(stamp),
            pc.fill_null(events.cast(pa.string()), ""),
        ],
        schema=EMPTY_LOG.schema,
    )


def _flat_events(rows: pa.Table) -> pa.Table:
    """A JSON object per row of a table with a column per field."""
    fields = [name for name in rows.column_names if name not in ("log_partition", "offset")]
    flat = pa.table({name: _as_json_has_it(rows[name]) for name in fields})
    with engine({"flat": flat}) as connection:
        return query(connection, "assay.events", "flat_events.sql")["event"]


def _as_json_has_it(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times as ISO 8601 in UTC; whole numbers as such, although pandas keeps those with gaps as fractions."""
    if pa.types.is_timestamp(column.type):
        return pc.strftime(_times(column), format="%Y-%m-%dT%H:%M:%SZ")
    if pa.types.is_floating(column.type):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            return column
    return column


def _times(column: Any) -> Any:
    """A column as times in UTC; one without a zone is taken for UTC, and what is no time for unknown."""
    if not pa.types.is_timestamp(column.type):
        return pa.nulls(len(column), TIMESTAMP)
    if column.type.tz is None:
        column = pc.assume_timezone(column, "UTC")
    return column.cast(TIMESTAMP, safe=False)
