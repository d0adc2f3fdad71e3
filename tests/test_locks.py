import multiprocessing as mp
import os
import signal
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from assay.errors import StorageError
from assay.locks import exclusive

SPAWN = mp.get_context("spawn")
PATIENCE_SECONDS = 30


def hold(path: Path, held: Event, let_go: Event) -> None:
    with exclusive(path):
        held.set()
        let_go.wait(PATIENCE_SECONDS)


def count_up(lock: Path, counter: Path, times: int) -> None:
    for _ in range(times):
        with exclusive(lock):
            value = int(counter.read_text())
            time.sleep(0.001)
            counter.write_text(str(value + 1))


def test_a_held_lock_keeps_others_out_and_names_its_holder(tmp_path: Path) -> None:
    lock, held, let_go = tmp_path / "locks" / "gold.lock", SPAWN.Event(), SPAWN.Event()
    holder = SPAWN.Process(target=hold, args=(lock, held, let_go))
    holder.start()
    assert held.wait(PATIENCE_SECONDS)
    with (
        pytest.raises(StorageError, match=rf"gold\.lock.*process {holder.pid} holds it"),
        exclusive(lock, wait_seconds=0.2),
    ):
        pytest.fail("two held the lock at once")
    let_go.set()
    with exclusive(lock, wait_seconds=PATIENCE_SECONDS):
        assert lock.read_text() == str(os.getpid())
    holder.join()


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    lock, held, let_go = tmp_path / "gold.lock", SPAWN.Event(), SPAWN.Event()
    holder = SPAWN.Process(target=hold, args=(lock, held, let_go))
    holder.start()
    assert held.wait(PATIENCE_SECONDS)
    os.kill(holder.pid or 0, signal.SIGKILL)
    with exclusive(lock, wait_seconds=5):
        assert lock.read_text() == str(os.getpid())
    holder.join()


def test_no_update_under_the_lock_is_lost(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    workers = [SPAWN.Process(target=count_up, args=(tmp_path / "lock", counter, 30)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert counter.read_text() == "90"


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(KeyError), exclusive(tmp_path / "lock"):
        raise KeyError("inside")
    with exclusive(tmp_path / "lock", wait_seconds=0.1):
        pass
