"""Which event days a build of the events restates, whatever happened before it; dbt itself is replaced by a stand-in.

What dbt makes of the days that it is given is tested beside the models.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from made_models import manifest_with, model_node, source_id

from assay import marts
from assay.dbt import NodeResult
from assay.errors import AssayError
from assay.mart_builds import read_built, write_built
from assay.marts import EVENT_DAYS, EVENTS, MartsReport, refresh
from assay.model_tables import model_tables
from assay.settings import Settings
from assay.workspace import Run, Workspace

COUNTED = model_node(
    "gold",
    "counted",
    {"event_day": "date", "events": "bigint"},
    {"table": {"key": ["event_day"], "partition_by": ["event_day"]}},
    reads=[source_id(EVENTS.name)],
)
MANIFEST = manifest_with(COUNTED, lake_tables=[EVENTS.name, EVENT_DAYS.name, "silver/documents"])
[MODEL] = model_tables(MANIFEST).values()
EVERYTHING = None


def day(number: int) -> date:
    return date(2026, 11, number)


@dataclass
class Dbt:
    """In place of dbt: makes `gold.counted` of the days it is given, and notes them. It fails where it is told to."""

    workspace: Workspace
    restated: list[list[str] | None] = field(default_factory=list[list[str] | None])
    fails_after: bool = False
    test_fails: bool = False
    leaves_out: bool = False

    def build(
        self, project: Path, home: Path, *, tag: str, versions: Any, variables: Mapping[str, Any], full_refresh: bool
    ) -> list[NodeResult]:
        days = variables["touched_event_days"]
        assert full_refresh == (days is None)
        self.restated.append(days)
        if not self.leaves_out:
            self._count(days)
        if self.fails_after:
            raise AssayError("dbt was killed")
        status = "skipped" if self.leaves_out else "success"
        failed = self.test_fails or self.leaves_out
        return [
            NodeResult("counted", "model", status, 0, "", 0.1, ("counted",)),
            NodeResult("it_is_right", "test", "fail" if failed else "pass", int(failed), "", 0.1, ("counted",)),
        ]

    def _count(self, days: list[str] | None) -> None:
        arrived = self.workspace.lake.read(EVENT_DAYS).to_pylist()
        with closing(duckdb.connect(self.workspace.settings.warehouse_path)) as warehouse:
            warehouse.execute("create schema if not exists gold")
            if days is None:
                warehouse.execute("create or replace table gold.counted (event_day date, events bigint)")
            for one in {f"{row['event_day']}" for row in arrived} | {*(days or [])}:
                if days is None or one in days:
                    events = sum(row["events"] for row in arrived if f"{row['event_day']}" == one)
                    warehouse.execute("delete from gold.counted where event_day = ?", [one])
                    warehouse.execute("insert into gold.counted select ?, ? where ? > 0", [one, events, events])


@dataclass
class Home:
    """A home whose lake lists which event days the arrivals of each day touch."""

    workspace: Workspace
    dbt: Dbt
    project: Path

    def arrive(self, arrival: date, **events: int) -> None:
        """Make `d1=3` and so on all that arrived on a day: so many events of the 1st."""
        rows = [
            {"source": "s", "day": arrival, "event_day": day(int(name[1:])), "events": count, "digest": f"{count}"}
            for name, count in events.items()
        ]
        self.workspace.lake.replace_partition(
            EVENT_DAYS, EVENT_DAYS.empty().from_pylist(rows, EVENT_DAYS.schema), partitions={"day": arrival}
        )

    def refresh(self) -> MartsReport:
        return refresh(self.workspace, self.project, "events")

    def counted(self) -> dict[int, int]:
        rows = self.workspace.lake.read(MODEL.table).to_pylist()
        return {row["event_day"].day: row["events"] for row in rows}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Built once: arrivals of the 2nd and the 3rd."""
    workspace = Workspace(Settings(home=tmp_path / "home"), Run("this run", datetime(2026, 11, 25, tzinfo=UTC)))
    (tmp_path / "project").mkdir()
    (tmp_path / "home").mkdir()
    home = Home(workspace, Dbt(workspace), tmp_path / "project")
    monkeypatch.setattr(marts, "manifest_of", lambda project, home: MANIFEST)
    monkeypatch.setattr(marts, "build", home.dbt.build)
    home.arrive(day(2), d1=1, d2=10)
    home.arrive(day(3), d2=1, d3=20)
    assert home.refresh().restated is EVERYTHING
    assert home.counted() == {1: 1, 2: 11, 3: 20}
    home.dbt.restated.clear()
    return home


def days(*numbers: int) -> list[str]:
    return [f"{day(one)}" for one in numbers]


def test_without_news_nothing_is_built(home: Home) -> None:
    report = home.refresh()
    assert (report.was_built, report.restated, home.dbt.restated) == (False, (), [])
    assert report.rows == {"gold/counted": 3}
    assert report.rows_by_day == {"gold/counted": {day(one): 1 for one in (1, 2, 3)}}


def test_a_touched_day_and_the_one_before_it_are_restated(home: Home) -> None:
    """A clock that runs ahead over midnight is set back to its arrival, on the day before."""
    home.arrive(day(9), d3=2, d8=5)
    report = home.refresh()
    assert home.dbt.restated == [days(2, 3, 7, 8)]
    assert report.changed == {"gold/counted": 2}
    assert home.counted() == {1: 1, 2: 11, 3: 22, 8: 5}


def test_with_a_tolerance_of_days_as_many_days_before_are_restated(home: Home) -> None:
    home.workspace = Workspace(
        home.workspace.settings.model_copy(update={"event_skew_seconds": 90_000}), home.workspace.run
    )
    home.arrive(day(9), d8=5)
    home.refresh()
    assert home.dbt.restated == [days(6, 7, 8)]


def test_a_lower_tolerance_restates_the_days_into_which_the_higher_one_had_moved_events(home: Home) -> None:
    """An event that was set back over midnight and is refused now leaves the day before; so for days typed later, too."""
    home.workspace = Workspace(home.workspace.settings.model_copy(update={"event_skew_seconds": 0}), home.workspace.run)
    home.arrive(day(9), d8=5)
    home.refresh()
    home.arrive(day(9), d8=4)
    home.refresh()
    assert home.dbt.restated == [days(7, 8), days(7, 8)]


def test_days_whose_arrivals_are_gone_are_restated_and_leave_the_lake(home: Home) -> None:
    home.arrive(day(3))
    home.refresh()
    assert home.dbt.restated == [days(1, 2, 3)]
    assert home.counted() == {1: 1, 2: 10}


def test_the_same_arrivals_written_anew_are_no_news(home: Home) -> None:
    """As compaction does, or a day that is restated without a difference."""
    home.workspace.lake.replace_partition(EVENT_DAYS, EVENT_DAYS.empty(), partitions={"day": day(3)})
    home.arrive(day(3), d2=1, d3=20)
    assert not home.refresh().was_built


@pytest.mark.parametrize("missing", ["the file", "a relation", "the note", "the project", "the time zone"])
def test_all_is_built_where_the_warehouse_is_another(home: Home, missing: str) -> None:
    warehouse = home.workspace.settings.warehouse_path
    if missing == "the file":
        warehouse.unlink()
    elif missing == "a relation":
        with closing(duckdb.connect(warehouse)) as connection:
            connection.execute("drop table gold.counted")
    elif missing == "the note":
        (home.workspace.settings.home / "dbt" / "last_build" / "events.json").unlink()
    elif missing == "the project":
        (home.project / "model.sql").write_text("select 1")
    else:
        settings = home.workspace.settings.model_copy(update={"invoice_time_zone": "Europe/Copenhagen"})
        home.workspace = Workspace(settings, home.workspace.run)
    version = home.workspace.lake.version(MODEL.table)
    report = home.refresh()
    assert home.dbt.restated == [EVERYTHING]
    assert (report.was_built, report.restated) == (True, EVERYTHING)
    assert home.workspace.lake.version(MODEL.table) == version, "the same rows are not written again"
    assert not home.refresh().was_built


def test_what_a_killed_build_began_is_begun_again(home: Home) -> None:
    """Also where the lake went back meanwhile to what it was before: the warehouse may hold the days half built."""
    home.dbt.fails_after = True
    home.arrive(day(9), d8=5)
    with pytest.raises(AssayError):
        home.refresh()
    home.dbt.fails_after = False
    home.arrive(day(9))
    home.refresh()
    assert home.dbt.restated == [days(7, 8), days(7, 8)]
    assert home.counted() == {1: 1, 2: 11, 3: 20}
    assert not home.refresh().was_built


def test_a_whole_build_that_was_killed_is_a_whole_one_again(home: Home) -> None:
    home.workspace.settings.warehouse_path.unlink()
    home.dbt.fails_after = True
    with pytest.raises(AssayError):
        home.refresh()
    home.dbt.fails_after = False
    home.refresh()
    assert home.dbt.restated == [EVERYTHING, EVERYTHING]


def test_what_others_wrote_is_put_right_without_restating_a_day(home: Home) -> None:
    home.workspace.lake.replace_partition(MODEL.table, MODEL.table.empty(), partitions={"event_day": day(2)})
    home.refresh()
    assert home.dbt.restated == [[]]
    assert home.counted() == {1: 1, 2: 11, 3: 20}


def test_a_mart_whose_test_fails_stands_as_it_was_and_is_not_asked_again_in_vain(home: Home) -> None:
    home.dbt.test_fails = True
    home.arrive(day(9), d8=5)
    report = home.refresh()
    assert report.held_back == ("gold/counted",)
    assert home.counted() == {1: 1, 2: 11, 3: 20}
    assert not home.refresh().was_built
    home.dbt.test_fails = False
    home.arrive(day(10), d9=1)
    assert home.refresh().held_back == ()
    assert home.counted() == {1: 1, 2: 11, 3: 20, 8: 5, 9: 1}


def test_days_of_a_view_that_were_held_back_are_asked_for_again_without_news(home: Home) -> None:
    """Their gate may let them through by now, as with another limit; without one nothing is asked."""
    last = read_built(home.workspace.settings.home, "events")
    assert last
    held_back = {name: replace(one, held_back=(day(3),)) for name, one in last.published.items()}
    write_built(home.workspace.settings.home, "events", replace(last, published=held_back))
    assert home.refresh().was_built
    assert home.dbt.restated == [[]]
    assert not home.refresh().was_built


def test_days_that_dbt_left_out_are_restated_with_the_next_ones(home: Home) -> None:
    home.dbt.leaves_out = True
    home.arrive(day(9), d8=5)
    assert home.refresh().held_back == ("gold/counted",)
    assert not home.refresh().was_built
    home.dbt.leaves_out = False
    home.arrive(day(20), d19=1)
    home.refresh()
    assert home.dbt.restated == [days(7, 8), days(7, 8, 18, 19)]
    assert home.counted() == {1: 1, 2: 11, 3: 20, 8: 5, 19: 1}
