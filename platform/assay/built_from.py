"""Which versions of its inputs a table of the present state was built from, so that it is judged against those.

Two runs overlap: while what one built is judged, the other has already moved the inputs on. Judged against the newest
inputs a right table would be called wrong.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from assay.workspace import Workspace

Versions = Mapping[str, int | None]


def remember(workspace: Workspace, name: str, inputs: Versions) -> None:
    """Keep the versions that the table or index `name` was built from; the caller holds its lock."""
    path = _path(workspace, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(dict(inputs), sort_keys=True), encoding="utf-8")
    os.replace(temporary, path)


def inputs_of(workspace: Workspace, name: str) -> Versions:
    """What `name` was built from when it was built last; nothing where that is not known: it is judged by what stands."""
    try:
        found: Versions = json.loads(_path(workspace, name).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found


def _path(workspace: Workspace, name: str) -> Path:
    return workspace.settings.home / "built_from" / f"{name.replace('/', '.')}.json"
