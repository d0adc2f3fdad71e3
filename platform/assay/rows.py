"""Arrow rows as values: whether they fit a table, and whether two sets of rows say the same."""

import hashlib
from collections import Counter
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute

from assay.schema import PROVENANCE_COLUMNS, Table

pc: Any = pyarrow.compute  # its functions are made at import, out of a type checker's sight

# Rows are encoded this many at a time, so that the copy of their text stays small beside the rows themselves.
ENCODED_ROWS = 8192

_LARGE_BINARY = pa.large_binary()
_NOTHING = pa.scalar(b"", _LARGE_BINARY)


def fitted(table: Table, rows: pa.Table) -> pa.Table:
    """`rows` with exactly the columns, order and types of the table.

    Other encodings of the same kind are converted (large or view strings, item names of lists, narrower integers).
    Raises ValueError for a missing or unknown column, another kind of value, a null where none may be.
    """
    missing = [name for name in table.schema.names if name not in rows.column_names]
    unknown = [name for name in rows.column_names if name not in table.schema.names]
    if missing or unknown or len(set(rows.column_names)) < rows.num_columns:
        raise ValueError(
            f"Rows do not fit `{table.name}`: missing columns {missing}, unknown or doubled {unknown}. "
            "Nothing was written."
        )
    return pa.Table.from_arrays([_fitted_column(table, rows, field) for field in table.schema], schema=table.schema)


def _fitted_column(table: Table, rows: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    column = rows.column(field.name)
    if not _same_kind(column.type, field.type):
        raise ValueError(
            f"`{field.name}` of `{table.name}` is {field.type}, the rows hold {column.type}. Nothing was written."
        )
    nulls = column.null_count
    if pa.types.is_list(field.type) and not field.type.value_field.nullable and not pa.types.is_null(column.type):
        nulls += sum(cast(pa.ListArray, chunk).flatten().null_count for chunk in column.chunks)
    if nulls and not (field.nullable and nulls == column.null_count):
        raise ValueError(f"`{field.name}` of `{table.name}` may not be null, {nulls} values are. Nothing was written.")
    try:
        return column if column.type == field.type else column.cast(field.type)
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"`{field.name}` of `{table.name}` does not fit {field.type}: {error}. Nothing was written."
        ) from error


def _same_kind(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a safe cast only changes the encoding; casts also turn 1 into "1" and a naive time into UTC."""
    types = pa.types
    if given == wanted or types.is_null(given):
        return True
    if types.is_dictionary(given):
        return _same_kind(given.value_type, wanted)
    if _is_list(given) and _is_list(wanted):
        return _same_kind(given.value_type, wanted.value_type)
    if types.is_timestamp(given) and types.is_timestamp(wanted):
        return (given.tz is None) == (wanted.tz is None)
    kinds = (_is_string, _is_binary, types.is_integer, types.is_floating)
    return any(kind(given) and kind(wanted) for kind in kinds)


def digests(rows: pa.Table) -> list[bytes]:
    """The sha256 of each row's values, provenance columns left out.

    Equal values give equal digests whatever their encoding (utf8, large or view; list item names; chunks).
    """
    columns = [name for name in rows.column_names if name not in PROVENANCE_COLUMNS]
    found: list[bytes] = []
    for batch in rows.select(columns).to_batches(max_chunksize=ENCODED_ROWS):
        encoded = pc.binary_join_element_wise(*(_netstrings(column) for column in batch.columns), _NOTHING)
        found.extend(hashlib.sha256(cast(bytes, row)).digest() for row in encoded.to_pylist())
    return found


def content_hash(rows: pa.Table) -> str:
    """The sha256 over what the rows say, independent of their order and encoding; provenance columns are left out."""
    names = sorted(name for name in rows.column_names if name not in PROVENANCE_COLUMNS)
    return hashlib.sha256(b"".join([repr(names).encode(), *sorted(digests(rows.select(names)))])).hexdigest()


def differences(left: pa.Table, right: pa.Table) -> tuple[pa.Array, pa.Array]:
    """A mask per side of the rows that the other side does not hold equally often; provenance columns are left out."""
    if not left.num_rows or not right.num_rows:
        return pa.array(np.ones(left.num_rows, dtype=bool)), pa.array(np.ones(right.num_rows, dtype=bool))
    left_digests, right_digests = digests(left), digests(right)
    left_counts, right_counts = Counter(left_digests), Counter(right_digests)
    unequal = {digest for digest in left_counts | right_counts if left_counts[digest] != right_counts[digest]}
    return (
        pa.array([digest in unequal for digest in left_digests], pa.bool_()),
        pa.array([digest in unequal for digest in right_digests], pa.bool_()),
    )


def _netstrings(values: Any) -> Any:
    """Each value as `length:bytes`, null as `-`: joined, no two different rows read the same."""
    payload = _payload(values)
    lengths = pc.binary_length(payload).cast(pa.string()).cast(_LARGE_BINARY)
    return pc.fill_null(pc.binary_join_element_wise(lengths, payload, pa.scalar(b":", _LARGE_BINARY)), b"-")


def _payload(values: Any) -> Any:
    """Each value as bytes, null as null."""
    kind: pa.DataType = values.type
    types = pa.types
    if types.is_dictionary(kind):
        return _payload(values.dictionary_decode())
    if _is_list(kind):
        lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        lists = pa.LargeListArray.from_arrays(pa.array(offsets), _netstrings(values.flatten()))
        return pc.if_else(values.is_valid(), pc.binary_join(lists, _NOTHING), pa.scalar(None, _LARGE_BINARY))
    if types.is_timestamp(kind):
        values = values.cast(pa.timestamp("us", tz=kind.tz)).cast(pa.int64())
    elif types.is_date32(kind):
        values = values.cast(pa.int32())
    if not _is_string(kind) and not _is_binary(kind):
        values = values.cast(pa.string())
    return values.cast(_LARGE_BINARY)


def _is_string(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_list_view(kind)
