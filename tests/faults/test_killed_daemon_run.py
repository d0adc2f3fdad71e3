"""A run that the daemon started is killed by SIGKILL: the daemon notices, frees its slots and begins it again."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from concurrent_backfills import KEYS, Scene
from dagster_processes import POLL_SECONDS, Dagster
from generated_days import GeneratedDays
from scale import at_ci

from datetime import date  # isort: skip

FIRST_DAY = date(2026, 10, 1)
# The daemon looks at its runs every two minutes, and frees slots a minute after.
PATIENCE_SECONDS = 600
PID = re.compile(r"\(pid: (\d+)\)")
pytestmark = [
    pytest.mark.faults,
    at_ci("waits minutes for the daemon"),
]


def test_a_killed_run_of_the_daemon_is_begun_again_and_ends_well(tmp_path: Path) -> None:
    scene = Scene.at(tmp_path, GeneratedDays.of(FIRST_DAY, length=2, documents=6))
    with scene.dagster() as dagster:
        backfill = dagster.backfill(KEYS, [day.isoformat() for day in scene.generated.days])
        os.kill(process_in_step(scene, dagster, backfill, "gold__embeddings"), signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (statuses := sorted(run.status for run in dagster.runs(dagster__backfill=backfill))) != [
            "FAILURE",
            "SUCCESS",
        ]:
            assert time.monotonic() < deadline, f"{statuses}\n{dagster.log.read_text()[-3000:]}"
            time.sleep(POLL_SECONDS)
    assert scene.problems() == []


def process_in_step(scene: Scene, dagster: Dagster, backfill: str, step: str) -> int:
    """The process of the backfill's run, once it is inside a step."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for run in dagster.runs(dagster__backfill=backfill):
            with dg.DagsterInstance.from_config(str(scene.settings.dagster_home)) as instance:
                events = [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event]
            if any(one.event_type_value == "STEP_START" and one.step_key == step for one in events):
                return next(int(found[1]) for one in events if (found := PID.search(one.message or "")))
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"no run came to {step}")
