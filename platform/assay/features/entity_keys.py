"""The keys of a timeline: every entity that it knows, numbered in the order of their values.

A key is one column or several: integers, strings, bytes, dates, booleans or times. Whether it comes as int32 or int64, as
`string`, `large_string` or a dictionary makes no difference, so that labels need not be typed as the feature log is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from assay.errors import ConfigurationError

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

Codes: TypeAlias = NDArray[np.int64]  # the number of a row's key, or UNKNOWN

UNKNOWN = -1


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column with its values in place, where it came as a dictionary of them."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def key_column(column: pa.ChunkedArray, name: str, of: str) -> pa.Array:
    """A column of keys in the one type that all of its kind are compared in.

    `of` says whose column it is, for the message. Raises ConfigurationError for a type that no key can have.
    """
    column = plain(column)
    try:
        return _in_one_piece(column.cast(_compared_as(column.type)))
    except (TypeError, pa.ArrowInvalid) as error:
        raise ConfigurationError(
            f"`{name}` of {of} cannot be a key ({column.type}: {error}); nothing was computed. Keys are whole numbers, "
            f'strings, bytes, dates, booleans or times with a zone: `table.set_column(..., column.cast("string"))`.'
        ) from error


def _compared_as(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.large_binary()
    if pa.types.is_date(kind):
        return pa.date32()
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp("us", "UTC")
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return kind
    raise TypeError("not a type of keys")


def _in_one_piece(column: pa.ChunkedArray) -> pa.Array:
    pieces = column.chunks
    if not pieces:
        return pa.array([], column.type)
    return pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)


@dataclass(frozen=True)
class EntityKeys:
    """`values[i]` are the distinct values of the i-th column, `pairs[i]` how the first i + 2 columns combine.

    A combination is written as one number: that of the columns before, times the number of this column's values, plus
    the number of this one's value. All are sorted, so that keys are numbered in the order of their values.
    """

    values: tuple[pa.Array, ...]
    pairs: tuple[pa.Array, ...]

    @classmethod
    def of(cls, columns: Sequence[pa.Array]) -> tuple["EntityKeys", Codes]:
        """The keys in columns made by `key_column`, none null, and the number of every row's key."""
        distinct, codes = _ranked(columns[0])
        values, pairs = [distinct], []
        for column in columns[1:]:
            distinct, ranks = _ranked(column)
            values.append(distinct)
            pair, codes = _ranked(pa.array(codes * len(distinct) + ranks))
            pairs.append(pair)
        return cls(tuple(values), tuple(pairs)), codes

    def __len__(self) -> int:
        return len(self.pairs[-1] if self.pairs else self.values[0])

    def codes(self, columns: Sequence[pa.Array]) -> Codes:
        """The number of every row's key; UNKNOWN where there is none such, or a part of it is null."""
        codes = _places(columns[0], self.values[0])
        for column, distinct, pair in zip(columns[1:], self.values[1:], self.pairs, strict=True):
            found = _places(column, distinct)
            combined = np.where((codes >= 0) & (found >= 0), codes * len(distinct) + found, UNKNOWN)
            codes = _places(pa.array(combined), pair)
        return codes


def _ranked(column: pa.Array) -> tuple[pa.Array, Codes]:
    """The distinct values of a column, sorted, and every row's place among them."""
    encoded = column.dictionary_encode()
    by_value = pc.array_sort_indices(encoded.dictionary)
    ranks = np.empty(len(by_value), np.int64)
    ranks[by_value.to_numpy()] = np.arange(len(by_value))
    return encoded.dictionary.take(by_value), ranks[encoded.indices.to_numpy()]


def _places(column: pa.Array, distinct: pa.Array) -> Codes:
    if pa.types.is_null(column.type) or pa.types.is_null(distinct.type):
        return np.full(len(column), UNKNOWN, np.int64)
    return pc.index_in(column, value_set=distinct).fill_null(UNKNOWN).to_numpy().astype(np.int64)
