"""Starting runs in processes of their own, and killing them: at a boundary by their own hand, at a moment by ours."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import killed_run
from commit_boundaries import Boundary, Start

from assay.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
# Later than this part of a run's duration it may have ended before the signal comes.
LATEST = 0.9
_POLL_SECONDS = 0.01
_PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, and its seconds from the first write on."""

    code: int
    seconds: float

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


def run(
    settings: Settings,
    start: Start,
    how: Sequence[str | Path],
    *,
    boundary: Boundary | None = None,
    kill_after_seconds: float | None = None,
) -> Ended:
    """Run the days of a start in a process that leads a group of its own, and wait for its end.

    `how`: what `killed_run.py` is told besides. It dies at `boundary`, or `kill_after_seconds` after its first write to
    the lake, or not at all. Raises AssertionError when it is not over within five minutes.
    """
    days = [part for day in start.days for part in ("--day", day.isoformat())]
    dies = ["--boundary", boundary.name] if boundary else []
    before = _files(settings)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", killed_run.__file__, *days, *how, *dies],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "ASSAY_HOME": str(settings.home),
            "ASSAY_CANARIES": str(settings.canaries),
            "ASSAY_MAX_FILE_BYTES": str(settings.max_file_bytes),
            "DAGSTER_HOME": str(settings.dagster_home),
        },
        start_new_session=True,
    )
    try:
        while process.poll() is None and _files(settings) == before:
            time.sleep(_POLL_SECONDS)
        first_write = time.monotonic()
        if kill_after_seconds is not None:
            time.sleep(kill_after_seconds)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        return Ended(process.wait(_PATIENCE_SECONDS), time.monotonic() - first_write)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def moments(count: int, seconds: float, seed: int) -> list[float]:
    """Random moments of a run that takes `seconds`, one in each of `count` equal parts of it."""
    chance = random.Random(seed)
    return [(part + chance.random()) / count * seconds * LATEST for part in range(count)]


def _files(settings: Settings) -> int:
    return sum(len(files) for _, _, files in os.walk(settings.lake_path))
