"""The edge to LanceDB: opening tables and telling its errors apart. Nearly all are of two classes."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from assay.errors import AssayError, DiskFull, StorageError

# A file of a table or version, a table, a version. "position is not found" is said of a query, so no bare "not found".
_NOT_FOUND = ("not found:", "was not found", "no longer exists")
_LOST_RACE = ("commit conflict", "conflicting concurrent", "please retry", "too much write contention")
_NO_SPACE = ("no space left on device", "disk quota exceeded", "os error 28)", "os error 122)")

# What LanceDB raises for its own failures; anything else is a mistake of the caller's and passes through.
LANCE_ERRORS = (RuntimeError, ValueError, OSError)


class GoneError(StorageError):
    """A table, a version or a file of one is not there any more; whoever follows the pointer reads it once more."""


def connect(vectors_path: Path) -> Any:
    """A connection to the folder of tables; its handles read the newest commit unless a version was checked out."""
    import lancedb

    return lancedb.connect(vectors_path, read_consistency_interval=timedelta(0))


def open_table(vectors_path: Path, name: str, version: int | None = None) -> Any:
    """A table's handle, fixed at `version` where one is given. Raises LanceDB's own error, see `is_not_found`."""
    return connect(vectors_path).open_table(name, version=version)


def is_not_found(error: BaseException) -> bool:
    """True when LanceDB says that a table, a version or a file of one is gone."""
    return isinstance(error, LANCE_ERRORS) and any(sign in str(error).lower() for sign in _NOT_FOUND)


def is_lost_race(error: BaseException) -> bool:
    """True when another commit came first and trying again is right."""
    return isinstance(error, LANCE_ERRORS) and any(sign in str(error).lower() for sign in _LOST_RACE)


@contextmanager
def storage_errors(action: str) -> Generator[None]:
    """Raise DiskFull, GoneError or StorageError in place of what LanceDB raises; `action` says what was being done."""
    try:
        yield
    except AssayError:
        raise
    except LANCE_ERRORS as error:
        said = " ".join(str(error).split())
        if any(sign in said.lower() for sign in _NO_SPACE):
            raise DiskFull(
                f"No space left while {action}; the last commit stands and goes on serving. Free space, then run "
                "`assay ingest` again."
            ) from error
        kind = GoneError if is_not_found(error) else StorageError
        raise kind(
            f"LanceDB failed while {action}: {said}. The last commit stands and goes on serving. Look at the folder "
            "with `assay doctor`, then run `assay ingest` again."
        ) from error
