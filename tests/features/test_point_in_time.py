"""No label sees a value that was not known at its time, and no label is lost."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scale import AT_CI
from visible_oracle import MINUTE, START, TIME, Row, log_table, moment, timeline_of, winner

from assay.errors import ConfigurationError
from assay.features import Timeline, guard_skew, point_in_time_join

EXAMPLES = 400 if AT_CI else 50
MICROSECOND = timedelta(microseconds=1)
ONE_KEY = {"k": pa.string()}


def reference(ttl: int | None = 60) -> Timeline:
    """The one key of the reference table: a correction, a late row, a tombstone."""
    rows = [
        Row(("a",), 10, 10, 1, value=1),
        Row(("a",), 10, 25, 2, value=2),
        Row(("a",), 20, 22, 3, value=3),
        Row(("a",), 12, 40, 4, value=4),
        Row(("a",), 30, 30, 5, deleted=True, value=5),
    ]
    return timeline_of(rows, ONE_KEY, ttl=ttl)


def labels_at(minutes: Sequence[float], key: str = "a") -> pa.Table:
    return pa.table({"k": [key] * len(minutes), "label_ts": pa.array([moment(one) for one in minutes], TIME)})


def seen(minutes: Sequence[float], timeline: Timeline | None = None, **choices: Any) -> list[Any]:
    return point_in_time_join(labels_at(minutes), {"w": timeline or reference()}, **choices)["w__v"].to_pylist()


@pytest.mark.parametrize(
    ("minutes", "value"),
    [
        (9, None),  # nothing yet
        *((one, 1) for one in (10, 15, 21)),  # inclusive; the correction, r3 and the late row are not known yet
        *((one, 3) for one in (22, 26)),  # the correction's older event never beats r3
        *((one, None) for one in (30, 45)),  # the tombstone, which the late row must not undo
        (95, None),  # the winner expired, and no older one takes its place
    ],
)
def test_reference_table_as_served(minutes: int, value: int | None) -> None:
    assert seen([minutes]) == [value]


def test_reference_table_with_an_embargo() -> None:
    assert seen([22], embargo=5 * MINUTE) == [1]


def test_reference_table_as_known_at_21() -> None:
    expected = [1 if 10 <= minutes <= 70 else None for minutes in range(100)]
    assert seen(range(100), mode="as_known", known_at=moment(21)) == expected


def test_what_became_known_at_the_very_moment_of_the_cut_off_is_known() -> None:
    for known_at, value in ((moment(22) - MICROSECOND, 1), (moment(22), 3), (moment(22) + MICROSECOND, 3)):
        assert seen([26], mode="as_known", known_at=known_at) == [value]


def test_reference_table_without_the_tombstone_expires_to_the_microsecond() -> None:
    early = timeline_of([Row(("a",), 10, 10, value=1), Row(("a",), 20, 22, value=3)], ONE_KEY, ttl=60)
    edge = moment(80)
    labels = pa.table({"k": ["a", "a"], "label_ts": pa.array([edge, edge + MICROSECOND], TIME)})
    assert point_in_time_join(labels, {"w": early})["w__v"].to_pylist() == [3, None]


def test_reference_table_skew_is_clamped_or_quarantined() -> None:
    log = log_table([Row(("a",), 50, 47, value=1), Row(("a",), 60, 47, value=2)], ONE_KEY)
    guarded = guard_skew(log, tolerance=5 * MINUTE)
    assert guarded.accepted["event_ts"].to_pylist() == [moment(47)]
    assert guarded.quarantined["v"].to_pylist() == [2]
    timeline = Timeline.compile(guarded.accepted, entity="k", values=["v"])
    assert seen([46, 47, 50], timeline) == [None, 1, 1]


# Few keys and few moments, so that rows meet: equal event times, equal arrivals, late rows, corrections, repeats.
KEYS = [("a", 1), ("a", 2), ("b", 1)]
ENTITY = {"k": pa.string(), "n": pa.int32()}
LAST = 24
ROWS = st.lists(
    st.builds(
        lambda key, event, delay, seq, deleted, value: Row(key, event, event + delay, seq, deleted, value),
        st.sampled_from(KEYS),
        st.integers(0, LAST),
        st.sampled_from([0, 0, 1, 2, 5, 11, -1, -3]),
        st.integers(0, 2),
        st.sampled_from([False, False, False, True]),
        st.one_of(st.none(), st.integers(0, 9)),
    ),
    max_size=24,
    unique_by=lambda row: (row.key, *row.rank),
)
CHOICES = st.fixed_dictionaries(
    {
        "ttl": st.sampled_from([None, 0, 1, 5, 12]),
        "embargo": st.sampled_from([0, 0, 1, 4]),
        "known": st.sampled_from([None, None, None, -2, *range(LAST)]),
    }
)
UNITS = st.sampled_from([MICROSECOND, MINUTE])
# Every key, an unknown one, and keys with a null in them.
ASKED = [*KEYS, ("b", 2), ("c", 1), (None, 1), ("a", None)]
MOMENTS = range(-2, LAST + 18)
CELLS = len(ASKED) * len(MOMENTS)


def guarded(rows: Sequence[Row], unit: timedelta) -> tuple[pa.Table, list[Row]]:
    """The log behind the guard with a tolerance of two units, and its rows as the definition has them."""
    log = guard_skew(log_table(rows, ENTITY, unit), tolerance=2 * unit).accepted
    kept = [row for row in rows if row.event - row.available <= 2]
    kept = [Row(r.key, min(r.event, r.available), r.available, r.seq, r.deleted, r.value) for r in kept]
    assert log["event_ts"].to_pylist() == [moment(row.event, unit) for row in kept]
    places = {(row.key, *row.rank): place for place, row in enumerate(kept)}  # clamping can make two rows meet
    chosen = sorted(places.values())
    return log.take(pa.array(chosen, pa.int64())), [kept[place] for place in chosen]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=ROWS, second=ROWS, choices=CHOICES, ttl=st.sampled_from([None, 3]), unit=UNITS, order=st.randoms())
def test_join_is_the_definition(
    first: list[Row], second: list[Row], choices: dict[str, Any], ttl: int | None, unit: timedelta, order: Any
) -> None:
    """Two views at once, hundreds of labels in any order; among them unknown keys and nulls."""
    asked = [(key, t) for key in ASKED for t in MOMENTS]
    order.shuffle(asked)
    labels = pa.table(
        {
            "id": range(len(asked)),
            "n": pa.array([key[1] for key, _ in asked], pa.int64()),
            "k": pa.array([key[0] for key, _ in asked]),
            "label_ts": pa.array([moment(t, unit) for _, t in asked], TIME),
        }
    )
    views, expected = {}, {}
    for name, rows, lasting in (("one", first, choices["ttl"]), ("two", second, ttl)):
        log, rows_seen = guarded(rows, unit)
        kept = None if lasting is None else lasting * unit
        views[name] = Timeline.compile(log, entity=["k", "n"], values=["v"], ttl=kept)
        ask = {"ttl": lasting, "embargo": choices["embargo"], "known": choices["known"]}
        expected[name] = [winner(rows_seen, key, t, **ask) for key, t in asked]
    known = choices["known"]
    mode = {} if known is None else {"mode": "as_known", "known_at": moment(known, unit)}
    joined = point_in_time_join(labels, views, embargo=choices["embargo"] * unit, provenance=True, **mode)

    assert joined.select(labels.column_names).equals(labels)
    assert joined.num_rows == len(asked) == CELLS
    for name, winners in expected.items():
        assert joined[f"{name}__v"].to_pylist() == [row and row.value for row in winners]
        assert joined[f"{name}__event_ts"].to_pylist() == [row and moment(row.event, unit) for row in winners]
        assert joined[f"{name}__available_at"].to_pylist() == [row and moment(row.available, unit) for row in winners]


@settings(max_examples=EXAMPLES // 2, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS, known=st.integers(-1, LAST + 12), ttl=st.sampled_from([None, 5]))
def test_as_known_stays_the_same_when_more_arrives(rows: list[Row], known: int, ttl: int | None) -> None:
    _, rows = guarded(rows, MINUTE)
    then = timeline_of([row for row in rows if row.available <= known], ENTITY, ttl=ttl)
    now = then.extend(log_table([row for row in rows if row.available > known], ENTITY))
    asked = [(key, t) for key in ASKED for t in MOMENTS]
    labels = pa.table(
        {
            "k": pa.array([key[0] for key, _ in asked]),
            "n": pa.array([key[1] for key, _ in asked], pa.int32()),
            "label_ts": pa.array([moment(t) for _, t in asked], TIME),
        }
    )
    sets = [
        point_in_time_join(labels, {"w": one}, mode="as_known", known_at=moment(known), provenance=True)
        for one in (then, now)
    ]
    assert hash_of(sets[0]) == hash_of(sets[1])


def hash_of(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


def test_labels_come_back_as_they_are_whatever_they_hold() -> None:
    labels = pa.table(
        {
            "weight": pa.chunked_array([[0.5, None], [1.5, 2.5, 0.5]]),
            "k": pa.chunked_array([["a", None], ["z", "a", "a"]]),
            "label_ts": pa.chunked_array([[moment(22), moment(22)], [moment(22), None, moment(22)]], TIME),
        },
    ).replace_schema_metadata({"made by": "a notebook"})
    joined = point_in_time_join(labels, {"w": reference()})
    assert joined.select(labels.column_names).equals(labels, check_metadata=True)
    assert joined.schema.metadata == labels.schema.metadata
    assert joined["w__v"].to_pylist() == [3, None, None, None, 3]


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        (pa.int32(), pa.int64()),
        (pa.int64(), pa.uint8()),
        (pa.string(), pa.large_string()),
        (pa.large_string(), pa.string_view()),
        (pa.dictionary(pa.int32(), pa.string()), pa.string()),
        (pa.string(), pa.dictionary(pa.int8(), pa.large_string())),
        (pa.date32(), pa.date64()),
        (pa.bool_(), pa.bool_()),
        (pa.binary(), pa.large_binary()),
        (pa.timestamp("s", "UTC"), pa.timestamp("ns", "Europe/Berlin")),
    ],
    ids=str,
)
def test_keys_are_found_in_whatever_type_of_their_kind(stored: pa.DataType, asked: pa.DataType) -> None:
    plain = stored.value_type if pa.types.is_dictionary(stored) else stored
    keys = {
        "int": [7, 3], "str": ["b", "a"], "dat": [date(2026, 1, 2), date(2026, 1, 1)], "boo": [True, False],
        "bin": [b"b", b"a"], "lar": ["b", "a"], "tim": [START, START - MINUTE],
    }[str(plain)[:3]]  # fmt: skip
    log = log_table([Row((key,), 0, 0, value=place) for place, key in enumerate(keys)], {"k": plain})
    log = log.set_column(0, "k", log["k"].cast(stored))
    labels = pa.table(
        {
            "k": pa.array([keys[1], None, keys[0]], plain).cast(asked)
            if plain != asked
            else pa.array([keys[1], None, keys[0]], asked)
        }
    )
    labels = labels.append_column("label_ts", pa.array([START] * 3, TIME))
    timeline = Timeline.compile(log, entity="k", values=["v"])
    assert point_in_time_join(labels, {"w": timeline})["w__v"].to_pylist() == [1, None, 0]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_label_times_in_any_unit_and_zone(unit: str) -> None:
    labels = labels_at([9, 10, 22]).set_column(
        1, "label_ts", pa.array([moment(one) for one in (9, 10, 22)], pa.timestamp(unit, "America/New_York"))
    )
    assert point_in_time_join(labels, {"w": reference()})["w__v"].to_pylist() == [None, 1, 3]


def test_nanoseconds_neither_see_more_nor_expire_later() -> None:
    nanos = [int(moment(one).timestamp()) * 10**9 + more for one, more in ((10, -1), (10, 1), (70, 0), (70, 1))]
    labels = pa.table({"k": ["a"] * 4, "label_ts": pa.array(nanos, pa.timestamp("ns", "UTC"))})
    only = timeline_of([Row(("a",), 10, 10, value=1)], ONE_KEY, ttl=60)
    assert point_in_time_join(labels, {"w": only})["w__v"].to_pylist() == [None, 1, 1, None]


def test_nothing_in_nothing_out() -> None:
    labels, timeline = labels_at([22, 30]), reference()
    assert point_in_time_join(labels, {}).equals(labels)
    none = point_in_time_join(labels.slice(0, 0), {"w": timeline})
    assert (none.num_rows, none.column_names) == (0, ["k", "label_ts", "w__v"])
    empty = Timeline.compile(log_table([], ONE_KEY), entity="k", values=["v"])
    joined = point_in_time_join(labels, {"w": empty}, provenance=True)
    assert joined["w__v"].to_pylist() == [None, None]
    untyped = pa.table({"k": pa.nulls(2), "label_ts": pa.nulls(2)})
    assert point_in_time_join(untyped, {"w": timeline})["w__v"].to_pylist() == [None, None]


def test_values_of_every_type_come_through() -> None:
    values = pa.table(
        {
            "k": ["a"], "event_ts": pa.array([START], TIME), "available_at": pa.array([START], TIME), "seq": [0],
            "is_deleted": [False], "list": [[1.0, 2.0]], "struct": [{"x": 1}], "text": pa.array(["x"]).dictionary_encode(),
            "day": [date(2026, 1, 1)], "none": pa.nulls(1),
        }
    )  # fmt: skip
    timeline = Timeline.compile(values, entity="k", values=["list", "struct", "text", "day", "none"])
    joined = point_in_time_join(labels_at([0]), {"w": timeline}).drop_columns(["k", "label_ts"])
    assert joined.to_pylist() == [
        {"w__list": [1.0, 2.0], "w__struct": {"x": 1}, "w__text": "x", "w__day": date(2026, 1, 1), "w__none": None}
    ]


@pytest.mark.parametrize(
    ("labels", "choices", "message"),
    [
        (labels_at([1]).set_column(1, "label_ts", pa.array([datetime(2026, 1, 1)])), {}, "no time zone"),
        (labels_at([1]).set_column(1, "label_ts", pa.array([date(2026, 1, 1)])), {}, "not moments"),
        (labels_at([1]).drop_columns("k"), {}, "lacks the column `k`"),
        (labels_at([1]).append_column("k", pa.array(["a"])), {}, "twice"),
        (labels_at([1]).append_column("w__v", pa.array(["a"])), {}, "`w__v` twice"),
        (labels_at([1]).set_column(0, "k", pa.array([1])), {}, "int64 in the labels"),
        (labels_at([1]).set_column(0, "k", pa.array([1.5])), {}, "cannot be a key"),
        (labels_at([1]), {"label_time": "at"}, "lacks the column `at`"),
        (labels_at([1]), {"mode": "as_of"}, "`as_of` is no way to join"),
        (labels_at([1]), {"mode": "as_known"}, "needs the moment `known_at`"),
        (labels_at([1]), {"known_at": START}, "takes none"),
        (labels_at([1]), {"mode": "as_known", "known_at": datetime(2026, 1, 1)}, "has no time zone"),
        (labels_at([1]), {"embargo": -MINUTE}, "would let labels see the future"),
    ],
)
def test_refusals_say_what_to_do(labels: pa.Table, choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        point_in_time_join(labels, {"w": reference()}, **choices)
    assert "nothing was" in str(refused.value)


def test_views_whose_columns_would_meet_are_refused() -> None:
    log = log_table([], ONE_KEY).append_column("b__v", pa.array([], pa.int64()))
    views = {"a": Timeline.compile(log, entity="k", values=["b__v"]), "a__b": reference()}
    with pytest.raises(ConfigurationError, match="`a__b__v` twice"):
        point_in_time_join(labels_at([1]), views)


def test_for_ever_is_as_long_as_python_can_say() -> None:
    for_ever = timeline_of([Row(("a",), 10, 10, value=1)], ONE_KEY)
    lasting = Timeline.compile(for_ever.log, entity="k", values=["v"], ttl=timedelta.max)
    assert seen([10, 10**8], lasting) == [1, 1]
    assert seen([10, 10**8], lasting, embargo=timedelta.max) == [None, None]
    assert seen([30], for_ever, mode="as_known", known_at=datetime.max.replace(tzinfo=UTC)) == [1]
