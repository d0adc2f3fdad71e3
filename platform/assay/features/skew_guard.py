"""The clock-skew guard: no event is later than the moment at which it was known.

Clocks of senders run ahead. A little ahead is clamped: the event happened when it arrived, and what its sender said is
kept. Far ahead is no clock but an error: quarantined, for a person to judge.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute

from assay.errors import ConfigurationError
from assay.features.log_columns import AVAILABLE_AT, EVENT_TIME, column_of, time_column

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

RAW_EVENT_TIME = "raw_event_ts"


@dataclass(frozen=True)
class SkewGuarded:
    """`accepted` and `quarantined` together are the rows that came in; `clamped` counts those of `accepted` that changed."""

    accepted: pa.Table
    quarantined: pa.Table
    clamped: int


def guard_skew(
    log: pa.Table,
    *,
    tolerance: timedelta,
    event_time: str = EVENT_TIME,
    available_at: str = AVAILABLE_AT,
    raw_event_time: str = RAW_EVENT_TIME,
) -> SkewGuarded:
    """Clamp events that are later than their arrival by at most `tolerance`, quarantine those that are later by more.

    `accepted` has one more column, `raw_event_time`, with the time as it came; in `quarantined` it is in its place. A row
    of which one of the times is null is quarantined too: nobody can say that it was known in time. Raises
    ConfigurationError for columns that are missing, or hold no moments.
    """
    if tolerance < timedelta(0):
        raise ConfigurationError(
            f"A tolerance of {tolerance} is negative; nothing was guarded. `tolerance=timedelta(0)` tolerates none."
        )
    if raw_event_time in log.column_names:
        raise ConfigurationError(
            f"The log has a column `{raw_event_time}`, which would be lost; nothing was guarded. "
            "Name another: `guard_skew(..., raw_event_time='reported_event_ts')`."
        )
    said = time_column(column_of(log, event_time, "the log"), event_time, "the log")
    known = time_column(column_of(log, available_at, "the log"), available_at, "the log")
    ahead = pc.subtract(said.cast(pa.int64()), known.cast(pa.int64()))
    within = pc.fill_null(pc.less_equal(ahead, tolerance // timedelta(microseconds=1)), False)
    place = log.column_names.index(event_time)
    clamped = log.set_column(place, event_time, pc.if_else(pc.greater(said, known), known, said))
    accepted = clamped.append_column(raw_event_time, log.column(event_time)).filter(within)
    return SkewGuarded(
        accepted=accepted,
        quarantined=log.filter(pc.invert(within)),
        clamped=pc.sum(pc.and_(within, pc.greater(ahead, 0))).as_py() or 0,
    )
