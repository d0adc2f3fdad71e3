"""One writer at a time across processes; the kernel frees the lock when its holder dies."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from assay.errors import DiskFull, StorageError


@contextmanager
def exclusive(path: Path, *, wait_seconds: float = 600) -> Generator[None]:
    """Hold the lock file at `path` for the length of the block; other processes and threads wait for it.

    The file stays after release and names its last holder's process id; deleting it by hand would let two in.
    Raises StorageError, naming the lock and its holder, when `wait_seconds` pass first; also, or DiskFull, where no lock
    can be made.
    """
    lock = FileLock(path, timeout=wait_seconds, on_acquired=_write_process_id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        holder = _holder(path)
        who, look = (f"process {holder}", f"ps -fp {holder}") if holder else ("an unknown process", f"fuser {path}")
        raise StorageError(
            f"The lock `{path}` was not free within {wait_seconds:g} s: {who} holds it. Nothing was written. "
            f"See what holds it with `{look}`, then run this again."
        ) from None
    except OSError as error:
        kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StorageError
        raise kind(
            f"The lock `{path}` could not be taken: {error.strerror}. Nothing was written. "
            "See the place with `assay doctor`, then run this again."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _write_process_id(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _holder(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
