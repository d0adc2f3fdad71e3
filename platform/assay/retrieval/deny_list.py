"""Computing the deny-list: what the feed says now against everything that is found, or could be by the next release.

It is a function of the two, not a log of deletions: an entry is there while something holds more than it may, so a crash,
a lost list or a run out of order changes nothing that the next update does not mend, and no clock decides.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from assay.documents.bronze import FEED
from assay.documents.gold import CHUNKS
from assay.documents.manifests import MANIFESTS
from assay.documents.permissions import fold_permissions
from assay.documents.state import STATE
from assay.errors import DiskFull, StorageError
from assay.locks import exclusive
from assay.quality.blocked_days import blocked_days
from assay.retrieval import engine
from assay.retrieval.denials import Denial, read_denials, write_denials
from assay.retrieval.serving import ServingPointer, drop_head, guarded_releases, heads, read_pointer
from assay.warehouse import query, registered
from assay.workspace import Workspace

_HELD = pa.schema([
    ("document_id", pa.string()),
    ("source", pa.string()),
    ("document_version", pa.int64()),
    ("allowed_principals", pa.list_(pa.string())),
])  # fmt: skip


@dataclass(frozen=True)
class DenyListReport:
    """The list after an update. `denied` documents are found by nobody; `narrowed` by fewer, or not in their old text.

    `added` entries are new, `released` ones went: nothing holds more than they permit any more.
    """

    denied: int
    narrowed: int
    added: int
    released: int
    changed: bool


def update_deny_list(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, *, needed: ServingPointer | None = None
) -> DenyListReport:
    """Bring the deny-list to what the feed says now; call it after the feed was written and before texts are parsed.

    A list that cannot be read is replaced. Where nothing differs nothing is written. A release whose table is damaged stops
    no deletion: it is left out, and loses its head, so that it cannot come to serve. Raises DiskFull; or StorageError where
    that is the release that serves, or `needed`, which is about to: the list before stands.
    """
    releases_path = workspace.settings.releases_path
    with exclusive(workspace.settings.locks_path / "deny_list.lock"):
        standing = _standing(workspace)
        denials = compute_denials(workspace, connection, standing or {}, needed=needed)
        changed = tuple(denials) != tuple((standing or {}).values()) or standing is None
        if changed:
            write_denials(releases_path, denials)
    ids = {one.document_id for one in denials}
    denied = sum(not one.allowed_principals for one in denials)
    return DenyListReport(
        denied=denied,
        narrowed=len(denials) - denied,
        added=len(ids - (standing or {}).keys()),
        released=len((standing or {}).keys() - ids),
        changed=changed,
    )


def compute_denials(
    workspace: Workspace,
    connection: duckdb.DuckDBPyConnection,
    standing: Mapping[str, Denial],
    *,
    needed: ServingPointer | None = None,
) -> tuple[Denial, ...]:
    """The list as it should be, by document id; entries that stand keep the time they were denied at."""
    # What is held is read first: what the feed says after that is newer, so an unknown document is one that went.
    held = pa.concat_tables(_held(workspace, needed))
    tables = {
        "held": held,
        "permissions": fold_permissions(workspace, connection),
        "blocked_feeds": blocked_days(workspace, (MANIFESTS, FEED)),
        "denied": pa.table({"document_id": pa.array(list(standing), pa.string())}),
    }
    with registered(connection, tables):
        rows = query(connection, "assay.retrieval", "deny_list.sql").to_pylist()
    # Only said, never compared: the moment of this update, not the start of a run that may have waited for an hour.
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return tuple(
        Denial(
            row["document_id"],
            row["gone_through"],
            tuple(row["allowed_principals"]),
            standing[row["document_id"]].denied_at if row["document_id"] in standing else now,
        )
        for row in rows
    )


def _standing(workspace: Workspace) -> dict[str, Denial] | None:
    """The list that stands, None for one that cannot be read: everything in it but the times follows from the rest."""
    try:
        denials, _ = read_denials(workspace.settings.releases_path)
    except StorageError:
        return None
    return {one.document_id: one for one in denials}


def _held(workspace: Workspace, needed: ServingPointer | None) -> Iterator[pa.Table]:
    """What every stage on the way to a search holds.

    Besides the releases also state and chunks: what they still hold can be in a release that is being built now. And
    the candidate, for the gate reads the state only after it wrote the candidate's pointer: either it sees the state that
    knows the deletion, or its candidate is seen here. Of every live configuration the head: a rollback serves it at once.
    """
    state = workspace.lake.read(STATE, where={"is_deleted": False}, columns=_HELD.names)
    yield state.select(_HELD.names).cast(_HELD)
    yield workspace.lake.read(CHUNKS, columns=_HELD.names).select(_HELD.names).cast(_HELD)
    pointers = guarded_releases(workspace.settings.releases_path)
    for table, version in sorted({(one.table, one.version) for one in pointers}):
        try:
            with engine.storage_errors(f"reading version {version} of the table {table}"):
                rows = engine.open_table(workspace.settings.vectors_path, table, version)
                held = rows.search().select(_HELD.names).to_arrow().select(_HELD.names).cast(_HELD)
        except engine.GoneError:
            continue  # cleaned up or dropped: no search can open it either
        except DiskFull:
            raise
        except StorageError:
            if _serves(workspace.settings.releases_path, table, version, needed):
                raise
            continue
        yield held


def _serves(releases_path: Path, table: str, version: int, needed: ServingPointer | None) -> bool:
    """Whether a damaged version of a table serves or is about to. Where it does not, the heads at it are dropped.

    What serves is read after the heads went, too: a rollback that took one of them just before is seen.
    """

    def is_meant(one: ServingPointer | None) -> bool:
        return one is not None and (one.table, one.version) == (table, version)

    if is_meant(needed) or is_meant(read_pointer(releases_path)):
        return True
    # No lock: the gate waits for the deny-list while it holds that of the heads. A head that it writes meanwhile is of a
    # version that it has just read.
    for head in filter(is_meant, heads(releases_path)):
        drop_head(releases_path, head.configuration)
    return is_meant(read_pointer(releases_path))
