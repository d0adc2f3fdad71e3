"""After the guard no event is later than its arrival, no row is lost, and what was said is kept."""

from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from visible_oracle import MINUTE, TIME, Row, log_table, moment

from assay.errors import ConfigurationError
from assay.features import guard_skew

KEY = {"k": pa.string()}


def test_a_little_ahead_is_clamped_and_far_ahead_is_quarantined() -> None:
    rows = [Row(("a",), event, 47, value=place) for place, event in enumerate((40, 47, 50, 52, 60))]
    guarded = guard_skew(log_table(rows, KEY), tolerance=5 * MINUTE)
    assert guarded.accepted["event_ts"].to_pylist() == [moment(one) for one in (40, 47, 47, 47)]
    assert guarded.accepted["raw_event_ts"].to_pylist() == [moment(one) for one in (40, 47, 50, 52)]
    assert guarded.clamped == 2
    assert guarded.quarantined.equals(log_table(rows[4:], KEY))


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 20)), st.one_of(st.none(), st.integers(0, 20)))),
    st.integers(0, 5),
)
def test_every_row_is_accepted_or_quarantined(times: list[tuple[int | None, int | None]], tolerance: int) -> None:
    columns = [
        pa.array([None if one is None else moment(one) for one in side], TIME) for side in zip(*times, strict=True)
    ]
    columns = columns or [pa.array([], TIME)] * 2
    log = pa.table({"id": range(len(times)), "event_ts": columns[0], "available_at": columns[1]})
    guarded = guard_skew(log, tolerance=tolerance * MINUTE)
    within = [event is not None and known is not None and event - known <= tolerance for event, known in times]
    assert guarded.accepted["id"].to_pylist() == [place for place, fine in enumerate(within) if fine]
    assert guarded.quarantined["id"].to_pylist() == [place for place, fine in enumerate(within) if not fine]
    assert all(row["event_ts"] == min(row["raw_event_ts"], row["available_at"]) for row in guarded.accepted.to_pylist())


@pytest.mark.parametrize(
    ("log", "tolerance", "message"),
    [
        (log_table([], KEY), -MINUTE, "negative"),
        (log_table([], KEY).drop_columns("event_ts"), MINUTE, "lacks the column `event_ts`"),
        (log_table([], KEY).append_column("raw_event_ts", pa.array([], TIME)), MINUTE, "would be lost"),
    ],
)
def test_refusals(log: pa.Table, tolerance: timedelta, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        guard_skew(log, tolerance=tolerance)
