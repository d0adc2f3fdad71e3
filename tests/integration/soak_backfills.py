"""A backfill of thirty days through GraphQL against a real daemon, then two at once beside a schedule and searches.

    PYTHONPATH=tests python tests/integration/soak_backfills.py [--report docs/soak.md] [--documents 200]

Exits 1 where a row is missing, a run failed or a search was wrong.
"""

import argparse
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from concurrent_backfills import Scene, backfill, beside_each_other
from generated_days import GeneratedDays
from soak_report import machine, write_section

HEADING = "## Backfills against a real daemon"
FIRST_DAY = date(2026, 9, 1)
# Thirty-one days without the thirteenth: thirty partitions in two contiguous ranges.
LENGTH, WITHOUT = 31, (12,)
TIMEOUT_SECONDS = 1800


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, default=Path("docs/soak.md"))
    parser.add_argument("--documents", type=int, default=200)
    given = parser.parse_args()
    generated = GeneratedDays.of(FIRST_DAY, LENGTH, given.documents, without=WITHOUT)
    scene, days = Scene.at(Path(tempfile.mkdtemp(prefix="assay-backfills-")), generated), sorted(generated.days)
    with scene.dagster() as dagster:
        alone = backfill(scene, dagster, days, timeout_seconds=TIMEOUT_SECONDS)
        problems = [f"alone: {one}" for one in scene.problems()]
        again = backfill(scene, dagster, days, timeout_seconds=TIMEOUT_SECONDS)
        scene = scene.edited()
        began = time.monotonic()
        half = len(days) // 2
        runs, searches = beside_each_other(
            scene, dagster, (days[: half + 3], days[half - 3 :]), timeout_seconds=TIMEOUT_SECONDS
        )
        beside_seconds = time.monotonic() - began
        problems += [f"beside: {one}" for one in scene.problems()]
    log = (scene.folder / "dagster.log").read_text()
    lock_errors = sum(log.count(said) for said in ("database is locked", "Could not set lock", "LockError"))
    ended = sorted(run.status for run in [*alone.runs, *again.runs, *runs])
    problems += [f"runs ended {ended}"] if set(ended) != {"SUCCESS"} else []
    problems += [f"{lock_errors} lock errors"] if lock_errors else []
    problems += [*searches.errors, *searches.torn, *(f"{name} was not found any more" for name in searches.lost)]
    rows = "\n".join(
        f"| {what} | {one.days} | {len(one.runs)} | {one.total_seconds:.0f} | {one.total_seconds / one.days:.2f} "
        f"| {one.run_seconds:.0f} | {one.asset_seconds:.0f} | {one.check_seconds:.0f} | {one.dagster_share:.0%} "
        f"| {one.waited_seconds:.0f} |"
        for what, one in (("first", alone), ("again, nothing to do", again))
    )
    section = f"""{HEADING}

`PYTHONPATH=tests python tests/integration/soak_backfills.py --documents {given.documents}`, {machine("dagster", "deltalake", "lancedb", "duckdb")}.

{given.documents} documents a day in a folder per day, a tenth of them edited daily; {len(days)} days, one missing in the middle.
The backfill is launched through GraphQL; web server and daemon are processes of their own. Ranges: {", ".join(f"{first} to {last}" for first, last in alone.ranges)}.
The two runs go beside each other; each is a process that imports torch, Great Expectations, LanceDB and dbt for itself. Dagster's share
is what of the runs' seconds passed outside of the assets' steps: checks, events, and waiting for a pool that the other run holds.

| backfill | partitions | runs | seconds | seconds per partition | seconds of the runs, added up | in assets | in checks | Dagster's share | seconds until the first run began |
|---|---|---|---|---|---|---|---|---|---|
{rows}

Then a tenth of the documents of every day were edited, and two backfills of overlapping halves, a schedule's tick and a search loop ran at the same time, for {beside_seconds:.0f} s: {len(runs)} runs,
{searches.searches} searches of which {searches.answered} were answered, {len(searches.torn)} torn, {len(searches.lost)} without a document that was found before, {sum(searches.errors.values())} failed, {lock_errors} lock errors.
Files observed, standing texts, chunks and the vectors that serve were then compared with the source row by row:
**{"nothing was lost or doubled" if not problems else "; ".join(problems)}**.
"""
    write_section(given.report, HEADING, section)
    print(section)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
