"""silver/events: what stands of a day after typing, what is held back, and what says which event days to build again."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import pytest
from event_runs import EventRuns, content, day, heartbeat, impression

from assay.events import bronze, silver
from assay.events.arrivals import read_arrivals
from assay.events.conservation import EVENTS, LOG, QUARANTINED_EVENTS
from assay.events.silver import EVENT_DAYS, event_days, type_events
from assay.events.simulator import read_scenario, simulate
from assay.events.typed_events import typed_events
from assay.quality.blocked_days import blocked_by
from assay.quality.outcomes import OUTCOMES
from assay.quality.runner import validate
from assay.quality.verdicts import VERDICTS
from assay.warehouse import engine

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

SAMPLE = Path(__file__).parents[2] / "samples" / "livestream.toml"
TABLES = (LOG, EVENTS, QUARANTINED_EVENTS, EVENT_DAYS, OUTCOMES, VERDICTS)


@pytest.fixture(autouse=True)
def _content_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.quality.outcomes.validate", content)


def test_a_day_ends_typed_or_in_quarantine_with_the_reason(tmp_path: Path) -> None:
    runs = EventRuns.at(tmp_path)
    late = heartbeat(3, event_ts="2026-10-30T23:59:59Z", new=1)
    runs.put(
        1, {"a.jsonl": [heartbeat(1), "{", late, impression(4), heartbeat(5, viewer_id=None), b"\xff", heartbeat(1)]}
    )
    [report] = runs.run(1)
    assert (report.taken, report.emitted, report.quarantined) == (7, 4, 3)
    assert (report.late, report.with_unknown_fields, report.event_days) == (1, 1, 2)
    assert report.reasons == {"malformed_json": 2, "null_field": 1}
    assert report.adaptations == {"price -> price_micros": 1}
    assert [row["event_id"] for row in runs.read(EVENTS)] == ["e1", "e3", "e4", "e1"], "twice what came twice"
    held = {row["offset"]: row for row in runs.read(QUARANTINED_EVENTS)}
    assert {offset: (row["reason"], row["event_id"]) for offset, row in held.items()} == {
        2: ("malformed_json", None),
        5: ("null_field", "e5"),
        6: ("malformed_json", None),
    }
    assert json.loads(held[5]["event"]) == heartbeat(5, viewer_id=None)
    listed = [(row["event_day"], row["events"]) for row in runs.read(EVENT_DAYS)]
    assert sorted(listed) == [(day(1).replace(month=10, day=30), 1), (day(1), 3)]


def test_running_again_changes_nothing(tmp_path: Path) -> None:
    runs = EventRuns.at(tmp_path)
    runs.put(1, {"a.jsonl": [heartbeat(1), "{", impression(2, price="-1")]})
    [first] = runs.run(1)
    before = runs.versions(*TABLES)
    for _ in ("remembered", "made again"):
        [again] = runs.run(1)
        assert again == replace(first, changed=False)
        assert runs.versions(*TABLES) == before
        shutil.rmtree(runs.settings.home / "built_from")


def test_a_day_is_read_and_typed_again_only_when_something_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, typed, read = EventRuns.at(tmp_path), [], []
    monkeypatch.setattr(silver, "typed_events", lambda *a, **k: typed.append(1) or typed_events(*a, **k))
    monkeypatch.setattr(bronze, "read_arrivals", lambda *a, **k: read.append(1) or read_arrivals(*a, **k))
    runs.put(1, {"a.jsonl": [heartbeat(1), heartbeat(2)]})

    def made(runs: EventRuns) -> tuple[int, int]:
        typed.clear()
        read.clear()
        runs.run(1)
        return len(read), len(typed)

    assert made(runs) == (1, 1)
    assert made(runs) == (0, 0)
    runs.put(1, {"a.jsonl": [heartbeat(1), heartbeat(2), heartbeat(3)]})
    assert made(runs) == (1, 1)
    stricter = EventRuns(runs.settings.model_copy(update={"event_skew_seconds": 1.0}))
    assert made(stricter) == (0, 1), "another tolerance of clocks"
    assert made(stricter) == (0, 0)
    for module in (bronze, silver):
        monkeypatch.setattr(module, "code_fingerprint", lambda: "another contract, suite or stage")
    assert made(stricter) == (1, 1), "other code"
    place = {"source": "log-" + runs.read(EVENTS)[0]["source"].rpartition("-")[2], "day": day(1)}
    runs.workspace().lake.replace_partition(EVENTS, EVENTS.empty(), partitions=place)
    assert made(stricter) == (0, 1), "rows that are gone"
    assert len(runs.read(EVENTS)) == 3


def test_records_that_land_while_their_day_is_typed_are_typed_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run may land them, and then type the day after this one: it must not be told that nothing has changed."""
    runs = EventRuns.at(tmp_path)
    runs.put(1, {"a.jsonl": [heartbeat(1)]})
    runs.land(1)

    def listed(emitted: pa.Table) -> pa.Table:
        runs.put(1, {"a.jsonl": [heartbeat(1), heartbeat(2)]})
        runs.land(1)
        return event_days(emitted)

    monkeypatch.setattr(silver, "event_days", listed)
    assert runs.type(1).emitted == 1
    monkeypatch.setattr(silver, "event_days", event_days)
    assert runs.type(1).emitted == 2


def test_values_that_cannot_be_true_are_held_back_by_the_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.quality.outcomes.validate", validate)
    runs = EventRuns.at(tmp_path)
    bad = {
        "price_is_plausible": impression(1, price="-0.5"),
        "bitrate_is_plausible": heartbeat(2, bitrate_kbps=3_000_000),
        "characters_are_plausible": chat(3, -1),
        "tier_is_known": profile(4, tier="gold"),
        "country_is_a_code": profile(5, country="Denmark"),
    }
    good = [make(number) for number in range(10, 13) for make in (heartbeat, impression, chat, profile)]
    runs.put(1, {"a.jsonl": [*good, *bad.values()]})
    [report] = runs.run(1)
    assert (report.emitted, report.reasons, report.held_back_by) == (12, {"failed_expectation": 5}, ())
    held = {row["expectation"]: json.loads(row["event"]) for row in runs.read(QUARANTINED_EVENTS)}
    assert held == bad
    assert {row["detail"] for row in runs.read(QUARANTINED_EVENTS)} == {f"the row fails `{name}`" for name in bad}


def test_what_stands_is_what_the_simulator_meant(tmp_path: Path) -> None:
    scenario = read_scenario(SAMPLE).scaled(events=8_000, days=4)
    simulation = simulate(scenario)
    runs = EventRuns.at(tmp_path)
    arrived = pc.cast(simulation.log["available_at"], pa.date32())
    for number in (3, 1, 4, 2, 3):
        folder = runs.log / day(number).isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(simulation.log.filter(pc.equal(arrived, day(number))), folder / "log.parquet")
        [report] = runs.run(number)
        assert report.held_back_by == ()
    truth = simulation.truth()
    assert Counter(row["reason"] for row in runs.read(QUARANTINED_EVENTS)) == truth.quarantined
    typed = {
        (row["event_id"], row["event_type"], min(row["event_ts"], row["available_at"])) for row in runs.read(EVENTS)
    }
    meant = {(row["event_id"], row["event_type"], row["event_ts"]) for row in truth.events.to_pylist()}
    assert meant <= typed
    assert {event_id for event_id, *_ in typed} == {event_id for event_id, *_ in meant}


def chat(number: int, characters: int = 7) -> dict[str, object]:
    return heartbeat(number, event_type="chat_message", bitrate_kbps=..., characters=characters)


def profile(number: int, **changes: object) -> dict[str, object]:
    """A creator's profile that keeps its contract."""
    fields = {"display_name": "Ann", "category": "games", "tier": "basic", "country": "DK", "is_active": True}
    gone = {"bitrate_kbps": ..., "viewer_id": ..., "stream_id": ...}
    return heartbeat(number, **{"event_type": "creator_updated", **fields, **gone, **changes})


def test_a_day_of_which_too_much_is_refused_is_held_back_until_it_is_mended(tmp_path: Path) -> None:
    runs = EventRuns.at(tmp_path, max_quarantined_ratio=0.25)
    runs.put(1, {"a.jsonl": [heartbeat(1), heartbeat(2), "{"]})
    runs.put(2, {"a.jsonl": [heartbeat(3), heartbeat(4), heartbeat(5), "{"]})
    first, second = runs.run(1, 2)
    assert (first.held_back_by, second.held_back_by) == (("most_events_keep_their_contract",), ())
    assert [row["day"] for row in runs.read(EVENT_DAYS)] == [day(2)], "nothing is made of a day that is not listed"
    assert len(runs.read(EVENTS, day=day(1))) == 2, "it can be looked into"
    assert [one.day for one in blocked_by(runs.workspace(), (EVENTS,))] == [day(1)]
    runs.put(1, {"a.jsonl": [heartbeat(1), heartbeat(2), heartbeat(6)]})
    assert runs.run(1)[0].held_back_by == ()
    assert {row["day"] for row in runs.read(EVENT_DAYS)} == {day(1), day(2)}
    assert blocked_by(runs.workspace(), (EVENTS,)) == []


def test_a_day_that_is_held_back_now_is_listed_no_more_even_where_its_run_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was good before: a build that comes in between would else make marts of rows that nobody has let through."""
    runs = EventRuns.at(tmp_path, max_quarantined_ratio=0.25)
    runs.put(1, {"a.jsonl": [heartbeat(1), heartbeat(2)]})
    runs.run(1)
    runs.put(1, {"a.jsonl": [heartbeat(1), heartbeat(2), heartbeat(3), "{", "{"]})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(silver, "judge_day", killed)
    with pytest.raises(KeyboardInterrupt):
        runs.run(1)
    assert len(runs.read(EVENTS)) == 3
    assert runs.read(EVENT_DAYS) == []


def test_digests_follow_the_content_and_not_the_order_or_the_run(tmp_path: Path) -> None:
    runs = EventRuns.at(tmp_path)
    yesterday = heartbeat(3, event_ts="2026-10-31T23:59:59Z")
    runs.put(1, {"a.jsonl": [heartbeat(1), yesterday, heartbeat(2)]})
    runs.run(1)
    rows = runs.workspace().lake.read(EVENTS)
    listed = event_days(rows)
    assert listed.sort_by("event_day").equals(runs.workspace().lake.read(EVENT_DAYS).sort_by("event_day"))
    assert event_days(rows.take([2, 0, 1])).equals(listed)
    assert event_days(pa.concat_tables([rows.slice(0, 1), rows.slice(1)])).equals(listed)
    before = {row["event_day"]: row["digest"] for row in listed.to_pylist()}
    # Recorded once: another digest of the same rows would have every event day built again.
    named = rows.set_column(0, rows.schema.field(0), pa.array(["log"] * rows.num_rows))
    recorded = {row["event_day"]: row["digest"] for row in event_days(named).to_pylist()}
    assert recorded[day(1)] == "10c4da5c8aa3ad3d42abd7656fbb24dfdc5ede4e9a7aba5bc947e8d0dc5d87e5"
    runs.put(1, {"a.jsonl": [heartbeat(1, bitrate_kbps=1), yesterday, heartbeat(2)]})
    runs.run(1)
    after = {row["event_day"]: row["digest"] for row in runs.read(EVENT_DAYS)}
    assert {event_day for event_day, digest in after.items() if digest != before[event_day]} == {day(1)}
    assert event_days(EVENTS.empty()).num_rows == 0


def test_a_mended_log_leaves_what_a_fresh_run_of_it_leaves(tmp_path: Path) -> None:
    runs, fresh = EventRuns.at(tmp_path / "a"), EventRuns.at(tmp_path / "b", events=str(tmp_path / "a" / "log"))
    runs.put(1, {"a.jsonl": [heartbeat(1), "{", impression(2, price="-1")]})
    runs.run(1)
    runs.put(1, {"a.jsonl": [heartbeat(1), heartbeat(3), impression(2), "{"]})
    runs.put(2, {"a.jsonl": [heartbeat(4, event_ts="2026-11-01T23:00:00Z")]})
    runs.run(2)
    runs.run(1)
    fresh.run(1, 2)
    for table in (LOG, EVENTS, QUARANTINED_EVENTS, EVENT_DAYS):
        assert runs.workspace().lake.content_hash(table) == fresh.workspace().lake.content_hash(table), table.name


def test_a_day_without_records_and_a_half_that_is_switched_off_write_nothing(tmp_path: Path) -> None:
    runs = EventRuns.at(tmp_path)
    runs.put(1, {})
    assert runs.run(1)[0].taken == 0
    assert [runs.read(table) for table in TABLES] == [[]] * len(TABLES)
    with engine() as connection:
        assert type_events(EventRuns.at(tmp_path, events=None).workspace(), connection, day(1)) is None


@pytest.mark.parametrize("skew", [0.0, 60.0])
def test_the_tolerance_of_clocks_is_a_setting(tmp_path: Path, skew: float) -> None:
    runs = EventRuns.at(tmp_path, event_skew_seconds=skew)
    ahead = heartbeat(1, event_ts="2026-11-01T12:00:30Z", available_at="2026-11-01T12:00:00Z")
    runs.put(1, {"a.jsonl": [ahead, heartbeat(2)]})
    [report] = runs.run(1)
    assert report.reasons == ({} if skew else {"clock_skew": 1})
