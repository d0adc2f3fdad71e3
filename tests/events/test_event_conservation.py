"""Every record is counted once, and a table that somebody spoilt is noticed."""

from pathlib import Path

import pyarrow as pa
import pytest
from event_runs import EventRuns, content, day, heartbeat

from assay.events.conservation import EVENT_DAY_RULES, EVENTS, LOG, QUARANTINED_EVENTS
from assay.events.day_verdicts import landed_days, places_of, recorded, rules_of
from assay.quality.rules import Rule
from assay.schema import Table
from assay.warehouse import engine


@pytest.fixture(autouse=True)
def _content_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.quality.outcomes.validate", content)


@pytest.fixture
def runs(tmp_path: Path) -> EventRuns:
    runs = EventRuns.at(tmp_path)
    runs.put(1, {"a.jsonl": [heartbeat(1), heartbeat(1), "{"], "b.jsonl": [*map(heartbeat, range(2, 6)), "{"]})
    runs.put(2, {"a.jsonl": [heartbeat(3)]})
    runs.run(1, 2)
    return runs


def broken(runs: EventRuns, table: Table, number: int = 1) -> dict[str, Rule]:
    [(source, found)] = places_of(runs.workspace(), [day(number)])
    with engine() as connection:
        rules = rules_of(runs.workspace(), connection, table, source.name, found)
    return {rule.name: rule for rule in rules if not rule.passed}


def spoil(runs: EventRuns, table: Table, rows: pa.Table) -> None:
    place = {"source": rows["source"][0].as_py(), "day": day(1)}
    runs.workspace().lake.replace_partition(table, rows, partitions=place)


def test_what_a_run_leaves_is_sound_and_recorded(runs: EventRuns) -> None:
    places = places_of(runs.workspace(), [day(1), day(2), day(3)])
    assert [one for _, one in places] == landed_days(runs.workspace()) == [day(1), day(2)]
    for table in (LOG, EVENTS):
        assert broken(runs, table) == {}
        said = recorded(runs.workspace(), table, places)
        assert len(said) == 2
        assert all(rule.passed for rules in said.values() for rule in rules)
        assert {rule.name for rules in said.values() for rule in rules} == {
            LOG.name: {"log_places_hold_one_record", "records_stand_under_their_day"},
            EVENTS.name: {"events_are_conserved", "most_events_keep_their_contract"},
        }[table.name]
    assert set(EVENT_DAY_RULES) == {LOG.name, EVENTS.name}


@pytest.mark.parametrize("table", [EVENTS, QUARANTINED_EVENTS])
def test_a_record_lost_doubled_or_moved_is_noticed(runs: EventRuns, table: Table) -> None:
    rows = runs.workspace().lake.read(table, where={"day": day(1)})
    other = rows.set_column(
        rows.schema.names.index("offset"), "offset", pa.array([99, *rows["offset"].to_pylist()[1:]])
    )
    for spoilt, offenders in ((rows.slice(1), 1), (pa.concat_tables([rows, rows.slice(0, 1)]), 1), (other, 2)):
        spoil(runs, table, spoilt)
        found = broken(runs, EVENTS)
        assert list(found) == ["events_are_conserved"]
        assert found["events_are_conserved"].offenders == offenders
    spoil(runs, table, rows)
    assert broken(runs, EVENTS) == {}


def test_a_log_with_two_records_in_a_place_or_one_of_another_day_is_noticed(runs: EventRuns) -> None:
    rows = runs.workspace().lake.read(LOG, where={"day": day(1)})
    spoil(runs, LOG, pa.concat_tables([rows, rows.slice(0, 1)]))
    assert list(broken(runs, LOG)) == ["log_places_hold_one_record"]
    later = runs.workspace().lake.read(LOG, where={"day": day(2)})["available_at"]
    moved = pa.chunked_array([*later.chunks, *rows["available_at"].slice(1).chunks])
    spoil(runs, LOG, rows.set_column(rows.schema.names.index("available_at"), "available_at", moved))
    found = broken(runs, LOG)
    assert list(found) == ["records_stand_under_their_day"]
    assert found["records_stand_under_their_day"].offenders == 1


def test_more_refused_than_settings_bear_is_noticed(tmp_path: Path) -> None:
    runs = EventRuns.at(tmp_path)
    runs.put(1, {"a.jsonl": [heartbeat(1), "{", "{"]})
    [report] = runs.run(1)
    assert report.held_back_by == ("most_events_keep_their_contract",)
    [rule] = broken(runs, EVENTS).values()
    assert rule.offenders == 2
    assert "2 of 3 records quarantined (66.7%); `ASSAY_MAX_QUARANTINED_RATIO` bears 50.0%" in rule.detail
