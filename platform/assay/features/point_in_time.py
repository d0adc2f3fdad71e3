"""The point-in-time join: for every label the feature values that were known at its time, and not one that was not.

A row of a feature log is visible to a label at T, with an embargo E and a knowledge cut-off K, if

    event_ts <= T - E  and  available_at <= min(T - E, K)

The visible row with the greatest `(event_ts, available_at, seq)` wins. Its values are returned unless it is a tombstone or
older than the ttl, `event_ts < T - ttl`; an older row never takes its place. Every label comes back, in its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.errors import ConfigurationError
from assay.features.entity_keys import UNKNOWN, key_column
from assay.features.log_columns import AVAILABLE_AT, EVENT_TIME, TOMBSTONE, column_of, time_column
from assay.features.row_order import Micros, Places
from assay.features.timeline import Timeline

Mode = Literal["as_served", "as_known"]
# Longer than any history: what a greater ttl or embargo comes to, without leaving 64 bits.
_FOR_EVER_MICROS = 2**62
_MICROSECOND = timedelta(microseconds=1)
_PROVENANCE = (EVENT_TIME, AVAILABLE_AT)


def point_in_time_join(
    labels: pa.Table,
    timelines: Mapping[str, Timeline],
    *,
    label_time: str = "label_ts",
    mode: Mode = "as_served",
    known_at: datetime | None = None,
    embargo: timedelta = timedelta(0),
    provenance: bool = False,
) -> pa.Table:
    """`labels` with the values of every timeline as columns `<view>__<value>`: the same rows in the same order.

    `timelines` are by the name of their view; each finds its entity columns in `labels` under their own names. A label
    whose key or time is null, whose key is unknown or whose value has expired gets nulls. `provenance` adds
    `<view>__event_ts` and `<view>__available_at` of the row that each label's values come from.

    `as_served` answers what online serving would have answered at the label's time. `as_known` uses only what was known
    at `known_at` as well, and so gives the same rows whenever it is asked again.

    Raises ConfigurationError for columns that are missing, named twice or typed otherwise than the timeline's, for times
    without a time zone, and for choices that contradict each other.
    """
    _check(mode, known_at, embargo)
    _check_names(labels, timelines, provenance)
    moments = _Moments.of(labels, label_time)
    before = moments.down - min(embargo // _MICROSECOND, _FOR_EVER_MICROS)
    columns = list(labels.columns)
    fields = list(labels.schema)
    for view, timeline in timelines.items():
        keys = [_label_keys(labels, name, view, timeline) for name in timeline.entity]
        codes = np.where(moments.missing, UNKNOWN, timeline.history.keys.codes(keys))
        winners = timeline.intervals(known_at).found(codes, before)
        rows = _served(timeline, winners, moments.up)
        for name in (*timeline.values, *(_PROVENANCE if provenance else ())):
            column = timeline.history.stored.column(name).take(rows)
            columns.append(column)
            fields.append(pa.field(f"{view}__{name}", column.type))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, labels.schema.metadata))


def _served(timeline: Timeline, winners: Places, label_times: Micros) -> pa.Array:
    """The rows whose values are returned; null for a label without a winner, or whose winner is deleted or expired."""
    found = pa.array(winners, mask=winners == UNKNOWN)
    log = timeline.history.stored
    absent = log.column(TOMBSTONE).take(found).fill_null(True).to_numpy()
    if timeline.ttl is not None:
        events = log.column(EVENT_TIME).cast(pa.int64()).take(found).fill_null(0).to_numpy()
        absent = absent | (label_times - events > min(timeline.ttl // _MICROSECOND, _FOR_EVER_MICROS))
    return pa.array(winners, mask=absent)


@dataclass(frozen=True)
class _Moments:
    """The labels' times in microseconds, finer ones rounded `down` to see no more and `up` to expire no later."""

    down: Micros
    up: Micros
    missing: NDArray[np.bool_]

    @classmethod
    def of(cls, labels: pa.Table, name: str) -> "_Moments":
        column = column_of(labels, name, "the labels")
        missing = column.is_null().to_numpy()
        if not pa.types.is_timestamp(column.type) or column.type.unit != "ns" or column.type.tz is None:
            micros = time_column(column, name, "the labels").cast(pa.int64()).fill_null(0).to_numpy()
            return cls(micros, micros, missing)
        nanos = column.cast(pa.int64()).fill_null(0).to_numpy()
        return cls(nanos // 1000, -(-nanos // 1000), missing)


def _label_keys(labels: pa.Table, name: str, view: str, timeline: Timeline) -> pa.Array:
    column = column_of(labels, name, "the labels")
    keys = key_column(column, name, "the labels")
    known = timeline.history.keys.values[timeline.entity.index(name)].type
    if keys.type != known and not pa.types.is_null(keys.type) and not pa.types.is_null(known):
        raise ConfigurationError(
            f"`{name}` is {column.type} in the labels and {known} in the view `{view}`, so no label would find its values; "
            f'nothing was joined. Cast the labels: `labels["{name}"].cast("{known}")`.'
        )
    return keys


def _check(mode: str, known_at: datetime | None, embargo: timedelta) -> None:
    if mode not in get_args(Mode):
        raise ConfigurationError(
            f"`{mode}` is no way to join; nothing was joined. There are {', '.join(f'`{one}`' for one in get_args(Mode))}."
        )
    if (mode == "as_known") != (known_at is not None):
        raise ConfigurationError(
            "`as_known` needs the moment `known_at`, and `as_served` takes none; nothing was joined. "
            "`mode='as_known', known_at=datetime(2026, 11, 1, tzinfo=UTC)`."
        )
    if known_at is not None and known_at.utcoffset() is None:
        raise ConfigurationError(
            f"`known_at` ({known_at}) has no time zone; nothing was joined. `known_at.replace(tzinfo=UTC)` if UTC is meant."
        )
    if embargo < timedelta(0):
        raise ConfigurationError(
            f"An embargo of {embargo} would let labels see the future; nothing was joined. `embargo=timedelta(0)` is none."
        )


def _check_names(labels: pa.Table, timelines: Mapping[str, Timeline], provenance: bool) -> None:
    names = [
        *labels.column_names,
        *(
            f"{view}__{name}"
            for view, timeline in timelines.items()
            for name in (*timeline.values, *(_PROVENANCE if provenance else ()))
        ),
    ]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(
            f"The joined table would have {', '.join(f'`{name}`' for name in twice)} twice; nothing was joined. "
            "Rename the column of the labels, or the view: `labels.rename_columns(...)`."
        )
