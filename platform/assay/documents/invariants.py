"""The documents' invariants, judged on what stands in the lake after a run."""

from collections.abc import Callable, Mapping
from datetime import date

import duckdb

from assay import rows as row_values
from assay.built_from import inputs_of
from assay.documents.bronze import FEED, derive_feed
from assay.documents.chunk_rows import CHUNKS, configured_chunker
from assay.documents.conservation import (
    changes_are_conserved,
    documents_are_conserved,
    every_document_stands,
    files_are_conserved,
    tables_and_words_belong_to_their_texts,
)
from assay.documents.duplicates import DUPLICATES, derive_duplicates, duplicates_lock, hidden_documents
from assay.documents.gold import chunks_lock, chunks_source
from assay.documents.manifests import MANIFESTS
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE, current_mask, fold_state, state_lock
from assay.locks import exclusive
from assay.quality.quarantine import QUARANTINE
from assay.quality.rules import Rule, none_of
from assay.settings import SourceSettings
from assay.warehouse import query, registered
from assay.workspace import Workspace

DayRules = Callable[[Workspace, duckdb.DuckDBPyConnection, SourceSettings, date], list[Rule]]


def _manifest_rules(
    workspace: Workspace, _connection: duckdb.DuckDBPyConnection, source: SourceSettings, day: date
) -> list[Rule]:
    return [files_are_conserved(workspace, source, day)]


def _feed_rules(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, source: SourceSettings, day: date
) -> list[Rule]:
    """Invariant 1 for the feed, deriving it again from the manifests gives what is stored; and its files are counted."""
    stored = workspace.lake.read(FEED, where={"source": source.name, "day": day})
    derived = derive_feed(workspace, connection, source, day)
    gone, new = row_values.differences(stored, derived)
    other = {*stored.filter(gone)["document_id"].to_pylist(), *derived.filter(new)["document_id"].to_pylist()}
    return [
        none_of("feed_follows_from_manifests", other, "changes differ when derived again"),
        changes_are_conserved(workspace, source, day),
    ]


def _document_rules(
    workspace: Workspace, _connection: duckdb.DuckDBPyConnection, source: SourceSettings, day: date
) -> list[Rule]:
    return [
        documents_are_conserved(workspace, source, day),
        tables_and_words_belong_to_their_texts(workspace, source, day),
    ]


# The tables that are written by day, with what judges a source and an observed day of each.
DAY_RULES: Mapping[str, DayRules] = {
    MANIFESTS.name: _manifest_rules,
    FEED.name: _feed_rules,
    DOCUMENTS.name: _document_rules,
}


def state_rules(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> list[Rule]:
    """Folding the feed again gives what is stored (invariant 1), and every document of it stands (invariant 2).

    Folded are the versions that the state was made of: another run may have moved them on since.
    """
    with exclusive(state_lock(workspace)):
        then = workspace.at(inputs_of(workspace, STATE.name))
        stored, folded = then.lake.read(STATE), fold_state(then, connection)
        stands = every_document_stands(then, connection)
    gone, new = row_values.differences(stored, folded)
    other = {*stored.filter(gone)["document_id"].to_pylist(), *folded.filter(new)["document_id"].to_pylist()}
    return [
        none_of("state_follows_from_feed", other, "documents differ when folded again"),
        stands,
    ]


def duplicate_rules(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> list[Rule]:
    """Looking for duplicates again gives what is stored, and none is hidden from anybody who may find it."""
    with exclusive(duplicates_lock(workspace)):
        then = workspace.at(inputs_of(workspace, DUPLICATES.name))
        state, stored = then.lake.read(STATE), workspace.lake.read(DUPLICATES)
        derived = derive_duplicates(then, state)
    gone, new = row_values.differences(stored, derived)
    other = {*stored.filter(gone)["document_id"].to_pylist(), *derived.filter(new)["document_id"].to_pylist()}
    hidden = set(hidden_documents(connection, state, stored)["document_id"].to_pylist())
    return [
        none_of("duplicates_follow_from_state", other, "documents differ when duplicates are looked for again"),
        none_of(
            "canonicals_are_found_by_the_same",
            set(stored["document_id"].to_pylist()) - hidden,
            "duplicates have no current canonical document of their tenant and principals",
        ),
    ]


def chunk_rules(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> list[Rule]:
    """Chunks belong to current documents, all of these but duplicates have some, and each is an exact slice of its text.

    Judged are the chunks by the chunker of the workspace's settings.
    """
    chunker = configured_chunker(workspace.settings)
    with exclusive(chunks_lock(workspace)):
        lake = workspace.at(inputs_of(workspace, CHUNKS.name)).lake
        state = lake.read(STATE)
        columns = ["chunk_id", "document_id", "document_text_hash", "start", "end", "text"]
        chunks = lake.read(CHUNKS, where={"chunker": chunker}, columns=columns)
        chunked = set(chunks["document_id"].to_pylist())
        refused = lake.read(QUARANTINE, where={"stage": "gold", "source": chunks_source(chunker)})
        held_back = set(refused["document_id"].to_pylist())
        tables = {"chunks": chunks, "texts": lake.dataset(DOCUMENTS), "state": state}
        hidden = set(hidden_documents(connection, state, lake.read(DUPLICATES))["document_id"].to_pylist())
    current = set(state.filter(current_mask(state))["document_id"].to_pylist())
    counts = (
        f"{len(current)} current, {len(current & chunked)} chunked, {len(current & held_back)} held back, "
        f"{len(hidden)} duplicates"
    )
    with registered(connection, tables):
        inexact = query(connection, "assay.documents", "chunk_slices.sql")["chunk_id"].to_pylist()
    return [
        none_of("chunks_belong_to_current_documents", chunked - current, "documents are chunked and not current"),
        none_of(
            "current_documents_are_chunked",
            current - chunked - held_back - hidden,
            f"current documents have no chunks ({counts})",
        ),
        none_of("duplicates_are_not_chunked", chunked & hidden, "duplicates are chunked"),
        none_of("chunks_are_exact_slices", inexact, "chunks are not the slice they claim"),
    ]
