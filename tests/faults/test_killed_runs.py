"""A run killed anywhere, then one clean run: lake and index are those of a run that was never killed.

The stages run by hand, with stand-ins for what is slow and with the real storage; `soak_kills.py` does the same through
Dagster with the real libraries.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import kills
import pytest
from commit_boundaries import BOUNDARIES, EMPTY, SERVING, STARTS, Boundary, Start
from compared_homes import Home, Release, history_is_whole, leftovers, questions_of, read_home, read_release
from document_runs import Pipeline, stand_ins
from scale import AT_CI, at_ci

from assay.embeddings import Embedder
from assay.retrieval.canaries import Canary
from assay.settings import SAMPLE_SOURCE, Settings

pytestmark = pytest.mark.faults

RANDOM_MOMENTS = 2
# Each costs two runs, some 8 s: soak_kills.py kills at all of them, through Dagster.
KILLED_AT = BOUNDARIES[::3] if AT_CI else BOUNDARIES[::9]
# Two runs on their way to their deaths keep two cores busy while the test looks at a third.
RUNS_AT_ONCE = 2


@dataclass(frozen=True)
class NeverKilled:
    """Homes in which no run was killed: one per start to copy, and what there is to see once all days are in."""

    folder: Path
    served: Mapping[str, Release | None]
    reference: Home
    questions: Sequence[Canary]
    embedder: Embedder

    def copy(self, start: Start, home: Path) -> Settings:
        """A home of its own in which the runs before the killed one are done."""
        shutil.copytree(self.folder / start.name, home)
        return settings_for(home)

    def assert_serves(self, settings: Settings, *wanted: Release | None) -> None:
        """The pointer names one of the releases, whole, and searching it answers what that one answers."""
        found = read_release(settings, self.questions, self.embedder)
        same = [one for one in wanted if (not found.differences(one) if found and one else found is one)]
        assert same, f"{found and found.pointer} serves"

    def assert_clean_run_makes_good(self, settings: Settings, start: Start) -> None:
        """One run of the same days, and nothing tells that one was killed before it."""
        run_clean(settings, start.days)
        home = read_home(settings, self.questions, self.embedder)
        assert home.differences(self.reference) == []
        assert history_is_whole(settings)
        # A killed writer may leave its one temporary file: nothing reads it, and all that is read was compared.
        assert len(leftovers(settings)) <= 1


def settings_for(home: Path) -> Settings:
    """The sample's Markdown, whose largest file is refused; without questions that the stand-in model need not answer.

    What the other formats cost to parse, scans above all, would be paid by some sixty runs.
    """
    pages = SAMPLE_SOURCE.model_copy(update={"uri": "samples/inbox/{day}/**/*.md"})
    sizes = [file.stat().st_size for file in (kills.CHECKOUT / "samples" / "inbox").rglob("*.md")]
    return Settings(home=home, sources=(pages,), canaries=home / "none.jsonl", max_file_bytes=max(sizes) - 1)


def run_clean(settings: Settings, days: Sequence[date]) -> None:
    gate = Pipeline(settings).run(*days).gate
    assert gate
    assert gate.passed, gate.failures


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeverKilled]:
    folder = tmp_path_factory.mktemp("never-killed")
    with pytest.MonkeyPatch.context() as patch, stand_ins():
        patch.chdir(kills.CHECKOUT)
        whole = settings_for(folder / "whole")
        run_clean(whole, EMPTY.days)
        questions, embedder = questions_of(whole), Embedder.open(whole)
        served: dict[str, Release | None] = {}
        for start in STARTS:
            settings = settings_for(folder / start.name)
            settings.home.mkdir()
            for days in start.finished:
                run_clean(settings, days)
            served[start.name] = read_release(settings, questions, embedder)
        yield NeverKilled(folder, served, read_home(whole, questions, embedder), questions, embedder)


@pytest.fixture(scope="module")
def killed_at(
    never_killed: NeverKilled, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Mapping[Boundary, Future[Settings]]]:
    """Per boundary that this session asks for, a home in which a run is being killed there."""

    def kill(boundary: Boundary) -> Settings:
        settings = never_killed.copy(boundary.start, tmp_path_factory.mktemp("killed") / "home")
        ended = kills.run(settings, boundary.start, boundary=boundary)
        assert ended.was_killed, f"the run ended with {ended.code} and never came to its boundary"
        return settings

    calls = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    wanted = [params["boundary"] for params in calls if isinstance(params.get("boundary"), Boundary)]
    with ThreadPoolExecutor(RUNS_AT_ONCE) as pool:
        yield {boundary: pool.submit(kill, boundary) for boundary in wanted}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("boundary", KILLED_AT, ids=lambda boundary: boundary.name)
def test_a_run_killed_between_two_commits_is_made_good_by_the_next(
    never_killed: NeverKilled, killed_at: Mapping[Boundary, Future[Settings]], boundary: Boundary
) -> None:
    settings = killed_at[boundary].result()
    served_before = never_killed.served[boundary.start.name]
    never_killed.assert_serves(settings, never_killed.reference.release if boundary.is_released else served_before)
    never_killed.assert_clean_run_makes_good(settings, boundary.start)


@at_ci("two runs for every moment")
@pytest.mark.parametrize("start", [EMPTY, SERVING], ids=lambda start: start.name)
def test_a_run_killed_at_any_moment_is_made_good_by_the_next(
    never_killed: NeverKilled, tmp_path: Path, start: Start
) -> None:
    unharmed = kills.run(never_killed.copy(start, tmp_path / "unharmed"), start)
    assert unharmed.code == 0
    for moment in kills.moments(RANDOM_MOMENTS, unharmed.seconds, seed=20261103):
        settings = killed_after(never_killed, start, moment, tmp_path)
        never_killed.assert_serves(settings, never_killed.served[start.name], never_killed.reference.release)
        never_killed.assert_clean_run_makes_good(settings, start)


def killed_after(never_killed: NeverKilled, start: Start, seconds: float, folder: Path) -> Settings:
    """A home in which a run was killed so long after its first write, or earlier where it was quicker than that."""
    settings = never_killed.copy(start, folder / f"{seconds:.3f}")
    ended = kills.run(settings, start, kill_after_seconds=seconds)
    if ended.was_killed:
        return settings
    assert ended.code == 0, "the run failed by itself"
    return killed_after(never_killed, start, seconds / 2, folder)
