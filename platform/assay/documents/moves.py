"""Which documents only moved from one state to another, by what the feed says of each."""

from collections.abc import Collection

import pyarrow as pa

from assay.documents.bronze import FEED
from assay.workspace import Workspace


def moves_between(
    workspace: Workspace, state: pa.Table, *, came: Collection[str], went: Collection[str]
) -> dict[str, str]:
    """New id -> old id of the documents of `came` whose bytes were brought from a document of `went`.

    Moves over several days of one run are followed to their beginning. A move counts while the tombstone that it left
    is the one that stands in `state`: of what was moved long ago and deleted since, nothing is told again.
    """
    if not came or not went:
        return {}
    rows = workspace.lake.read(
        FEED, where={"change": "moved"}, columns=["document_id", "document_version", "moved_from"]
    ).sort_by("document_version")
    versions = dict(zip(state["document_id"].to_pylist(), state["document_version"].to_pylist(), strict=True))
    gone = {one for one, is_gone in zip(*_columns(state, "document_id", "is_deleted"), strict=True) if is_gone}
    origins = {
        new: old
        for new, version, old in zip(*_columns(rows, "document_id", "document_version", "moved_from"), strict=True)
        if old in gone and versions[old] == version
    }
    return {new: old for new in came if (old := _origin(new, origins, went))}


def _origin(document_id: str, origins: dict[str, str], went: Collection[str]) -> str | None:
    """The first of the ids before this one that is among `went`."""
    followed: set[str] = set()
    while (before := origins.get(document_id)) and before not in followed:
        if before in went:
            return before
        followed.add(before)
        document_id = before
    return None


def _columns(table: pa.Table, *names: str) -> list[list[object]]:
    return [table[name].to_pylist() for name in names]
