"""Which versions of its inputs a table of the present state was built from, so that it is judged against those.

Two runs overlap: while what one built is judged, the other has already moved the inputs on. Judged against the newest
inputs a right table would be called wrong.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from assay.durable_files import replace_file, write_error
from assay.workspace import Workspace

Versions = Mapping[str, int | None]


def remember(workspace: Workspace, name: str, inputs: Versions) -> None:
    """Keep the versions that the table or index `name` was built from; the caller holds its lock. Raises StorageError."""
    path = _path(workspace.settings.home, name)
    try:
        replace_file(path, json.dumps(dict(inputs), sort_keys=True))
    except OSError as error:
        raise write_error(
            f"What `{name}` was built from could not be noted in `{path}`: {error.strerror}. It was written and stands. "
            "See the place with `df -h`, then run this again.",
            error,
        ) from error


def inputs_of(workspace: Workspace, name: str) -> Versions:
    """What `name` was built from when it was built last; nothing where that is not known: it is judged by what stands."""
    try:
        found: Versions = json.loads(_path(workspace.settings.home, name).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found


def forget(home: Path, name: str) -> None:
    """Take away what is noted of `name`, which is not there any more."""
    _path(home, name).unlink(missing_ok=True)


def _path(home: Path, name: str) -> Path:
    return home / "built_from" / f"{name.replace('/', '.')}.json"
