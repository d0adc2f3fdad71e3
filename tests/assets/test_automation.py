"""What runs by itself: which runs the schedules and the inbox ask for, and when the lake's upkeep is due."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from document_runs import put

from assets.automation import TRIGGER_TAG, documents_daily, documents_restated, events_daily, events_restated, inbox
from assets.definitions import defs
from assets.maintenance import lake_maintenance
from assets.resources import RESOURCES

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
MIDNIGHT_NEARS = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
AT_NIGHT = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A live folder as the only source of a home of its own."""
    (tmp_path / "inbox").mkdir()
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ASSAY_DOCUMENTS", str(tmp_path / "inbox"))
    return monkeypatch


def asked_for(schedule: dg.ScheduleDefinition, at: datetime) -> list[dict[str, str]]:
    with dg.build_schedule_context(scheduled_execution_time=at) as context:
        told = schedule.evaluate_tick(context)
    return [{name: request.tags[name] for name in (START, END, TRIGGER_TAG)} for request in told.run_requests or ()]


def test_the_daily_schedule_observes_the_day_that_is_ending() -> None:
    day = "2026-11-24"
    assert asked_for(documents_daily, MIDNIGHT_NEARS) == [{START: day, END: day, TRIGGER_TAG: "daily"}]


def test_the_log_of_a_day_is_taken_in_when_the_day_has_ended() -> None:
    day = "2026-11-24"
    assert asked_for(events_daily, AT_NIGHT) == [{START: day, END: day, TRIGGER_TAG: "daily"}]


def test_a_day_before_the_first_partition_is_not_taken_in(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("ASSAY_FIRST_DAY", "2026-11-25")
    assert asked_for(events_daily, AT_NIGHT) == []


@pytest.mark.parametrize("schedule", [documents_restated, events_restated], ids=["documents", "events"])
def test_the_last_days_are_one_range_and_end_with_yesterday(
    settings: pytest.MonkeyPatch, schedule: dg.ScheduleDefinition
) -> None:
    restated = {START: "2026-11-22", END: "2026-11-24", TRIGGER_TAG: "restated"}
    assert asked_for(schedule, AT_NIGHT) == [restated]
    settings.setenv("ASSAY_RESTATE_DAYS", "30")
    assert asked_for(schedule, AT_NIGHT) == [restated | {START: "2026-11-01"}]
    settings.setenv("ASSAY_FIRST_DAY", "2026-11-25")
    assert asked_for(schedule, AT_NIGHT) == []


def test_the_inbox_asks_for_a_day_once_its_files_have_been_still(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put(tmp_path / "inbox", {"a.md": "one"})
    first = inbox(dg.build_sensor_context())
    assert first.run_requests == []
    assert first.skip_reason
    second = inbox(dg.build_sensor_context(cursor=first.cursor))
    today = datetime.now(UTC).date().isoformat()
    [request] = second.run_requests
    assert {name: request.tags[name] for name in (START, END, TRIGGER_TAG)} == {
        START: today, END: today, TRIGGER_TAG: "inbox"
    }  # fmt: skip
    third = inbox(dg.build_sensor_context(cursor=second.cursor))
    assert third.run_requests == []


def test_an_inbox_that_is_away_is_a_reason_to_skip_and_not_a_crash(
    settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "inbox").rmdir()
    told = inbox(dg.build_sensor_context())
    assert told.run_requests == []
    assert "cannot be listed" in (told.skip_reason.skip_message if told.skip_reason else "")


def test_the_upkeep_is_due_on_sunday_at_four_and_once(tmp_path: Path) -> None:
    upkeep = dg.Definitions(assets=[lake_maintenance], resources=RESOURCES)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        saturday = dg.evaluate_automation_conditions(
            upkeep, instance, evaluation_time=datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
        )
        sunday = dg.evaluate_automation_conditions(
            upkeep, instance, evaluation_time=datetime(2026, 11, 29, 4, 1, tzinfo=UTC), cursor=saturday.cursor
        )
        later = dg.evaluate_automation_conditions(
            upkeep, instance, evaluation_time=datetime(2026, 11, 29, 5, 0, tzinfo=UTC), cursor=sunday.cursor
        )
    assert [one.total_requested for one in (saturday, sunday, later)] == [0, 1, 0]


def test_everything_that_runs_by_itself_is_off_until_it_is_switched_on() -> None:
    stopped = {dg.DefaultScheduleStatus.STOPPED, dg.DefaultSensorStatus.STOPPED}
    assert {one.default_status for one in [*(defs.schedules or ()), *(defs.sensors or ())]} <= stopped


def test_every_asset_of_a_day_says_when_it_is_stale() -> None:
    graph = defs.resolve_asset_graph()
    without = {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).freshness_policy is None}
    assert without == {"lake/maintenance"}
