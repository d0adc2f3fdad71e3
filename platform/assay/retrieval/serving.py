"""The serving pointer: one small file that says which version of which table answers searches.

It is replaced atomically, so a reader sees the old release or the new one, and a rollback is one more replacement.
`history.jsonl` beside it keeps a line per publication.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.durable_files import FileStamp, append_line, file_stamp, replace_file, stamp_of, write_error
from assay.errors import StorageError

POINTER_FILE = "serving.json"
HISTORY_FILE = "history.jsonl"
# Beside them: the pointer by which the gate asks a candidate.
CANDIDATE_FOLDER = "candidate"
# How many of the last publications stay whole, so that a rollback to one of them finds its version.
RETAINED_RELEASES = 5


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


def read_pointer(releases_path: Path) -> ServingPointer | None:
    """The serving release, None before the first one. Raises StorageError for a pointer that cannot be read."""
    stamped = read_stamped_pointer(releases_path)
    return stamped[0] if stamped else None


def read_stamped_pointer(releases_path: Path) -> tuple[ServingPointer, FileStamp] | None:
    """The serving release with the stamp of the very file it was read from."""
    path = releases_path / POINTER_FILE
    try:
        with path.open(encoding="utf-8") as file:
            return _pointer(json.load(file)), stamp_of(os.fstat(file.fileno()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, OSError) as error:
        raise StorageError(
            f"The serving pointer {path} cannot be read: {error}. The tables are untouched, but nothing can be served. "
            f"Move it aside with `mv {path} {path}.broken`, then run `assay demo` or `assay ingest DIR`: the gate publishes anew."
        ) from error


def pointer_stamp(releases_path: Path) -> FileStamp | None:
    """The stamp of the pointer as it is now, None when there is none."""
    return file_stamp(releases_path / POINTER_FILE)


def publish_pointer(releases_path: Path, pointer: ServingPointer) -> None:
    """Make `pointer` the serving release; one publisher at a time. Raises DiskFull or StorageError: the old one stands.

    The history is written after the flip: a line for what never served would be offered to a rollback.
    """
    write_pointer(releases_path, pointer)
    complete_history(releases_path, pointer)


def write_pointer(folder: Path, pointer: ServingPointer) -> None:
    """Replace the pointer in `folder` atomically, without a line in a history: also how a candidate is asked."""
    try:
        replace_file(folder / POINTER_FILE, _as_line(pointer))
    except OSError as error:
        raise _publication_error(f"Release {pointer.release_id} was not published", error) from error


def complete_history(releases_path: Path, serving: ServingPointer) -> None:
    """Give the serving release its line in the history, which a publisher that was killed did not live to write.

    Without it a rollback would pass over that release once the next one serves. One publisher at a time.
    Raises DiskFull or StorageError.
    """
    if read_history(releases_path)[-1:] == [serving]:
        return
    try:
        append_line(releases_path / HISTORY_FILE, _as_line(serving))
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


def retained_releases(releases_path: Path) -> list[ServingPointer]:
    """The releases that serve or could serve again by a rollback, oldest first.

    The pointer itself is asked too, should its history lack it.
    """
    published = [*read_history(releases_path)[-RETAINED_RELEASES:], read_pointer(releases_path)]
    return list(dict.fromkeys(pointer for pointer in published if pointer is not None))


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


def _publication_error(what: str, error: OSError) -> StorageError:
    return write_error(
        f"{what}: {error}. What served before, or this release itself, serves. Free the disk or mend the folder, then run the same command again.",
        error,
    )
