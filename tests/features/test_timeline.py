"""A timeline says which row held when, whatever order the log's rows came in and however they were cut."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scale import AT_CI
from visible_oracle import MINUTE, START, TIME, Row, log_table, moment, timeline_of

from assay.errors import ConfigurationError
from assay.features import Timeline, history, point_in_time_join
from assay.features.row_order import distinct_order

EXAMPLES = 500 if AT_CI else 60
ENTITY = {"k": pa.string(), "n": pa.int16()}
ONE_KEY = {"k": pa.string()}
REFERENCE = [
    Row(("a",), 10, 10, 1, value=1),
    Row(("a",), 10, 25, 2, value=2),
    Row(("a",), 20, 22, 3, value=3),
    Row(("a",), 12, 40, 4, value=4),
    Row(("a",), 30, 30, 5, deleted=True, value=5),
]
# Few keys and moments, so that event times and arrivals tie.
ROWS = st.lists(
    st.builds(
        lambda key, event, delay, seq, deleted, value: Row(key, event, event + delay, seq, deleted, value),
        st.tuples(st.sampled_from("abcd"), st.integers(-1, 1)),
        st.integers(0, 12),
        st.sampled_from([0, 0, 1, 3, 9]),
        st.integers(0, 1),
        st.booleans(),
        st.one_of(st.none(), st.integers(0, 3)),
    ),
    max_size=30,
    unique_by=lambda row: (row.key, *row.rank),
)


def bytes_of(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def test_the_slowly_changing_table_of_the_reference() -> None:
    assert timeline_of(REFERENCE, ONE_KEY).rows.to_pylist() == [
        {
            "k": "a", "valid_from": moment(since), "valid_to": until and moment(until), "event_ts": moment(event),
            "available_at": moment(known), "seq": seq, "is_deleted": deleted, "v": value,
        }
        for since, until, event, known, seq, deleted, value in [
            (10, 22, 10, 10, 1, False, 1), (22, 30, 20, 22, 3, False, 3), (30, None, 30, 30, 5, True, 5),
        ]
    ]  # fmt: skip


def test_the_log_keeps_rows_that_never_held() -> None:
    timeline = timeline_of(REFERENCE, ONE_KEY)
    assert timeline.log["v"].to_pylist() == [1, 3, 2, 5, 4]
    assert (timeline.entity, timeline.values, timeline.ttl) == (("k",), ("v",), None)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS, order=st.randoms())
def test_rows_in_any_order_and_repeated_give_the_same_bytes(rows: list[Row], order: Any) -> None:
    shuffled = [*rows, *order.choices(rows, k=len(rows) // 2)] if rows else []
    order.shuffle(shuffled)
    one, other = timeline_of(rows, ENTITY), timeline_of(shuffled, ENTITY)
    assert bytes_of(one.rows) == bytes_of(other.rows)
    assert bytes_of(one.log) == bytes_of(other.log)
    assert one.log.num_rows == len(rows)
    keys = {row.key for row in rows}
    assert sum(one.rows["valid_to"].is_null().to_pylist()) == len(keys), "each key has one row that holds"


@settings(max_examples=EXAMPLES * 2, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS, order=st.randoms(), by_arrival=st.booleans())
def test_extending_is_compiling_everything(rows: list[Row], order: Any, by_arrival: bool) -> None:
    """In the order of arrival, where most rows follow a head, or in any; rows that came before come again."""
    order.shuffle(rows)
    if by_arrival:
        rows.sort(key=lambda row: row.available)
    cuts = sorted(order.choices(range(len(rows) + 1), k=3))
    pieces = [rows[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    grown = timeline_of(pieces[0], ENTITY)
    for number, piece in enumerate(pieces[1:], 1):
        again = order.choices(pieces[number - 1], k=1) if pieces[number - 1] else []
        before = bytes_of(grown.rows)
        standing, grown = grown, grown.extend(log_table([*piece, *again], ENTITY))
        assert bytes_of(standing.rows) == before, "what was extended stays as it was"
    whole = timeline_of(rows, ENTITY)
    assert grown.rows.equals(whole.rows)
    assert grown.log.equals(whole.log)
    asked = [(key, t) for key in sorted({row.key for row in rows}) for t in range(-1, 24)]
    labels = pa.table(
        {
            "k": pa.array([key[0] for key, _ in asked], pa.string()),
            "n": pa.array([key[1] for key, _ in asked], pa.int64()),
            "label_ts": pa.array([moment(t) for _, t in asked], TIME),
        }
    )
    for choices in ({}, {"mode": "as_known", "known_at": moment(7)}):
        joined = [point_in_time_join(labels, {"w": one}, **choices) for one in (grown, whole)]
        assert joined[0].equals(joined[1])


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(old=ROWS, new=ROWS)
def test_the_rows_that_held_say_all_that_later_ones_need(old: list[Row], new: list[Row]) -> None:
    """A stored timeline can be read back as a log, and grown, without the rows that never held."""
    known = {(row.key, *row.rank) for row in old}
    new = [row for row in new if (row.key, *row.rank) not in known]
    stored = timeline_of(old, ENTITY).rows
    assert Timeline.compile(stored, entity=list(ENTITY), values=["v"]).rows.equals(stored)
    grown = Timeline.compile(stored, entity=list(ENTITY), values=["v"]).extend(log_table(new, ENTITY))
    assert grown.rows.equals(timeline_of([*old, *new], ENTITY).rows)


@pytest.mark.parametrize(
    ("new", "compiled"),
    [
        ([Row(("b",), 99, 99)], 2),  # behind b's head: the head and the new row
        ([Row(("b",), 5, 99)], 2),  # an older event known late is behind it as well
        ([Row(("b",), 3, 3, 7)], 11),  # an old partition arrives late: all of b
        ([Row(("c",), 3, 3)], 1),  # a new key
        ([Row(("b",), 3, 3, 7), Row(("a",), 99, 99)], 13),
    ],
)
def test_extending_compiles_only_what_changes(new: list[Row], compiled: int, monkeypatch: pytest.MonkeyPatch) -> None:
    old = [Row((key,), event, event, value=event) for key in "ab" for event in range(10)]
    timeline, counts = timeline_of(old, ONE_KEY), []

    def counting(rows: pa.Table, codes: Any) -> Any:
        counts.append(rows.num_rows)
        return distinct_order(rows, codes)

    monkeypatch.setattr(history, "distinct_order", counting)
    grown = timeline.extend(log_table(new, ONE_KEY))
    assert counts == [compiled]
    monkeypatch.undo()
    assert grown.rows.equals(timeline_of([*old, *new], ONE_KEY).rows)


def test_keys_far_apart_in_time_are_told_apart() -> None:
    """Key and microsecond together need more than 64 bits."""
    rows = [
        Row((f"{key:05}",), event, event, value=event)
        for key in range(3000)
        for event in (-(10**8), 0, 10**9, 10**9 + 1)
    ]
    rows[-1] = Row(rows[-1].key, 5, 5, value=5)
    timeline = timeline_of(rows[::-1], ONE_KEY, unit=timedelta(hours=1) / 100)
    assert timeline.rows.num_rows == len(rows)
    assert timeline.rows["k"].to_pylist() == [row.key[0] for row in rows]
    assert timeline.rows["v"].to_pylist()[-4:] == [-(10**8), 0, 5, 10**9]


def test_equal_rows_are_one_whatever_their_values_are() -> None:
    values = {"f": [float("nan")], "s": [None], "l": [[1, None]], "t": ["x"]}
    row = pa.table(
        {
            "k": ["a"],
            "at": pa.array([START], TIME),
            "seq": [0],
            "gone": [False],
            **{k: pa.array(v) for k, v in values.items()},
        }
    )
    named = {"event_time": "at", "available_at": "at", "tombstone": "gone", "entity": "k", "values": list(values)}
    timeline = Timeline.compile(pa.concat_tables([row, row, row]), **named)
    assert timeline.log.num_rows == timeline.rows.num_rows == 1
    assert timeline.extend(row).log.num_rows == 1
    for name, other in (("f", 1.0), ("s", None), ("l", [1]), ("t", None)):
        place = row.column_names.index(name)
        changed = row.set_column(place, name, pa.array([other], row.schema.field(name).type))
        if name == "s":
            assert timeline.extend(changed).log.num_rows == 1
            continue
        with pytest.raises(ConfigurationError, match="1 rows of the log contradict another"):
            timeline.extend(changed)


def test_contradicting_rows_are_refused_with_both() -> None:
    rows = [Row(("a",), 10, 12, 1, value=1), Row(("b",), 10, 12, 1, value=1), Row(("a",), 10, 12, 1, value=2)]
    with pytest.raises(ConfigurationError, match="Give each row of a key its own `seq`") as refused:
        timeline_of(rows, ONE_KEY)
    assert "'v': 1" in str(refused.value)
    assert "'v': 2" in str(refused.value)
    apart = timeline_of([rows[0], Row(("a",), 10, 12, 2, value=2)], ONE_KEY)
    assert apart.rows["v"].to_pylist() == [2], "the greater seq holds"


def test_dictionaries_and_chunks_make_no_difference() -> None:
    log = log_table(REFERENCE, ONE_KEY)
    encoded = log.set_column(0, "k", log["k"].dictionary_encode())
    chunked = pa.concat_tables([encoded.slice(0, 2), encoded.slice(2, 0), encoded.slice(2)])
    timeline = Timeline.compile(chunked, entity="k", values=["v"])
    assert bytes_of(timeline.rows) == bytes_of(timeline_of(REFERENCE, ONE_KEY).rows)


def test_empty_logs() -> None:
    empty = timeline_of([], ENTITY)
    assert (empty.rows.num_rows, empty.log.num_rows) == (0, 0)
    rows = [Row(("a", 1), 1, 1, value=1)]
    assert empty.extend(log_table(rows, ENTITY)).rows.equals(timeline_of(rows, ENTITY).rows)
    assert timeline_of(rows, ENTITY).extend(log_table([], ENTITY)).rows.equals(timeline_of(rows, ENTITY).rows)


def test_a_value_that_was_always_null_takes_its_type_when_it_comes() -> None:
    rows = [Row(("a",), 1, 1), Row(("a",), 2, 2, value=5)]
    none = Timeline.compile(log_table(rows[:1], ONE_KEY, v=pa.null()), entity="k", values=["v"])
    assert none.extend(log_table(rows[1:], ONE_KEY)).rows["v"].to_pylist() == [None, 5]
    with pytest.raises(ConfigurationError, match="the timeline stays as it was"):
        timeline_of(rows, ONE_KEY).extend(log_table([Row(("a",), 3, 3, value="x")], ONE_KEY, v=pa.string()))


LOG = log_table([Row(("a",), 10, 12, value=1)], ONE_KEY)


def with_column(name: str, column: list[Any], kind: pa.DataType | None = None) -> pa.Table:
    return LOG.set_column(LOG.column_names.index(name), name, pa.array(column, kind))


@pytest.mark.parametrize(
    ("log", "choices", "message"),
    [
        (with_column("k", [None], pa.string()), {}, "`k` of the log is null in 1 rows"),
        (with_column("event_ts", [None], TIME), {}, "`event_ts` of the log is null in 1 rows"),
        (with_column("available_at", [None], TIME), {}, "`available_at` of the log is null in 1 rows"),
        (with_column("seq", [None], pa.int64()), {}, "`seq` of the log is null"),
        (with_column("is_deleted", [None], pa.bool_()), {}, "`is_deleted` of the log is null"),
        (with_column("is_deleted", ["no"]), {}, "holds string, not bool"),
        (with_column("seq", [1.5]), {}, "holds double, not int64"),
        (with_column("k", [1.5]), {}, "cannot be a key"),
        (with_column("k", [{"x": 1}]), {}, "cannot be a key"),
        (with_column("event_ts", [datetime(2026, 1, 1)]), {}, "no time zone"),
        (with_column("event_ts", [date(2026, 1, 1)]), {}, "not moments"),
        (with_column("event_ts", [1], pa.timestamp("ns", "UTC")), {}, "does not fit microseconds"),
        (with_column("event_ts", [moment(13)]), {}, "1 rows of the log were known before they happened"),
        (LOG.drop_columns("v"), {}, "lacks the column `v`"),
        (LOG.append_column("v", pa.array([1])), {}, "has 2 columns `v`"),
        (LOG, {"event_time": "at"}, "lacks the column `at`"),
        (LOG, {"entity": []}, "no keys"),
        (LOG, {"entity": ["k", "v"]}, "named twice"),
        (LOG, {"values": ["seq"]}, "`seq` names a column that every timeline has"),
        (LOG, {"ttl": -MINUTE}, "negative"),
    ],
)
def test_refusals_say_what_to_do(log: pa.Table, choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        Timeline.compile(log, **{"entity": "k", "values": ["v"], **choices})
    assert "nothing was computed" in str(refused.value)


def test_times_of_another_zone_and_unit_are_the_same_moments() -> None:
    berlin = LOG.set_column(1, "event_ts", LOG["event_ts"].cast(pa.timestamp("ns", "Europe/Berlin")))
    timeline = Timeline.compile(berlin, entity="k", values=["v"])
    assert timeline.rows.schema.field("event_ts").type == TIME
    assert timeline.rows["event_ts"].to_pylist() == [moment(10).astimezone(UTC)]
