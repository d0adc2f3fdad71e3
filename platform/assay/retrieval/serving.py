"""The serving pointer: one small file that says which version of which table answers searches.

It is replaced atomically, so a reader sees the old release or the new one, and a rollback is one more replacement.
`history.jsonl` beside it keeps a line per publication.
"""

import dataclasses
import errno
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import DiskFull, StorageError

POINTER_FILE = "serving.json"
HISTORY_FILE = "history.jsonl"


@dataclass(frozen=True)
class ServingPointer:
    """A published release: the LanceDB `table` at `version`, and the configuration that built it.

    `fingerprint`: of the embedding model named `model`. `chunker`: as in `gold/chunks`. `published_at`: ISO 8601, UTC.
    """

    release_id: str
    table: str
    version: int
    model: str
    fingerprint: str
    chunker: str
    published_at: str


@dataclass(frozen=True)
class PointerStamp:
    """What changes whenever the pointer is replaced; comparing it costs one `stat`."""

    mtime_ns: int
    inode: int


def read_pointer(releases_path: Path) -> ServingPointer | None:
    """The serving release, None before the first one. Raises StorageError for a pointer that cannot be read."""
    stamped = read_stamped_pointer(releases_path)
    return stamped[0] if stamped else None


def read_stamped_pointer(releases_path: Path) -> tuple[ServingPointer, PointerStamp] | None:
    """The serving release with the stamp of the very file it was read from."""
    path = releases_path / POINTER_FILE
    try:
        with path.open(encoding="utf-8") as file:
            return _pointer(json.load(file)), _stamp(os.fstat(file.fileno()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, OSError) as error:
        raise StorageError(
            f"The serving pointer {path} cannot be read: {error}. The tables are untouched, but nothing can be served. "
            f"Move it aside with `mv {path} {path}.broken`, then run `assay demo` or `assay ingest DIR`: the gate publishes anew."
        ) from error


def pointer_stamp(releases_path: Path) -> PointerStamp | None:
    """The stamp of the pointer as it is now, None when there is none."""
    try:
        return _stamp(os.stat(releases_path / POINTER_FILE))
    except FileNotFoundError:
        return None


def publish_pointer(releases_path: Path, pointer: ServingPointer) -> None:
    """Make `pointer` the serving release; one publisher at a time. Raises DiskFull or StorageError: the old one stands.

    The history is written after the flip: a line for what never served would be offered to a rollback.
    """
    write_pointer(releases_path, pointer)
    complete_history(releases_path, pointer)


def write_pointer(folder: Path, pointer: ServingPointer) -> None:
    """Replace the pointer in `folder` atomically, without a line in a history: also how a candidate is asked."""
    target = folder / POINTER_FILE
    temporary = target.with_name(f".{POINTER_FILE}.{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_through(temporary, _as_line(pointer), os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.replace(temporary, target)
        _sync_folder(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _publication_error(f"Release {pointer.release_id} was not published", error) from error


def complete_history(releases_path: Path, serving: ServingPointer) -> None:
    """Give the serving release its line in the history, which a publisher that was killed did not live to write.

    Without it a rollback would pass over that release once the next one serves. One publisher at a time.
    Raises DiskFull or StorageError.
    """
    if read_history(releases_path)[-1:] == [serving]:
        return
    try:
        _append_history(releases_path / HISTORY_FILE, _as_line(serving))
    except OSError as error:
        raise _publication_error(
            f"Release {serving.release_id} serves, but its history was not written", error
        ) from error


def read_history(releases_path: Path) -> list[ServingPointer]:
    """Every publication, oldest first. A line that a crash cut short is left out."""
    path = releases_path / HISTORY_FILE
    if not path.exists():
        return []
    published: list[ServingPointer] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            published.append(_pointer(json.loads(line)))
        except (ValueError, TypeError):
            continue
    return published


def _as_line(pointer: ServingPointer) -> str:
    return json.dumps(dataclasses.asdict(pointer), ensure_ascii=False, sort_keys=True) + "\n"


def _pointer(record: Any) -> ServingPointer:
    fields = {field.name: field.type for field in dataclasses.fields(ServingPointer)}
    if not isinstance(record, Mapping) or set(record) != set(fields):
        raise ValueError(f"it does not hold exactly {', '.join(fields)}")
    for name, expected in fields.items():
        if type(record[name]) is not expected:
            raise ValueError(f"`{name}` is {record[name]!r}")
    return ServingPointer(**record)


def _stamp(found: os.stat_result) -> PointerStamp:
    return PointerStamp(found.st_mtime_ns, found.st_ino)


def _append_history(path: Path, line: str) -> None:
    torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    _write_through(path, f"\n{line}" if torn else line, os.O_CREAT | os.O_WRONLY | os.O_APPEND)


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


def _publication_error(what: str, error: OSError) -> StorageError:
    kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StorageError
    return kind(
        f"{what}: {error}. What served before, or this release itself, serves. Free the disk or mend the folder, then run the same command again."
    )
