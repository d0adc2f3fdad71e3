"""The documents' invariants, judged on what stands in the lake after a run."""

from datetime import date

import duckdb

from assay import rows as row_values
from assay.documents.bronze import FEED, days_to_derive, derive_feed
from assay.documents.gold import CHUNKS
from assay.documents.silver import DOCUMENTS, STATE, current_mask, fold_state
from assay.quality.quarantine import QUARANTINE
from assay.quality.rules import Rule, none_of
from assay.schema import Table
from assay.warehouse import query, registered
from assay.workspace import Workspace


def feed_rules(workspace: Workspace, connection: duckdb.DuckDBPyConnection, days: list[date]) -> list[Rule]:
    """Invariant 1 for the feed: deriving it again from the manifests gives what is stored."""
    other: list[str] = []
    for source in workspace.settings.active_sources:
        for day in days_to_derive(workspace, source, days):
            stored = workspace.lake.read(FEED, where={"source": source.name, "day": day})
            if row_values.content_hash(stored) != row_values.content_hash(
                derive_feed(workspace, connection, source, day)
            ):
                other.append(f"{source.name} {day}")
    return [none_of("feed_follows_from_manifests", other, "days differ when derived again")]


def conservation_rules(workspace: Workspace, days: list[date]) -> list[Rule]:
    """Invariant 2: every upsert of a day is either a silver document or a quarantined one, never both or neither."""
    taken = _ids(workspace, FEED, days, op="upsert")
    emitted = _ids(workspace, DOCUMENTS, days)
    held_back = _ids(workspace, QUARANTINE, days, stage="silver")
    lost, doubled = taken - emitted - held_back, (emitted & held_back) | ((emitted | held_back) - taken)
    detail = (
        f"{len(taken)} taken in, {len(emitted)} emitted, {len(held_back)} quarantined, "
        f"{len(lost)} lost, {len(doubled)} doubled"
    )
    return [Rule("documents_are_conserved", not lost and not doubled, detail, len(lost) + len(doubled))]


def state_rules(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> list[Rule]:
    """Invariant 1 for the state: folding the feed again gives what is stored."""
    stored, folded = workspace.lake.read(STATE), fold_state(workspace, connection)
    gone, new = row_values.differences(stored, folded)
    other = {*stored.filter(gone)["document_id"].to_pylist(), *folded.filter(new)["document_id"].to_pylist()}
    return [none_of("state_follows_from_feed", other, "documents differ when folded again")]


def chunk_rules(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> list[Rule]:
    """Chunks belong to current documents, every current document has some, and each is an exact slice of its text."""
    state = workspace.lake.read(STATE)
    current = set(state.filter(current_mask(state))["document_id"].to_pylist())
    chunked = set(workspace.lake.read(CHUNKS, columns=["document_id"])["document_id"].to_pylist())
    held_back = set(workspace.lake.read(QUARANTINE, where={"stage": "gold"})["document_id"].to_pylist())
    tables = {
        "chunks": workspace.lake.dataset(CHUNKS),
        "texts": workspace.lake.dataset(DOCUMENTS),
        "state": state,
    }
    with registered(connection, tables):
        inexact = query(connection, "assay.documents", "chunk_slices.sql")["chunk_id"].to_pylist()
    return [
        none_of("chunks_belong_to_current_documents", chunked - current, "documents are chunked and not current"),
        none_of("current_documents_are_chunked", current - chunked - held_back, "current documents have no chunks"),
        none_of("chunks_are_exact_slices", inexact, "chunks are not the slice they claim"),
    ]


def _ids(workspace: Workspace, table: Table, days: list[date], **where: object) -> set[tuple[str, date, str, str]]:
    rows = workspace.lake.read(
        table, where={"day": days, **where}, columns=["source", "day", "document_id", "content_hash"]
    )
    return set(zip(*(rows[name].to_pylist() for name in ("source", "day", "document_id", "content_hash")), strict=True))
