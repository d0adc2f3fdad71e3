"""The order of a log's rows: by key, then by when each became visible, then by `(event_ts, available_at, seq)`.

A row is visible from `greatest(event_ts, available_at)` on: not before it happened, and not before it was known.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.errors import ConfigurationError
from assay.features.entity_keys import Codes
from assay.features.log_columns import AVAILABLE_AT, EVENT_TIME, RESERVED, SEQUENCE, TOMBSTONE

Places: TypeAlias = NDArray[np.int64]  # numbers of rows
Micros: TypeAlias = NDArray[np.int64]  # microseconds since 1970 UTC
# One bit of a signed 64-bit number is its sign.
_BITS = 63


@dataclass(frozen=True)
class ByKey:
    """Rows of a log in order; those of the key numbered `c` are `places[starts[c]:starts[c + 1]]`."""

    places: Places
    starts: Places

    @classmethod
    def of(cls, places: Places, codes: Codes, keys: int) -> "ByKey":
        """Rows that are sorted by their key, with the number of each one's key."""
        return cls(places, starts_of(np.bincount(codes, minlength=keys)))

    @property
    def counts(self) -> NDArray[np.int64]:
        return np.diff(self.starts)

    @property
    def codes(self) -> Codes:
        return np.repeat(np.arange(len(self.starts) - 1), self.counts)


def starts_of(counts: NDArray[np.int64]) -> Places:
    """Where each key's rows begin, and behind the last where all end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def integers(rows: pa.Table, name: str) -> NDArray[np.int64]:
    """A column of times or whole numbers without nulls, as numbers."""
    return rows.column(name).cast(pa.int64()).to_numpy()


def visible_from(rows: pa.Table) -> Micros:
    return np.maximum(integers(rows, EVENT_TIME), integers(rows, AVAILABLE_AT))


def packed(codes: Codes, times: Micros) -> NDArray[np.int64]:
    """A number for each row that sorts as (code, time) does."""
    if not len(codes):
        return codes
    least = int(times.min())
    bits = (int(times.max()) - least).bit_length()
    if int(codes.max()).bit_length() + bits > _BITS:
        distinct, times = np.unique(times, return_inverse=True)
        least, bits = 0, len(distinct).bit_length()
    return (codes << bits) | (times - least)


def distinct_order(rows: pa.Table, codes: Codes) -> Places:
    """The rows in order, a row that repeats another left out: of equal ones the first is kept.

    `rows` are as `LogColumns.conform` makes them, `codes` the numbers of their keys. Raises ConfigurationError for two
    rows of one place in the order that say different things: nobody could tell which of them holds.
    """
    event, available, sequence = (integers(rows, name) for name in (EVENT_TIME, AVAILABLE_AT, SEQUENCE))
    by_moment = packed(codes, np.maximum(event, available))
    order = np.argsort(by_moment, kind="stable")
    by_moment = by_moment[order]
    tied = np.flatnonzero(_beside_an_equal(by_moment))
    if not len(tied):
        return order
    rest = order[tied]
    rest = rest[np.lexsort((sequence[rest], available[rest], event[rest], by_moment[tied]))]
    order[tied] = rest
    equal = by_moment[tied[1:]] == by_moment[tied[:-1]]
    for column in (event, available, sequence):
        equal &= column[rest[1:]] == column[rest[:-1]]
    again = tied[1:][equal]
    _require_equal(rows, order[again - 1], order[again])
    return np.delete(order, again)


def _beside_an_equal(numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    tied = np.zeros(len(numbers), np.bool_)
    equal = numbers[1:] == numbers[:-1]
    tied[1:] |= equal
    tied[:-1] |= equal
    return tied


def _require_equal(rows: pa.Table, one: Places, other: Places) -> None:
    said = [name for name in rows.column_names if name == TOMBSTONE or name not in RESERVED]
    differing = np.zeros(len(one), np.bool_)
    for name in said:
        differing |= _differing(rows.column(name).take(one), rows.column(name).take(other))
    if not differing.any():
        return
    first = rows.take([one[differing][0], other[differing][0]]).to_pylist()
    raise ConfigurationError(
        f"{int(differing.sum())} rows of the log contradict another of the same key, `{EVENT_TIME}`, `{AVAILABLE_AT}` and "
        f"`{SEQUENCE}`, so which of them holds cannot be told; nothing was computed. The first: {first[0]} and {first[1]}. "
        f"Give each row of a key its own `{SEQUENCE}`, the greater for what holds."
    )


def _differing(one: pa.ChunkedArray, other: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Where two columns differ; null equals null, and NaN equals NaN."""
    if pa.types.is_nested(one.type):
        return np.array([repr(a) != repr(b) for a, b in zip(one.to_pylist(), other.to_pylist(), strict=True)], np.bool_)
    both = pa.chunked_array([*one.chunks, *other.chunks], one.type).combine_chunks()
    numbers = both.dictionary_encode(null_encoding="encode").indices.to_numpy()
    return numbers[: len(one)] != numbers[len(one) :]
