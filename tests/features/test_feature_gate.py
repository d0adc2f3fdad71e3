"""What the gate lets through, what it sends to quarantine, which day it holds back, and that it judges a day once."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from view_days import DAY, day_of, manifest, model_of, view_of

from assay.features.drift import FEATURE_DRIFT
from assay.features.feature_gate import QUARANTINED_FEATURES, FeatureGate, suites_of
from assay.features.feature_suites import feature_suite
from assay.quality.day_batches import validate_days
from assay.quality.outcomes import OUTCOMES
from assay.quality.runner import validate
from assay.settings import Settings
from assay.workspace import Run, Workspace

VIEW = "creator_activity"
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
DAYS = [DAY + timedelta(n) for n in range(3)]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(Settings(home=tmp_path), Run("run-1", NOW))


@pytest.fixture(scope="module")
def gate() -> FeatureGate:
    return FeatureGate(manifest())


def changed(rows: pa.Table, column: str, value: object, *places: int) -> pa.Table:
    values = rows[column].to_pylist()
    for place in places:
        values[place] = value
    field = rows.schema.field(column)
    return rows.set_column(rows.column_names.index(column), field, pa.array(values, field.type))


def failed(workspace: Workspace) -> set[tuple[date, str]]:
    return {(row["day"], row["expectation"]) for row in workspace.lake.read(OUTCOMES).to_pylist() if not row["success"]}


def test_rows_say_what_made_them_and_a_refused_row_is_kept_with_the_reason(
    workspace: Workspace, gate: FeatureGate
) -> None:
    batches = {day: day_of(day) for day in DAYS}
    batches[DAYS[1]] = changed(batches[DAYS[1]], "viewer_minutes_7d", -1.0, 4)
    passed = gate.days(workspace, model_of(VIEW), batches)
    assert {day: rows.num_rows for day, rows in passed.items() if rows} == {DAYS[0]: 60, DAYS[1]: 59, DAYS[2]: 60}
    rows = passed[DAYS[0]]
    assert rows is not None
    assert rows.schema.equals(view_of(VIEW).table.schema)
    assert rows.drop_columns(["logic_version", "run_id", "computed_at"]).equals(batches[DAYS[0]])
    assert {*rows["logic_version"].to_pylist()} == {view_of(VIEW).logic_version}
    assert ({*rows["run_id"].to_pylist()}, {*rows["computed_at"].to_pylist()}) == ({"run-1"}, {NOW})
    (refused,) = workspace.lake.read(QUARANTINED_FEATURES).to_pylist()
    assert (refused["view"], refused["day"]) == (VIEW, DAYS[1])
    assert refused["expectation"] == "viewer_minutes_7d_is_in_range"
    assert (json.loads(refused["row"])["creator_id"], json.loads(refused["row"])["viewer_minutes_7d"]) == ("c1", -1.0)
    assert failed(workspace) == set(), "one row of 60 is tolerated"
    mended = gate.days(workspace, model_of(VIEW), {DAYS[1]: day_of(DAYS[1])})[DAYS[1]]
    assert mended is not None
    assert mended.num_rows == 60
    assert workspace.lake.read(QUARANTINED_FEATURES).num_rows == 0


def test_a_day_that_a_blocking_expectation_refuses_is_held_back_and_the_others_are_not(
    workspace: Workspace, gate: FeatureGate
) -> None:
    batches = {day: day_of(day) for day in DAYS}
    batches[DAYS[0]] = pa.concat_tables([batches[DAYS[0]], batches[DAYS[0]].slice(0, 1)])
    batches[DAYS[2]] = changed(batches[DAYS[2]], "event_ts", datetime(2026, 11, 4, tzinfo=UTC), 7)
    passed = gate.days(workspace, model_of(VIEW), batches)
    assert [day for day, rows in passed.items() if rows is None] == [DAYS[0], DAYS[2]]
    assert failed(workspace) == {
        (DAYS[0], "key_is_unique"),
        (DAYS[2], "event_ts_is_not_after_available_at"),
    }


def test_more_rows_out_of_range_than_are_tolerated_hold_the_day_back(workspace: Workspace, gate: FeatureGate) -> None:
    faulty = changed(day_of(DAY), "impressions_7d", -1, *range(40))
    assert gate.days(workspace, model_of(VIEW), {DAY: faulty}) == {DAY: None}
    assert failed(workspace) == {(DAY, "impressions_7d_is_in_range")}


def test_of_a_day_that_is_built_no_longer_nothing_is_said_any_more(workspace: Workspace, gate: FeatureGate) -> None:
    faulty = changed(day_of(DAY), "impressions_7d", -1, *range(40))
    gate.days(workspace, model_of(VIEW), {DAY: faulty})
    assert gate.days(workspace, model_of(VIEW), {DAY: faulty.slice(0, 0)})[DAY] is not None
    assert failed(workspace) == set()
    assert workspace.lake.read(QUARANTINED_FEATURES).num_rows == 0
    assert workspace.lake.read(FEATURE_DRIFT).num_rows == 0


def test_a_day_whose_newest_row_is_old_warns_and_is_published(workspace: Workspace, gate: FeatureGate) -> None:
    stale = changed(day_of(DAY), "event_ts", datetime(2026, 10, 28, 23, tzinfo=UTC), *range(60))
    stale = changed(stale, "seq", 1).set_column(3, "seq", pa.array(range(60)))
    passed = gate.days(workspace, model_of(VIEW), {DAY: stale, DAYS[1]: day_of(DAYS[1])})
    assert all(rows is not None for rows in passed.values())
    assert failed(workspace) == {(DAY, "newest_row_is_fresh")}


def test_a_day_that_did_not_change_is_not_judged_again(
    workspace: Workspace, gate: FeatureGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = {day: day_of(day) for day in DAYS}
    first = gate.days(workspace, model_of(VIEW), batches)
    judged: list[list[date]] = []

    def watched(suite: object, given: dict[date, pa.Table]) -> object:
        judged.append(list(given))
        return validate_days(suite, given)  # type: ignore[arg-type]

    monkeypatch.setattr("assay.quality.day_batches.validate_days", watched)
    again = gate.days(workspace, model_of(VIEW), batches)
    assert judged == []
    assert {day: rows and rows.num_rows for day, rows in again.items()} == {
        day: rows and rows.num_rows for day, rows in first.items()
    }
    gate.days(workspace, model_of(VIEW), {**batches, DAYS[1]: day_of(DAYS[1], hours=2)})
    assert judged[0] == [DAYS[1]]


def test_several_days_in_one_pass_say_what_each_says_alone(gate: FeatureGate, workspace: Workspace) -> None:
    """Faults on some days, of rows, of the day and of the key, beside a day without any row."""
    view = view_of("viewer_engagement")
    bounded = [replace(one, max_null_ratio=0.2) if one.name == "click_rate_7d" else one for one in view.values]
    suite = feature_suite(replace(view, values=tuple(bounded)))
    batches = {day: _engagement(day) for day in DAYS}
    batches[DAYS[0]] = changed(batches[DAYS[0]], "click_rate_7d", None, 0, 3)
    batches[DAYS[1]] = changed(changed(batches[DAYS[1]], "chats_7d", -3, 2), "clicks_1d", -1, 2, 5)
    batches[DAYS[1]] = pa.concat_tables([batches[DAYS[1]], batches[DAYS[1]].slice(5, 1)])
    batches[DAY + timedelta(9)] = view.table.empty()
    together, whole = validate_days(suite, batches)
    for day, rows in batches.items():
        alone = validate(suite, rows)
        assert together[day].failures == alone.failures
        assert [_said(one) for one in together[day].outcomes] == [_said(one) for one in alone.outcomes]
    known = {
        day: {one.expectation: one for one in said.outcomes}["click_rate_7d_is_mostly_known"]
        for day, said in together.items()
    }
    assert [one.success for one in known.values()] == [False, True, True, True], "two of eight are too many"
    assert len(whole.failures) == sum(len(one.failures) for one in together.values())


def test_a_doubled_value_warns_on_the_day_that_it_happens_and_blocks_nothing(
    workspace: Workspace, gate: FeatureGate
) -> None:
    model, days = model_of(VIEW), [DAY + timedelta(n) for n in range(10)]
    batches = {day: day_of(day, entities=60) for day in days}
    doubled = batches[days[9]]["viewer_minutes_7d"].to_numpy() * 3
    place = batches[days[9]].column_names.index("viewer_minutes_7d")
    batches[days[9]] = batches[days[9]].set_column(place, "viewer_minutes_7d", pa.array(doubled))
    first = gate.days(workspace, model, {day: batches[day] for day in days[:8]})
    published = pa.concat_tables([rows for rows in first.values() if rows is not None])
    workspace.lake.replace_partition(model.table, published, partitions={"day": days[:8]})
    rest = gate.days(workspace, model, {day: batches[day] for day in days[8:]})
    assert all(rows is not None for rows in rest.values())
    assert {day for day, _ in failed(workspace)} == {days[9]}
    drift = {(row["day"], row["value"]): row for row in workspace.lake.read(FEATURE_DRIFT).to_pylist()}
    assert len(drift) == 10 * 6, "a row per day and value with drift"
    assert [drift[day, "viewer_minutes_7d"]["reference_day"] for day in days[6:]] == [None, None, days[7], days[8]]
    assert drift[days[9], "viewer_minutes_7d"]["ks"] > 0.3 > drift[days[9], "impressions_7d"]["ks"]


def test_every_view_of_the_manifest_has_a_suite_and_every_expectation_says_why() -> None:
    suites = suites_of(manifest())
    assert len(suites) == 7
    assert all(one.description.endswith(".") for suite in suites.values() for one in suite.expectations)
    names = suites["features/viewer_creator_affinity"].names
    assert {"minutes_share_7d_is_in_range", "minutes_share_7d_is_mostly_known", "newest_row_is_fresh"} <= {*names}
    [share] = [value for value in view_of("viewer_creator_affinity").values if value.name == "minutes_share_7d"]
    unbounded = replace(view_of("viewer_creator_affinity"), values=(replace(share, max_null_ratio=1.0),))
    assert "minutes_share_7d_is_mostly_known" not in feature_suite(unbounded).names, "all of a day may be null"


def _said(outcome: object) -> list[object]:
    return [getattr(outcome, name) for name in ("expectation", "success", "evaluated", "unexpected", "failing_keys")]


def _engagement(day: date) -> pa.Table:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    rows = [
        {"viewer_id": f"v{n}", "event_ts": midnight, "available_at": midnight + timedelta(minutes=15), "seq": 0,
         "is_deleted": False, "day": day, "minutes_1d": 1.0, "minutes_7d": 2.0, "chats_7d": 1, "impressions_7d": 2, "clicks_1d": 0,
         "clicks_7d": 1, "click_rate_7d": 0.5, "logic_version": "0" * 12, "run_id": "r", "computed_at": midnight}
        for n in range(8)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=view_of("viewer_engagement").table.schema)
