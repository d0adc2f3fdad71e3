"""Backfills launched as the UI launches them, against a real web server and daemon; the long counts are in docs/soak.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pytest
from concurrent_backfills import Backfilled, Scene, backfill, beside_each_other
from dagster_processes import Dagster, DagsterRun
from generated_days import GeneratedDays
from scale import at_soak
from search_loop import SearchLoop

FIRST_DAY = date(2026, 10, 1)
# Six days, of which the third is not there: two contiguous ranges.
GENERATED = GeneratedDays.of(FIRST_DAY, length=6, documents=10, without=(2,))
TIMEOUT_SECONDS = 600
# Each run is a process that imports everything: five of them take four minutes of CPU, a sixth of all that CI has.
pytestmark = at_soak("four minutes of CPU")


@dataclass(frozen=True)
class Running:
    """A home with Dagster over it, and what a backfill of all its days did first."""

    scene: Scene
    dagster: Dagster
    alone: Backfilled
    problems: list[str]


@dataclass(frozen=True)
class Beside:
    """Both halves backfilled again after edits, beside a schedule's run and searches, and where the home differed then."""

    runs: list[DagsterRun]
    searches: SearchLoop
    problems: list[str]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    scene, days = Scene.at(tmp_path_factory.mktemp("backfills"), GENERATED), sorted(GENERATED.days)
    with scene.dagster() as dagster:
        alone = backfill(scene, dagster, days, timeout_seconds=TIMEOUT_SECONDS)
        yield Running(scene, dagster, alone, scene.problems())


@pytest.fixture(scope="module")
def beside(running: Running) -> Beside:
    days = sorted(GENERATED.days)
    scene, parts = running.scene.edited(), (days[:3], days[1:])
    runs, searches = beside_each_other(scene, running.dagster, parts, timeout_seconds=TIMEOUT_SECONDS)
    return Beside(runs, searches, scene.problems())


def test_a_contiguous_range_is_one_run(running: Running) -> None:
    assert running.alone.ranges == [("2026-10-01", "2026-10-02"), ("2026-10-04", "2026-10-06")]
    assert {run.status for run in running.alone.runs} == {"SUCCESS"}


def test_rows_are_those_of_the_source(running: Running) -> None:
    assert running.problems == []


def test_two_backfills_a_schedule_and_searches_do_not_disturb_each_other(running: Running, beside: Beside) -> None:
    assert {run.status for run in beside.runs} == {"SUCCESS"}
    assert {run.tags.get("assay/trigger", "backfill") for run in beside.runs} == {"backfill", "every minute"}
    assert beside.problems == []
    log = (running.scene.folder / "dagster.log").read_text()
    assert "database is locked" not in log
    assert "Could not set lock" not in log


def test_no_search_failed_or_saw_half_a_document(beside: Beside) -> None:
    assert beside.searches.errors == {}
    assert beside.searches.torn == []
    assert beside.searches.lost == []
    assert beside.searches.found == set(GENERATED.lasting)
