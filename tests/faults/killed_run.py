"""A run of the document path that may kill itself: the child of the kill tests, started by `kills.run`.

killed_run.py --day 2026-11-01 ... [--boundary NAME] [--result FILE]

With `--result` it is a Dagster run, by `assets.launch`. Without, the stages run by hand and with stand-ins, as in the
tests of the stages: what is slow commits nothing itself.
"""

import argparse
import sys
from datetime import date
from pathlib import Path

from commit_boundaries import BOUNDARIES, boundary_of
from document_runs import Pipeline, stand_ins

from assay.settings import load_settings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--day", type=date.fromisoformat, action="append", required=True, dest="days")
    parser.add_argument("--boundary", choices=[one.name for one in BOUNDARIES])
    parser.add_argument("--result", type=Path)
    given = parser.parse_args()
    if given.boundary:
        boundary_of(given.boundary).arm()
    if given.result is None:
        with stand_ins():
            gate = Pipeline(load_settings()).run(*given.days).gate
        return 0 if gate and gate.passed else 1
    from assets import launch

    sys.argv[1:] = ["--first-day", f"{given.days[0]}", "--last-day", f"{given.days[-1]}", "--result", f"{given.result}"]
    return launch.main()


if __name__ == "__main__":
    sys.exit(main())
