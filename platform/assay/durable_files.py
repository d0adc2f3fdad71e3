"""Small files that outlive a power cut: replaced as a whole or appended to, each write synced to the disk."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from assay.errors import DiskFull, StorageError


@dataclass(frozen=True)
class FileStamp:
    """What changes whenever a file is replaced; comparing it costs one `stat`."""

    mtime_ns: int
    inode: int


def file_stamp(path: Path) -> FileStamp | None:
    """The stamp of the file as it is now, None when there is none."""
    try:
        return stamp_of(os.stat(path))
    except FileNotFoundError:
        return None


def stamp_of(found: os.stat_result) -> FileStamp:
    """The stamp of a file from its `stat`; of an open file from its `fstat`, so that it is the stamp of what is read."""
    return FileStamp(found.st_mtime_ns, found.st_ino)


def replace_file(path: Path, text: str) -> None:
    """Make `text` the file's whole content: a reader sees the old one or the new one. Raises OSError, the old one stands."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_through(temporary, text, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def append_line(path: Path, line: str) -> None:
    """Add a line, after one that a crash cut short on a line of its own. Raises OSError."""
    torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    _write_through(path, f"\n{line}" if torn else line, os.O_CREAT | os.O_WRONLY | os.O_APPEND)


def write_error(message: str, error: OSError) -> StorageError:
    """DiskFull where the disk is full, else StorageError."""
    kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StorageError
    return kind(message)


def _write_through(path: Path, text: str, flags: int) -> None:
    descriptor = os.open(path, flags, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    """Without it a power cut may undo the replacement."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
