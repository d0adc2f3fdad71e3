"""The feature views' logs against brute force: windows, corrections, what may be known when, and restatement."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from feature_events import DAY, START, VIEWS, Event, expected, in_order, newest_of, random_events, table
from scale import AT_CI, at_ci

from assay.dbt import manifest_of
from assay.warehouse import engine

PROJECT = Path(__file__).parents[2] / "dbt_project"
SEEDS = range(10) if AT_CI else range(3)
# In place of the models before the views, whose tests are elsewhere.
EVENTS_MODEL = "select * from read_parquet('{{ var(\"events\") }}')"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The views' compiled SQL, as for a warehouse in which nothing stands."""
    nodes = manifest_of(PROJECT, tmp_path_factory.mktemp("home"))["nodes"]
    return {name: nodes[f"model.assay.{name}"]["compiled_code"] for name in VIEWS}


def rows_of(compiled: Mapping[str, str], view: str, events: Sequence[Event]) -> list[dict[str, Any]]:
    with engine({"events_deduplicated_rows": table(events)}) as connection:
        connection.execute("create schema silver")
        connection.execute("create table silver.events_deduplicated as from events_deduplicated_rows")
        return in_order(connection.sql(compiled[view]).to_arrow_table().to_pylist())


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_says_what_brute_force_says(compiled: Mapping[str, str], view: str) -> None:
    for seed in SEEDS:
        events = random_events(Random(seed))
        rows = rows_of(compiled, view, events)
        assert rows == expected(view, events), f"seed {seed}"
        assert len(rows) > 20
    assert rows_of(compiled, view, []) == []


@pytest.mark.parametrize("view", VIEWS)
def test_later_arrivals_add_rows_and_change_none(compiled: Mapping[str, str], view: str) -> None:
    """Nor do they add one that would have been known by the newest arrival before them."""
    events = random_events(Random(0))
    before: set[tuple[object, ...]] = set()
    known = START
    for arrived in sorted({one.arrival_day for one in events})[1::4]:
        so_far = [one for one in events if one.arrival_day <= arrived]
        rows = rows_of(compiled, view, so_far)
        now = {tuple(row.values()) for row in rows}
        assert before <= now, f"rows changed when {arrived} arrived"
        added = [row for row in rows if tuple(row.values()) not in before]
        assert all(row["available_at"] > known for row in added), f"{arrived} brought what was known before it"
        before, known = now, newest_of(so_far)
    assert before
    assert any(row["seq"] for row in rows_of(compiled, view, events)), "nothing was corrected"


def test_no_row_knows_what_had_not_arrived_at_its_time(compiled: Mapping[str, str]) -> None:
    """With every event left out that was not available a latency before a row, the row is still made, and the same."""
    events = random_events(Random(1), count=60)
    for view in ("viewer_engagement", "viewer_creator_affinity", "viewer_disputes"):
        latest = START + 40 * DAY  # an event of nobody else, so that windows end although what comes late is left out
        clock = Event("clock", "ad_impression", latest, latest, viewer_id="clock", creator_id="clock")
        beats = Event("beats", "viewer_heartbeat", latest, latest, viewer_id="clock", creator_id="clock")
        for row in rows_of(compiled, view, events)[::7]:
            known = [one for one in events if one.available_at <= row["available_at"] - timedelta(minutes=15)]
            found = rows_of(compiled, view, [*known, clock, beats])
            assert row in found


def test_what_is_built_by_touched_days_is_what_is_built_at_once(compiled: Mapping[str, str], tmp_path: Path) -> None:
    """Of one early day some events are taken back and others come late; the last day is new."""
    events = random_events(Random(2), count=300)
    first, last = date(2026, 11, 3), max(one.event_ts.date() for one in events)
    # Nobody else's events, so that of the entity only the rows go or come that say how its windows empty.
    seen = datetime(2026, 11, 3, 23, 30, tzinfo=UTC)
    shown: dict[str, Any] = {"event_type": "ad_impression", "event_ts": seen, "available_at": seen, "price_micros": 1}
    for name, offset in (("gone", 1_001), ("new", 1_002)):
        who = {"viewer_id": name, "creator_id": name, "campaign_id": name}
        events.append(Event(name, **shown, **who, offset=offset))
        events.append(Event(f"beat {name}", **{**shown, "event_type": "viewer_heartbeat"}, **who, offset=offset))
    early = [one for one in events if one.event_ts.date() != last and (one.event_ts.date() != first or one.offset % 2)]
    later = [one for one in events if one.event_ts.date() != first or not one.offset % 2]
    assert min(len({one.event_id for one in early} ^ {one.event_id for one in later}), len(early)) > 20
    _stand(tmp_path, compiled, early)
    _build(tmp_path, later, touched=[first, last])
    _assert_stands(tmp_path, compiled, later)


@at_ci("three builds of dbt")
def test_when_the_newest_day_is_gone_so_are_the_windows_that_it_ended(
    compiled: Mapping[str, str], tmp_path: Path
) -> None:
    """They may end days before it, where nothing else happened in between."""
    person: dict[str, Any] = {"viewer_id": "v", "creator_id": "c", "campaign_id": "k", "price_micros": 1}
    seen = [START + timedelta(hours=hours) for hours in (2, 10, 81)]
    events = [
        Event(f"{kind} {number}", kind, when, when, **person)
        for kind in ("ad_impression", "viewer_heartbeat")
        for number, when in enumerate(seen)
    ]
    events.append(Event("dispute", "impression_disputed", seen[1], seen[1], impression_id="ad_impression 0"))
    _stand(tmp_path, compiled, events)
    left = [one for one in events if one.event_ts < seen[2]]
    _build(tmp_path, left, touched=[seen[2].date() - DAY, seen[2].date()])
    _assert_stands(tmp_path, compiled, left)


def _stand(home: Path, compiled: Mapping[str, str], events: Sequence[Event]) -> None:
    """A warehouse in which the views were built of these events."""
    with duckdb.connect(home / "warehouse.duckdb") as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        warehouse.execute("create schema silver; create schema features")
        warehouse.from_arrow(table(events)).create("silver.events_deduplicated")
        for view, sql in compiled.items():
            warehouse.execute(f"create table features.{view} as " + sql.replace('"memory"', '"warehouse"'))


def _assert_stands(home: Path, compiled: Mapping[str, str], events: Sequence[Event]) -> None:
    """The views stand in the warehouse as they are built of these events at once."""
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        for view in VIEWS:
            built = in_order(warehouse.sql(f"from features.{view}").to_arrow_table().to_pylist())
            assert built == rows_of(compiled, view, events), view


def _project(folder: Path) -> Path:
    """The project with the views alone, over a table of given events."""
    project = folder / "project"
    for part in ("macros", "models/features", "plugins"):
        shutil.copytree(PROJECT / part, project / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT / file, project / file)
    (project / "models/events/silver").mkdir(parents=True)
    (project / "models/events/silver/events_deduplicated.sql").write_text(EVENTS_MODEL)
    return project


def _build(home: Path, events: Sequence[Event], touched: Sequence[date]) -> None:
    """One run of dbt over the events, in which the views stand already."""
    pq.write_table(table(events), home / "events.parquet")
    days = [day.isoformat() for day in touched]
    variables = json.dumps({"events": str(home / "events.parquet"), "touched_event_days": days})
    command = ["run", "--quiet", "--no-use-colors", "--vars", variables, "--profiles-dir", "."]
    ended = subprocess.run(
        [Path(sys.executable).with_name("dbt"), *command],
        cwd=_project(home),
        env={**os.environ, "ASSAY_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stdout[-3000:]
