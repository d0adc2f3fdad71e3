"""Launching runs over a home that was used before: after a run that was killed, and a day again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from command_runs import CHECKOUT, Demo, stored_files
from scale import at_ci

from assets.launch import PROCESS_TAG, end_dead_runs, launch, launch_events, process_name

DAY = date(2026, 11, 2)

# Hangs in the index's only slot, and says so.
HANGING_RUN = """
import sys, time
from datetime import date
from pathlib import Path
import assay.retrieval.reconcile

def hang(workspace, embedder):
    Path(sys.argv[1]).touch()
    time.sleep(600)

assay.retrieval.reconcile.reconcile_index = hang
from assets.launch import launch
launch(date(2026, 11, 2), date(2026, 11, 2))
"""


@dataclass(frozen=True)
class RunAgain:
    """A day launched again after a run of it was killed in its step: the dead run, and the home around the launch.

    Without an end to the dead run, the launch would wait for its slot for ever.
    """

    home: Path
    dead_run_id: str
    slots_taken: int
    stored: dict[str, str]
    result: dict[str, Any]


@pytest.fixture(scope="module")
def run_again(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunAgain]:
    folder = tmp_path_factory.mktemp("killed")
    home = demo.copy(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHECKOUT)
        patch.setenv("ASSAY_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        stored = stored_files(home)
        killed_in_its_slot(folder / "in-its-step")
        with dg.DagsterInstance.get() as instance:
            (dead,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
            slots_taken = instance.event_log_storage.get_concurrency_info("index").active_slot_count
        yield RunAgain(home, dead.run_id, slots_taken, stored, launch(DAY, DAY))


@at_ci("two runs by Dagster, a minute of CPU")
@pytest.mark.faults
def test_a_killed_run_does_not_hold_up_the_next_one(run_again: RunAgain) -> None:
    assert run_again.slots_taken == 1
    assert run_again.result["success"], run_again.result["errors"]
    with dg.DagsterInstance.get() as instance:
        dead = instance.get_run_by_id(run_again.dead_run_id)
        assert dead is not None
        assert dead.status is dg.DagsterRunStatus.FAILURE
        events = [entry.dagster_event for entry in instance.all_logs(dead.run_id)]
        assert any("Its process was killed." in (event.message or "") for event in events if event)
        assert instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])) == []
        assert instance.event_log_storage.get_concurrency_info("index").active_slot_count == 0


@at_ci("two runs by Dagster, a minute of CPU")
def test_a_single_day_again_changes_nothing(run_again: RunAgain) -> None:
    result = run_again.result
    assert result["errors"] == []
    assert [check for check in result["checks"] if not check["passed"]] == []
    assert {tuple(days) for days in result["stages"].values()} == {(DAY.isoformat(),)}
    assert result["stages"]["silver/documents"][DAY.isoformat()]["parsed"] == 0
    assert result["stages"]["gold/embeddings"][DAY.isoformat()]["documents_replaced"] == 0
    assert result["stages"]["release/serving"][DAY.isoformat()]["published"] is False
    assert stored_files(run_again.home) == run_again.stored


def killed_in_its_slot(mark: Path) -> None:
    """A run that dies by SIGKILL while its embeddings step holds the pool `index`."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", HANGING_RUN, str(mark)], cwd=CHECKOUT, start_new_session=True
    ) as child:
        try:
            deadline = time.monotonic() + 90
            while not mark.exists():
                assert child.poll() is None, "the run ended before it came to its step"
                assert time.monotonic() < deadline, "the run did not come to its step"
                time.sleep(0.1)
        finally:
            os.killpg(child.pid, signal.SIGKILL)


def test_only_runs_of_dead_processes_of_this_host_are_ended(tmp_path: Path) -> None:
    here, me = socket.gethostname(), process_name(os.getpid())
    processes = {
        "alive": me,
        "reused pid": f"{here}:{os.getpid()}:1",
        "gone": f"{here}:{_ended_process()}:12345",
        "another host": f"not-{here}:{os.getpid()}:1",
        "not ours": None,
    }
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        runs = {
            what: instance.add_run(
                dg.DagsterRun(
                    job_name="documents",
                    run_id=str(uuid4()),
                    status=dg.DagsterRunStatus.STARTED,
                    tags={PROCESS_TAG: process} if process else {},
                )
            )
            for what, process in processes.items()
        }
        ended = end_dead_runs(instance)
        assert {what for what, run in runs.items() if run.run_id in ended} == {"reused pid", "gone"}
        assert end_dead_runs(instance) == []


def _ended_process() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_log_with_days_before_the_first_partition_is_refused_and_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in ("2026-10-31", "2026-11-01"):
        (tmp_path / "log" / day).mkdir(parents=True)
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ASSAY_EVENTS", str(tmp_path / "log"))
    result = launch_events()
    assert result
    assert (result["success"], result["stages"]) == (False, {})
    assert "`export ASSAY_FIRST_DAY=2026-10-31`" in result["errors"][0]
