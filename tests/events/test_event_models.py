"""The events half of the dbt project, built on a simulated log with every misbehaviour: the marts are the simulator's truth.

The days arrive in order, or shuffled, twice and with a day that is held back later; each build after the first restates
what the new arrivals touched.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import pytest
from command_runs import CHECKOUT
from scale import AT_CI, at_ci

from assay.dbt import manifest_of
from assay.event_tables import QuarantinedEventRow
from assay.events.bronze import land_events
from assay.events.silver import EVENT_DAYS, type_events
from assay.events.simulator import Simulation, Truth, read_scenario, simulate
from assay.marts import MartsReport, refresh
from assay.model_tables import ModelTable, model_tables
from assay.schema import table_of
from assay.settings import Settings
from assay.warehouse import engine
from assay.workspace import Run, Workspace

pc: Any = pyarrow.compute

PROJECT = CHECKOUT / "dbt_project"
SCENARIO = CHECKOUT / "samples" / "livestream.toml"
# A build takes 7 s of CPU whatever its size.
SEEDS, EVENTS = (5,), 60_000 if AT_CI else 6_000
DAYS = 6
# Not in chronological order from all of the five; the sixth is taken back before the rest arrives.
FIRST_SHUFFLED, REST_SHUFFLED = (6, 2, 5, 1), (4, 3)
# The silver tables have columns that the truth does not tell.
TRUE_NAMES = {"events": "silver/events_deduplicated", "viewer_sessions": "silver/viewer_sessions"}


@dataclass(frozen=True)
class Livestream:
    """A home, and the folder of the days that have arrived there."""

    workspace: Workspace
    simulation: Simulation
    folder: Path

    @classmethod
    def at(cls, place: Path, simulation: Simulation) -> "Livestream":
        settings = Settings(home=place / "home", events=str(place / "log"), first_day=simulation.scenario.start)
        run = Run("run", datetime(2026, 11, 30, tzinfo=UTC))
        return cls(Workspace(settings, run), simulation, place / "log")

    def day(self, number: int) -> date:
        """The day of arrival by its number from 1."""
        return self.simulation.scenario.start + timedelta(days=number - 1)

    def arrive(self, *numbers: int) -> None:
        """Days of the log arrive, and go through bronze and silver."""
        log = self.simulation.log
        arrival_days = pc.cast(log["available_at"], pa.timestamp("us")).cast(pa.date32())
        for number in numbers:
            day = self.day(number)
            (self.folder / f"{day}").mkdir(parents=True, exist_ok=True)
            pq.write_table(log.filter(pc.equal(arrival_days, pa.scalar(day))), self.folder / f"{day}" / "log.parquet")
            land_events(self.workspace, day)
            with engine() as connection:
                type_events(self.workspace, connection, day)

    def hold_back(self, number: int) -> None:
        """Take a day of arrival out of what silver lists, as when it is blocked."""
        place = {"source": self.sources(), "day": self.day(number)}
        self.workspace.lake.replace_partition(EVENT_DAYS, EVENT_DAYS.empty(), partitions=place)

    def sources(self) -> list[str]:
        return pc.unique(self.workspace.lake.read(EVENT_DAYS)["source"]).to_pylist()

    def refresh(self) -> MartsReport:
        """Build and publish the marts; the feature views, which are not looked at here, stay out of the lake."""

        def hold_back(_: Workspace, __: ModelTable, days: Mapping[date, pa.Table]) -> dict[date, pa.Table | None]:
            return dict.fromkeys(days)

        return refresh(self.workspace, PROJECT, "events", prepare=hold_back)

    def marts(self) -> dict[str, pa.Table]:
        """Every mart as it stands in the lake, the feature views left out."""
        models = model_tables(manifest_of(PROJECT, self.workspace.settings.home), tag="events")
        return {name: self.workspace.lake.read(one.table) for name, one in models.items() if one.feature_view is None}


@dataclass(frozen=True)
class Stand:
    """What stood after a build."""

    report: MartsReport
    marts: Mapping[str, pa.Table]
    quarantined: Counter[str]

    @classmethod
    def of(cls, livestream: Livestream) -> "Stand":
        report = livestream.refresh()
        quarantined = livestream.workspace.lake.read(table_of(QuarantinedEventRow))
        return cls(report, livestream.marts(), Counter(quarantined["reason"].to_pylist()))


@dataclass(frozen=True)
class Story:
    """Days that arrive in order, looked at after every build."""

    simulation: Simulation
    on_time: Stand
    after_late: Stand

    def truth(self, until: int) -> Truth:
        return self.simulation.truth(self.simulation.scenario.start + timedelta(days=until - 1))


@dataclass(frozen=True)
class Shuffled:
    """The same days shuffled and repeated, and one more refresh after all of them."""

    stand: Stand
    again: MartsReport


@pytest.fixture(scope="module", params=SEEDS)
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    simulation = simulate(read_scenario(SCENARIO).scaled(events=EVENTS, days=DAYS, seed=request.param))
    in_order = Livestream.at(tmp_path_factory.mktemp("in_order"), simulation)
    in_order.arrive(1, 2, 3, 4)
    on_time = Stand.of(in_order)
    in_order.arrive(5)
    return Story(simulation, on_time, Stand.of(in_order))


@pytest.fixture(scope="module")
def shuffled_days(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Shuffled:
    shuffled = Livestream.at(tmp_path_factory.mktemp("shuffled"), story.simulation)
    shuffled.arrive(*FIRST_SHUFFLED)
    shuffled.refresh()
    shuffled.arrive(*REST_SHUFFLED)
    shuffled.arrive(3, 5)
    shuffled.hold_back(6)
    return Shuffled(Stand.of(shuffled), shuffled.refresh())


def test_every_mart_is_the_truth_of_what_has_arrived(story: Story) -> None:
    assert story.on_time.report.held_back == ()
    assert_true(story.on_time, story.truth(4))


def test_after_late_arrivals_every_mart_is_the_truth_again(story: Story) -> None:
    """The fifth day brings events of days before it, which are restated; days that it does not touch are not."""
    late = story.truth(4).events.num_rows, story.truth(5).events.num_rows
    assert late[0] < late[1]
    restated = story.after_late.report.restated
    assert restated
    assert {day_of(story, 4), day_of(story, 5)} <= {*restated}
    assert_true(story.after_late, story.truth(5))


@at_ci("three builds of dbt")
def test_shuffled_and_repeated_days_make_the_same_marts(story: Story, shuffled_days: Shuffled) -> None:
    """With the sixth day before all others, and taken back later: nothing of it is left in any mart."""
    shuffled = shuffled_days.stand
    assert shuffled.report.restated
    assert_true(shuffled, story.truth(5), quarantined=story.truth(6).quarantined)
    assert shuffled.marts.keys() == story.after_late.marts.keys()
    for name, rows in story.after_late.marts.items():
        assert sorted_rows(shuffled.marts[name]) == sorted_rows(rows), name


@at_ci("three builds of dbt")
def test_what_has_not_changed_restates_no_day_and_writes_no_mart(shuffled_days: Shuffled) -> None:
    """dbt is started all the same, for days of feature views are held back here and may come through another time."""
    assert shuffled_days.again.restated == ()
    changed = {name for name, days in shuffled_days.again.changed.items() if days and not name.startswith("features/")}
    assert changed == set()


def test_the_simulated_log_misbehaves_in_every_way_that_a_mart_must_bear(story: Story) -> None:
    events = story.after_late.marts["silver/events_deduplicated"]
    assert pc.max(events["copies"]).as_py() > 1
    assert pc.any(pc.greater(events["arrival_day"], events["event_day"])).as_py()
    assert pc.any(pc.less(events["event_ts"], events["raw_event_ts"])).as_py()
    assert pc.max(story.after_late.marts["silver/viewer_sessions"]["session_number"]).as_py() > 1
    assert pc.any(pc.invert(story.after_late.marts["gold/dim_creators"]["is_current"])).as_py()
    assert {*story.after_late.marts["gold/impression_labels"]["is_disputed"].to_pylist()} == {True, False}
    assert not story.on_time.marts["gold/expected_invoice"].equals(story.after_late.marts["gold/expected_invoice"])


def assert_true(stand: Stand, truth: Truth, *, quarantined: Mapping[str, int] | None = None) -> None:
    """Every mart that the simulator tells of holds its rows and no others; those of every reason are in quarantine."""
    for field in fields(truth):
        if field.name == "quarantined":
            assert stand.quarantined == Counter(quarantined or truth.quarantined)
            continue
        expected = getattr(truth, field.name)
        mart = stand.marts[TRUE_NAMES.get(field.name, f"gold/{field.name}")]
        assert mart.num_rows, field.name
        assert sorted_rows(mart.select(expected.column_names)) == sorted_rows(expected), field.name


def sorted_rows(rows: pa.Table) -> list[str]:
    """The rows as texts, in an order of their own."""
    return sorted(map(repr, rows.select(sorted(rows.column_names)).to_pylist()))


def day_of(story: Story, number: int) -> date:
    return story.simulation.scenario.start + timedelta(days=number - 1)
