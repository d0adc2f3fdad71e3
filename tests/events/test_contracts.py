"""Contracts: every event is judged and typed as a slow reading in plain Python would."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pyarrow as pa
import pytest
from event_runs import Event, day, heartbeat, impression
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scale import AT_CI

from assay.event_tables import EventRow
from assay.events.conservation import LOG
from assay.events.contracts import (
    CONTRACTS,
    ENVELOPE,
    EVENT_REASONS,
    KINDS,
    MAX_EVENT_BYTES,
    Contract,
    EventReason,
    Field,
    Kind,
)
from assay.events.typed_events import EVENTS, TypedEvents, typed_events
from assay.warehouse import engine

ARRIVED = datetime(2026, 11, 1, 12, tzinfo=UTC)
SKEW_SECONDS = 300.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME = re.compile(
    r"(19[7-9][0-9]|2[01][0-9]{2})-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
)
INTEGERS = range(-(2**63), 2**63)


def judged(*events: Event | str) -> TypedEvents:
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    count = len(texts)
    columns = [["s"] * count, [day(1)] * count, ["p"] * count, list(range(count)), [ARRIVED] * count, texts]
    log = pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, LOG.schema, strict=True)], schema=LOG.schema
    )
    with engine() as connection:
        typed = typed_events(connection, log, skew_seconds=SKEW_SECONDS)
    assert typed.accepted.num_rows + typed.refused.num_rows == count, "an event was lost or doubled"
    return typed


def refusal(event: Event | str) -> tuple[str, str]:
    [row] = judged(event).refused.to_pylist()
    return row["reason"], row["detail"]


def accepted(event: Event | str) -> dict[str, Any]:
    [row] = judged(event).accepted.to_pylist()
    return row


# The reference: one event at a time, with the json module, written from the words of the contracts.


class Refused(Exception):
    def __init__(self, reason: EventReason) -> None:
        super().__init__(reason)
        self.reason = reason


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    # A name twice deeper inside concerns nobody; only the outermost object is looked at, which is read last.
    return found if len(found) == len(pairs) else {**found, "\0twice": True}


def reference(text: str, contracts: tuple[Contract, ...] = CONTRACTS) -> dict[str, Any]:
    """The columns that the event ends in; raises Refused."""
    fields = _parsed(text)
    event_type = _value(fields, ENVELOPE[0], known={one.event_type for one in contracts})
    version = _value(fields, ENVELOPE[1])
    contract = next((one for one in contracts if (one.event_type, one.schema_version) == (event_type, version)), None)
    if contract is None:
        raise Refused("unknown_schema_version")
    row: dict[str, Any] = dict.fromkeys(EVENTS.schema.names)
    for field in (*ENVELOPE, *contract.fields):
        row[field.column] = _value(fields, field)
    claimed = row.pop("available_at")
    if claimed is not None and claimed != ARRIVED:
        raise Refused("bad_available_at")
    if row["event_ts"] - ARRIVED > timedelta(seconds=SKEW_SECONDS):
        raise Refused("clock_skew")
    unknown = {name: value for name, value in fields.items() if name not in contract.names}
    return {
        **{name: value for name, value in row.items() if name not in PLACE},
        "event_day": row["event_ts"].date(),
        "unknown_fields": unknown or None,
        "adaptations": sorted(field.adaptation for field in contract.fields if field.adaptation),
    }


def _parsed(text: str) -> dict[str, Any]:
    if len(text.encode()) > MAX_EVENT_BYTES or "\ufffd" in text:
        raise Refused("malformed_json")
    try:
        fields = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise Refused("malformed_json") from None
    if not isinstance(fields, dict) or "\0twice" in fields or _has_half_a_pair(fields):
        raise Refused("malformed_json")
    return fields


def _has_half_a_pair(fields: object) -> bool:
    """UTF-16 has pairs for what lies beyond its range; half of one is no character."""
    return any("\ud800" <= one <= "\udfff" for one in json.dumps(fields, ensure_ascii=False))


def _value(fields: dict[str, Any], field: Field, known: set[str] | None = None) -> Any:
    if field.name not in fields:
        if not field.is_required:
            return None
        raise Refused("missing_field")
    value = fields[field.name]
    if value is None:
        if not field.is_required:
            return None
        raise Refused("null_field")
    if known is not None and isinstance(value, str):
        if value not in known:
            raise Refused("unknown_event_type")
        return value
    typed = _typed(value, field.kind)
    if typed is None:
        raise Refused(field.if_wrong)
    return typed


def _typed(value: Any, kind: Kind) -> Any:
    match kind, value:
        case "integer", bool():
            return None
        case "integer", int():
            return value if value in INTEGERS else None
        case "boolean", bool():
            return value
        case "text", str():
            return value
        case "identifier", str():
            is_one = 1 <= len(value) <= 200 and value.strip(" ") and not re.search(r"[\x00-\x1f\x7f]", value)
            return value if is_one else None
        case "amount", str():
            found = re.fullmatch(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,6}))?", value)
            if not found:
                return None
            micros = int(found[2]) * 1_000_000 + int((found[3] or "").ljust(6, "0"))
            return -micros if found[1] else micros
        case "time", str() if TIME.fullmatch(value):
            try:
                return datetime.fromisoformat(value).astimezone(UTC)
            except ValueError:
                return None
        case _:
            return None


def expected(text: str) -> dict[str, Any] | str:
    """The columns that the event ends in, or the reason for which it is refused."""
    try:
        return reference(text)
    except Refused as refused:
        return refused.reason


def assert_as_the_reference_has_it(texts: list[str]) -> Counter[str]:
    typed = judged(*texts)
    found: dict[int, dict[str, Any] | str] = {
        row["offset"]: _as_python_has_it(row) for row in typed.accepted.to_pylist()
    }
    reasons = {row["offset"]: row["reason"] for row in typed.refused.to_pylist()}
    for place, text in enumerate(texts):
        # By their representation: True is no 1, and 1.0 neither.
        assert repr({**found, **reasons}[place]) == repr(expected(text)), text[:2_000]
    return Counter(reasons.values())


def _as_python_has_it(row: dict[str, Any]) -> dict[str, Any]:
    unknown = json.loads(row["unknown_fields"] or "null")
    values = {**row, "event_ts": row["event_ts"].astimezone(UTC), "unknown_fields": unknown}
    return {name: value for name, value in values.items() if name not in PLACE}


PLACE = ("source", "day", "log_partition", "offset", "available_at")
NAMES = sorted({name for contract in CONTRACTS for name in contract.names})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**30, 1.5, 1.0, -0.0]),
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.sampled_from(
        ["", " ", "3", "1.5", "0.012345", "-7.1", "0.0000001", "1e3", "٣", "x" * 200, "x" * 201, "a\0b", "true"]
    ),
    st.sampled_from(
        [
            "2026-11-01T12:05:00Z",
            "2026-11-01T12:05:00.000001Z",
            "2026-11-01T12:00:00Z",
            "2026-11-01T13:00:00.123456789+01:00",
            "2026-11-01 02:00:00.5-14:59",
            "2026-02-30T00:00:00Z",
            "2026-11-01T24:00:00Z",
            "2026-11-01T23:59:60Z",
            "2026-11-01T00:00:00",
            "2026-11-01",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+14:00",
            "2199-12-31T23:59:59Z",
            "2200-01-01T00:00:00Z",
            "9999999-01-01T00:00:00Z",
            "infinity",
            "now",
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """An event that keeps a contract, with some fields taken away, replaced or added, and now and then cut or soiled."""
    contract = draw(st.sampled_from(CONTRACTS))
    event: Event = {
        "event_id": "e1",
        "event_type": contract.event_type,
        "schema_version": contract.schema_version,
        "event_ts": "2026-11-01T11:59:59.999999Z",
    }
    good: dict[Kind, Any] = {"identifier": "a", "text": "", "integer": 7, "boolean": False, "amount": "12.34"}
    event |= {field.name: good[field.kind] for field in contract.fields}
    for name in draw(st.lists(st.sampled_from(sorted(event)), max_size=1)):
        del event[name]
    changes = draw(
        st.dictionaries(st.sampled_from([*sorted(event), *NAMES, "new", 'wei"rd', "", "$.x"]), VALUES, max_size=2)
    )
    text = json.dumps({**event, **changes}, ensure_ascii=draw(st.booleans()))
    match draw(st.integers(0, 30)):
        case 0:
            return text[: draw(st.integers(0, len(text)))]
        case 1:
            return text[:-1] + f', "event_id": {json.dumps(draw(SCALARS))}}}'
        case 2:
            return draw(st.sampled_from([" ", "\t", "\ufffd", "\x00", "[", "// "])) + text
        case _:
            return text


@given(st.lists(texts(), min_size=20, max_size=120))
@settings(
    max_examples=80 if AT_CI else 20,
    deadline=None,
    # The failing text is named, and shrinking the whole list around it takes minutes.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
def test_every_event_is_judged_and_typed_as_plain_python_would(drawn: list[str]) -> None:
    assert_as_the_reference_has_it(drawn)


HOSTILE = [
    "",
    "null",
    "[]",
    "1",
    '"a"',
    "{}",
    "{",
    "[" * 200_000,
    '{"a":' * 200_000,
    '{"event_type": "\\ud800"}',
    '{"event_type": "\\u0000"}',
    json.dumps(heartbeat(1, bitrate_kbps=10**400)),
    json.dumps(heartbeat(1, bitrate_kbps=float("nan"))),
    json.dumps(heartbeat(1, bitrate_kbps=float("inf"))),
    json.dumps(heartbeat(1, schema_version=float("nan"))),
    json.dumps(heartbeat(1, schema_version=True)),
    json.dumps(heartbeat(1, schema_version="1")),
    json.dumps(heartbeat(1, event_type=["viewer_heartbeat"])),
    json.dumps(heartbeat(1, event_type="x" * 5_000)),
    json.dumps(heartbeat(1))[:-1] + ', "bitrate_kbps": 3}',
    json.dumps(heartbeat(1))[:-1] + ', "new": 1, "new": 2}',
    json.dumps(heartbeat(1))[:-1] + ', "new": {"a": 1, "a": 2}}',
    json.dumps(heartbeat(1, new="x" * MAX_EVENT_BYTES)),
    "\ufeff" + json.dumps(heartbeat(1)),
]


def test_nothing_that_is_sent_makes_it_raise() -> None:
    found = assert_as_the_reference_has_it([text for text in HOSTILE if '"new": {"a"' not in text])
    assert found["malformed_json"] == 13
    deep = json.dumps(heartbeat(1))[:-1] + ', "deep": ' + "[" * 100_000 + "]" * 100_000 + "}"
    assert accepted(deep)["unknown_fields"].startswith('{"deep":[[[')
    twice_inside = json.dumps(heartbeat(1))[:-1] + ', "new": {"a": 1, "a": 2}}'
    assert accepted(twice_inside)["unknown_fields"] == '{"new":{"a":1,"a":2}}', "kept as it came"


def test_a_comma_too_many_is_let_pass() -> None:
    assert accepted(json.dumps(heartbeat(1))[:-1] + ",}")["event_id"] == "e1"


def test_every_contract_is_kept_by_an_event_and_broken_by_each_of_its_fields() -> None:
    good: dict[Kind, Any] = {"identifier": "a", "text": "", "integer": 7, "boolean": True, "amount": "0.1", "time": "x"}
    wrong: dict[Kind, list[Any]] = {
        "identifier": ["", " ", 7, ["a"], "a\n"],
        "text": [7, {"a": 1}],
        "integer": ["abc", "7", 1.5, 1.0, True, 2**63],
        "boolean": ["true", 1, 0],
        "amount": [0.1, 1, "1e-3", "0.1234567", "", "+1", ".5", "1."],
    }
    assert set(good) == set(KINDS) == set(get_args(Kind))
    for contract in CONTRACTS:
        event = heartbeat(1, bitrate_kbps=..., viewer_id=..., stream_id=..., creator_id=...)
        event |= {"event_type": contract.event_type, "schema_version": contract.schema_version}
        event |= {field.name: good[field.kind] for field in contract.fields}
        row = accepted(event)
        assert row["unknown_fields"] is None
        assert all(row[field.column] is not None for field in contract.fields)
        broken = [
            (change, reason)
            for field in contract.fields
            for change, reason in [
                ({field.name: ...}, "missing_field"),
                ({field.name: None}, "null_field"),
                *(({field.name: value}, "wrong_type") for value in wrong[field.kind]),
            ]
        ]
        events = [
            {name: value for name, value in {**event, **change}.items() if value is not ...} for change, _ in broken
        ]
        found = judged(*events).refused
        assert found["reason"].to_pylist() == [reason for _, reason in broken]
        named = [next(iter(change)) for change, _ in broken]
        assert [detail.split("`")[1] for detail in found["detail"].to_pylist()] == named


@pytest.mark.parametrize(
    ("event", "reason", "detail"),
    [
        (heartbeat(1, bitrate_kbps="a@b.example"), "wrong_type", "`bitrate_kbps` must be a whole number of 64 bits and is a string of 11 characters"),
        (heartbeat(1, bitrate_kbps=1.5), "wrong_type", "`bitrate_kbps` must be a whole number of 64 bits and is 1.5"),
        (heartbeat(1, viewer_id=4512345678), "wrong_type", "`viewer_id` must be a string of 1 to 200 characters without control characters and is a number or boolean"),
        (heartbeat(1, viewer_id={"name": "Ann"}), "wrong_type", "`viewer_id` must be a string of 1 to 200 characters without control characters and is an object"),
        (heartbeat(1, event_type="viewer_cheered"), "unknown_event_type", "there is no contract for `viewer_cheered`"),
        (heartbeat(1, schema_version=9), "unknown_schema_version", "`viewer_heartbeat` has no version 9"),
        (heartbeat(1, event_type=...), "missing_field", "`event_type` is missing"),
        (heartbeat(1, schema_version=None), "null_field", "`schema_version` is null"),
        (heartbeat(1, event_id=""), "bad_event_id", None),
        (heartbeat(1, event_ts="half past ten"), "bad_event_time", None),
        (heartbeat(1, event_ts="2026-11-01T12:05:00.000001Z"), "clock_skew", "`event_ts` is 300.0 s after the arrival"),
        (heartbeat(1, available_at="2026-11-02T00:00:00Z"), "bad_available_at", "`available_at` differs from the time at which the log has the record"),
        ("{", "malformed_json", "the record is not JSON"),
        ("[]", "malformed_json", "the record is JSON, but no object"),
        ("\ufffd", "malformed_json", "the record is bytes that are no UTF-8"),
    ],
)  # fmt: skip
def test_a_refusal_says_why_and_quotes_nobodys_words(event: Event | str, reason: str, detail: str | None) -> None:
    found = refusal(event)
    assert found[0] == reason
    assert detail is None or found[1] == detail


def test_a_clock_may_run_ahead_by_the_tolerance_and_behind_by_any_time() -> None:
    assert accepted(heartbeat(1, event_ts="2026-11-01T12:05:00Z"))["event_ts"] == ARRIVED + timedelta(seconds=300)
    assert accepted(heartbeat(1, event_ts="1970-01-01T00:00:00Z"))["event_ts"] == EPOCH
    assert accepted(heartbeat(1, available_at="2026-11-01T13:00:00+01:00"))["unknown_fields"] is None


def test_newer_versions_end_in_the_same_columns_by_a_declared_rule() -> None:
    renamed = accepted(heartbeat(1, schema_version=2, bitrate_kbps=..., video_kbps=2_500, device="phone"))
    assert (renamed["bitrate_kbps"], renamed["device"], renamed["adaptations"]) == (
        2_500,
        "phone",
        ["video_kbps -> bitrate_kbps"],
    )
    changed = accepted(impression(1, price="999999999999.999999"))
    assert (changed["price_micros"], changed["adaptations"]) == (999_999_999_999_999_999, ["price -> price_micros"])
    assert accepted(impression(1, price="-0.000001"))["price_micros"] == -1
    plain = accepted(impression(1, schema_version=1, price=..., price_micros=12_345))
    assert (plain["price_micros"], plain["adaptations"]) == (12_345, [])
    assert refusal(heartbeat(1, bitrate_kbps=..., video_kbps=2_500))[0] == "missing_field", (
        "version 1 knows no such name"
    )


def test_unknown_fields_are_kept_as_they_came() -> None:
    extra = {"client": {"build": "4.1", "tags": [1, None, {"x": None}]}, "nothing": None, 'a "quoted" name': 2**80}
    assert json.loads(accepted(heartbeat(1, **extra))["unknown_fields"]) == extra


def test_contracts_are_declared_without_contradiction() -> None:
    assert len({(one.event_type, one.schema_version) for one in CONTRACTS}) == len(CONTRACTS)
    columns = {field.name for field in EVENTS.schema}
    for contract in CONTRACTS:
        assert len(set(contract.names)) == len(contract.names), contract
        assert {field.column for field in contract.fields} <= columns, contract
    used = {field.column for contract in CONTRACTS for field in (*ENVELOPE, *contract.fields)}
    assert columns - used == {"source", "day", "log_partition", "offset", "event_day", "unknown_fields", "adaptations"}
    assert EVENTS.schema.names == list(EventRow.__annotations__)
    assert "failed_expectation" in EVENT_REASONS
