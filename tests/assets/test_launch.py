"""Launching runs over a home that was used before: days again, runs that were killed, checks that say no."""

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from command_runs import CHECKOUT, stored_files
from launched_homes import LaunchedHome

from assay.documents.gold import CHUNKS
from assay.documents.silver import DOCUMENTS, STATE
from assay.lake import Lake
from assay.quality.quarantine import QUARANTINE

DAY = date(2026, 11, 2)
NEW_DAY = date(2026, 11, 4)
GARBLED = "# Report\n\n" + "\N{REPLACEMENT CHARACTER}" * 80

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


def test_a_single_day_again_changes_nothing(used_home: LaunchedHome) -> None:
    before = stored_files(used_home.home)
    result = used_home.launch(DAY)
    assert result["success"]
    assert result["errors"] == []
    assert [check for check in result["checks"] if not check["passed"]] == []
    assert stored_files(used_home.home) == before
    # The day's own feed, and the one of the day after it, which is a difference to it.
    assert set(result["stages"]["bronze/documents"]) == {DAY.isoformat()}
    assert result["stages"]["gold/embeddings"][DAY.isoformat()]["documents_replaced"] == 0


@pytest.mark.faults
@pytest.mark.timeout(150)  # without an end to the dead run, the next one waits for its slot for ever
def test_a_killed_run_is_ended_by_the_next_one_and_its_slot_is_free(used_home: LaunchedHome, tmp_path: Path) -> None:
    before = stored_files(used_home.home)
    killed_in_its_slot(tmp_path / "in-the-step")
    with used_home.dagster() as instance:
        (dead,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        assert instance.event_log_storage.get_concurrency_info("index").active_slot_count == 1

    result = used_home.launch(DAY)

    assert result["success"]
    with used_home.dagster() as instance:
        ended = instance.get_run_by_id(dead.run_id)
        assert ended is not None
        assert ended.status is dg.DagsterRunStatus.FAILURE
        assert instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])) == []
        assert instance.event_log_storage.get_concurrency_info("index").active_slot_count == 0
        messages = [entry.user_message for entry in instance.all_logs(dead.run_id)]
        assert any("Its process was killed. What it had committed stands" in message for message in messages)
    assert stored_files(used_home.home) == before


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
    from assets.launch import PROCESS_TAG, end_dead_runs, process_name

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


def test_a_blocking_check_that_fails_stops_what_comes_after(
    used_home: LaunchedHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    garbled = tmp_path / "reports"
    garbled.mkdir()
    for name in ("one.md", "two.md"):
        (garbled / name).write_text(GARBLED)
    (garbled / "fine.md").write_text("# Fine\n\nThis report can be read by everybody.")
    before = stored_files(used_home.home)
    monkeypatch.setenv("ASSAY_DOCUMENTS", str(garbled))

    result = used_home.launch(NEW_DAY, as_of=True)

    assert result["success"] is False
    assert {check["name"] for check in result["checks"] if not check["passed"]} == {"text_is_not_garbled"}
    assert set(result["stages"]) == {
        "bronze/manifests", "bronze/documents", "silver/documents", "silver/quarantined_documents",
    }  # fmt: skip
    lake = Lake(used_home.home / "lake")
    held_back = lake.read(QUARANTINE, where={"day": NEW_DAY})
    assert held_back["expectation"].to_pylist() == ["text_is_not_garbled"] * 2
    assert lake.read(DOCUMENTS, where={"day": NEW_DAY}).num_rows == 1
    untouched = ("vectors/", "releases/", f"lake/{STATE.name}/", f"lake/{CHUNKS.name}/")
    after = stored_files(used_home.home)
    assert {name for name in after if name.startswith(untouched) and after[name] != before.get(name)} == set()

    monkeypatch.delenv("ASSAY_DOCUMENTS")
    assert used_home.launch(DAY)["success"], "another day runs on"
    reports = [one for one in lake.read(STATE)["document_id"].to_pylist() if not one.startswith("sample:")]
    assert reports == [], "the blocked day came in by a later run"
