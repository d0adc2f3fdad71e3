"""Starting runs in processes of their own, and killing them: at a boundary by their own hand, at a moment by ours."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from commit_boundaries import Boundary, Start

from assay.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
KILLED_RUN = Path(__file__).with_name("killed_run.py")
# Later than this part of a run's duration it may have ended before the signal comes.
LATEST = 0.9
_POLL_SECONDS = 0.01
_PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, and its seconds from its first write to the lake on.

    `session`: the id that its process gave to all that it started.
    """

    code: int
    seconds: float
    session: int

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


def run(
    settings: Settings,
    start: Start,
    *,
    boundary: Boundary | None = None,
    kill_after_seconds: float | None = None,
    result: Path | None = None,
    log: IO[bytes] | None = None,
) -> Ended:
    """Run the days of a start in a process that leads a group of its own, and wait for its end.

    It dies at `boundary`, or `kill_after_seconds` after its first write to the lake, or not at all. With `result` it is
    a Dagster run that writes there what came of it. What it prints goes to `log`, or to where ours goes.
    Raises subprocess.TimeoutExpired when it hangs.
    """
    days = [part for day in start.days for part in ("--day", day.isoformat())]
    dies = ["--boundary", boundary.name] if boundary else []
    told = ["--result", str(result)] if result else []
    before = _files(settings)
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", KILLED_RUN, *days, *dies, *told],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "DAGSTER_HOME": str(settings.dagster_home),
            "ASSAY_HOME": str(settings.home),
            "ASSAY_SOURCES": json.dumps([source.model_dump(mode="json") for source in settings.sources]),
            "ASSAY_CANARIES": str(settings.canaries),
            "ASSAY_MAX_FILE_BYTES": str(settings.max_file_bytes),
        },
        stdout=log,
        stderr=log,
        start_new_session=True,
    ) as process:
        try:
            while process.poll() is None and _files(settings) == before:
                time.sleep(_POLL_SECONDS)
            first_write = time.monotonic()
            if kill_after_seconds is not None:
                time.sleep(kill_after_seconds)
                kill_group(process)
            return Ended(process.wait(_PATIENCE_SECONDS), time.monotonic() - first_write, process.pid)
        finally:
            kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a run that is not over, with all of its group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def survivors(session: int) -> list[int]:
    """Processes of a session that are alive, read from Linux's `/proc`; parser workers end themselves within a moment."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            state, _, _, its_session = stat.read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                found.append(int(stat.parent.name))
    return found


def moments(count: int, seconds: float, seed: int) -> list[float]:
    """Random moments of a run that takes `seconds`, one in each of `count` equal parts of it."""
    chance = random.Random(seed)
    return [(part + chance.random()) / count * seconds * LATEST for part in range(count)]


def _files(settings: Settings) -> int:
    return sum(len(files) for _, _, files in os.walk(settings.lake_path))
