"""Kill real Dagster runs at every named boundary and at random moments, run each home once more, and compare.

    PYTHONPATH=tests python tests/faults/soak_kills.py [--report docs/soak.md] [--moments 10] [--seed 1]

Half an hour on two cores. Each kill has a home of its own; at last one home is killed at every boundary in turn. A home
is equal when its lake, its blobs, what it serves and what searches answer are those of a home in which nothing was
killed. Exits 1, and leaves the home to be looked at, where one is not. Linux only.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import kills
from commit_boundaries import BOUNDARIES, EMPTY, SERVING, STARTS, Boundary, Start
from compared_homes import Home, Release, history_is_whole, leftovers, questions_of, read_home, read_release, summary
from soak_report import machine, write_section

from assay.cli.launching import prepare_dagster_home
from assay.embeddings import Embedder
from assay.retrieval.canaries import Canary
from assay.settings import Settings

HEADING = "## Killed runs of the document path"
POOL = "index"
UNFINISHED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
# A parser worker hears of its pool's death from the kernel, and has this long to be gone.
_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Row:
    """What was seen of one kill, or of several in one home, and of the clean run after it."""

    killed: str
    start: str
    at_seconds: str
    stood: str
    dagster: str
    problems: tuple[str, ...]
    clean_seconds: float

    def __str__(self) -> str:
        equal = "yes" if not self.problems else f"**no**: {'; '.join(self.problems)}"
        cells = (self.killed, self.start, self.at_seconds, self.stood, self.dagster, equal, f"{self.clean_seconds:.0f}")
        return f"| {' | '.join(cells)} |"


@dataclass(frozen=True)
class Soak:
    """The homes in which nothing was killed, and what they hold."""

    folder: Path
    reference: Home
    served: dict[str, Release | None]
    seconds: dict[str, float]
    questions: Sequence[Canary]
    embedder: Embedder

    def copy(self, start: Start) -> Settings:
        home = Path(tempfile.mkdtemp(prefix="killed-", dir=self.folder)) / "home"
        shutil.copytree(self.folder / start.name, home)
        return settings_for(home)

    def at_boundary(self, boundary: Boundary) -> Row:
        settings, start = self.copy(boundary.start), boundary.start
        ended = run(settings, start, boundary=boundary)
        serves = self.reference.release if boundary.is_released else self.served[start.name]
        return self.recovered(boundary.name, settings, start, [ended], [serves])

    def at_moment(self, number: int, start: Start, seconds: float) -> Row:
        settings = self.copy(start)
        ended = run(settings, start, kill_after_seconds=seconds)
        if ended.code == 0:  # it was quicker than the one whose duration was measured
            shutil.rmtree(settings.home.parent)
            return self.at_moment(number, start, seconds / 2)
        either = [self.served[start.name], self.reference.release]
        return self.recovered(f"random moment {number}", settings, start, [ended], either)

    def at_every_boundary(self) -> Row:
        settings = self.copy(EMPTY)
        ended = [run(settings, EMPTY, boundary=boundary) for boundary in BOUNDARIES]
        return self.recovered("every boundary in turn, one home", settings, EMPTY, ended, [self.reference.release])

    def recovered(
        self,
        killed: str,
        settings: Settings,
        start: Start,
        ended: Sequence[kills.Ended],
        may_serve: Sequence[Release | None],
    ) -> Row:
        """Look at a home after its kills, run it once, and look again."""
        problems = [f"a run ended with {one.code}, not by SIGKILL" for one in ended if not one.was_killed]
        problems += [f"{len(left)} processes live on" for one in ended if (left := lasting_survivors(one.session))]
        stood, dagster = summary(settings), unfinished(settings)
        release = read_release(settings, self.questions, self.embedder)
        if not any(not release.differences(one) if release and one else release is one for one in may_serve):
            problems.append("what served after the kill was no whole release")
        began = time.monotonic()
        clean = run(settings, start)
        seconds = time.monotonic() - began
        if clean.code:
            problems.append(f"the clean run ended with {clean.code}")
        problems += read_home(settings, self.questions, self.embedder).differences(self.reference)
        problems += [] if history_is_whole(settings) else ["the history lacks what serves"]
        problems += [f"after the clean run: {left}"] if (left := unfinished(settings)) != "nothing" else []
        if (files := leftovers(settings)) and len(files) > len(ended):
            problems.append(f"{len(files)} temporary files")
        if not problems:
            shutil.rmtree(settings.home.parent)
        at = f"{ended[0].seconds:.1f}" if len(ended) == 1 else f"{len(ended)} kills"
        return Row(killed, start.name, at, stood, dagster, tuple(problems), seconds)


def run(
    settings: Settings, start: Start, *, boundary: Boundary | None = None, kill_after_seconds: float | None = None
) -> kills.Ended:
    """A Dagster run of the days of a start; what it prints goes to `run.log` beside its home."""
    prepare_dagster_home(settings)
    result = settings.home.parent / "result.json"
    with (settings.home.parent / "run.log").open("ab") as log:
        return kills.run(
            settings, start, boundary=boundary, kill_after_seconds=kill_after_seconds, result=result, log=log
        )


def settings_for(home: Path) -> Settings:
    """The largest file of all days is refused, so that the first stage has something to hold back."""
    sizes = [file.stat().st_size for file in Path("samples/inbox").rglob("*") if file.is_file()]
    return Settings(home=home, max_file_bytes=max(sizes) - 1)


def unfinished(settings: Settings) -> str:
    """What Dagster believes to be going on in a home in which no process runs."""
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        runs = len(instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)))
        slots = len(instance.event_log_storage.get_concurrency_info(POOL).claimed_slots)
    told = [f"{count} {what}" for count, what in ((runs, "run STARTED"), (slots, "slot taken")) if count]
    return ", ".join(told) or "nothing"


def lasting_survivors(session: int) -> list[int]:
    """Processes of a run that outlive it by more than a moment."""
    deadline = time.monotonic() + _GRACE_SECONDS
    while (left := kills.survivors(session)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def never_killed(folder: Path) -> Soak:
    """Make the homes that the kills begin from, and the one that they are compared with. Raises where a run fails."""
    whole = settings_for(folder / "whole" / "home")
    seconds = {EMPTY.name: succeeded(whole, EMPTY)}
    questions, embedder = questions_of(whole), Embedder.open(whole)
    reference = read_home(whole, questions, embedder)
    served: dict[str, Release | None] = {}
    for start in STARTS:
        settings = settings_for(folder / start.name)
        settings.home.mkdir()
        for days in start.finished:
            succeeded(settings, Start("a part", (), days))
        served[start.name] = read_release(settings, questions, embedder)
    soak = Soak(folder, reference, served, seconds, questions, embedder)
    for start in (start for start in STARTS if start is not EMPTY):
        copied = soak.copy(start)
        seconds[start.name] = succeeded(copied, start)
        if found := read_home(copied, questions, embedder).differences(reference):
            raise SystemExit(f"Without any kill, after {start.name}, the homes differ: {found}. Nothing was killed.")
    return soak


def succeeded(settings: Settings, start: Start) -> float:
    settings.home.mkdir(parents=True, exist_ok=True)
    ended = run(settings, start)
    if ended.code:
        raise SystemExit(f"A run that nobody killed ended with {ended.code}: see {settings.home.parent / 'run.log'}.")
    return ended.seconds


def rows_of(soak: Soak, moments: int, seed: int) -> Iterator[Row]:
    for boundary in BOUNDARIES:
        yield soak.at_boundary(boundary)
    number = 0
    for start, count in ((EMPTY, moments - moments // 2), (SERVING, moments // 2)):
        for moment in kills.moments(count, soak.seconds[start.name], seed):
            number += 1
            yield soak.at_moment(number, start, moment)
    yield soak.at_every_boundary()


def report(rows: Sequence[Row], soak: Soak, moments: int, seed: int, minutes: float) -> str:
    """The section of the report, from its heading on."""
    equal = sum(not row.problems for row in rows)
    return f"""{HEADING}

`python tests/faults/soak_kills.py --moments {moments} --seed {seed}`, {machine("dagster", "deltalake", "lancedb")}; {minutes:.0f} minutes.

Each row is a home of its own. A Dagster run of the sample's days through every stage was killed with SIGKILL, its whole
process group with it; then one run with the same arguments, which nobody killed. Equal means equal to a home in which no run
was ever killed: the rows of every table of the lake but their run and time of computation, the blobs, every row and vector of
the version that serves (vectors within 1e-6), and the answers to {len(soak.questions)} questions by three modes of search. After every kill what
served before had to serve still, whole, or once the pointer had moved the new release; no process of the run lived on; and after
the clean run Dagster held no run for started and no pool slot for taken. Outcomes of the present-state tables tell of the
last batch that a run judged and are not compared.

**{equal} of {len(rows)} homes were equal.** An unharmed run takes {soak.seconds[EMPTY.name]:.0f} s from its first write on.

| killed | stood before | killed at, s after the first write | stood after the kill | Dagster believed | equal after one clean run | clean run, s |
|---|---|---|---|---|---|---|
{chr(10).join(map(str, rows))}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, default=Path("docs/soak.md"))
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    os.chdir(kills.CHECKOUT)
    for name in [name for name in os.environ if name.startswith("ASSAY_")]:
        del os.environ[name]  # the sample, and no setting of the caller's
    folder, began, rows = Path(tempfile.mkdtemp(prefix="assay-soak-")), time.monotonic(), []
    soak = never_killed(folder)
    for row in rows_of(soak, given.moments, given.seed):
        print(row, flush=True)
        rows.append(row)
    minutes = (time.monotonic() - began) / 60
    write_section(given.report, HEADING, report(rows, soak, given.moments, given.seed, minutes))
    if any(row.problems for row in rows):
        print(f"The homes that are not equal are left in {folder}.", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
