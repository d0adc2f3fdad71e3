"""The index's invariants, judged on its newest version before it may serve."""

from typing import Any

import numpy as np
import pyarrow.compute

from assay.built_from import inputs_of
from assay.documents.chunk_rows import CHUNKS, configured_chunker
from assay.documents.duplicates import DUPLICATES, hidden_documents
from assay.documents.gold import chunks_source, documents_to_change
from assay.documents.state import STATE, current_mask
from assay.embeddings import Embedder
from assay.errors import DiskFull, StorageError
from assay.quality.quarantine import QUARANTINE
from assay.quality.rules import Rule, none_of
from assay.retrieval import engine
from assay.retrieval.denials import Denial, denials_within, read_denials, without_denied
from assay.retrieval.filters import one_of, prefilter
from assay.retrieval.index import ChunkIndex
from assay.retrieval.reconcile import unequal_documents
from assay.retrieval.serving import guarded_releases, read_pointer
from assay.warehouse import engine as lake_engine
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

# Compared with the cache on every run; a wrong model or a shuffled batch shows in any of them.
SAMPLED_VECTORS = 256
# The same text in another batch comes out up to 2.3e-7 apart per number; another model or text, by a hundredth or more.
_RECOMPUTED_APART = 1e-5


def index_rules(workspace: Workspace, index: ChunkIndex) -> tuple[Rule, ...]:
    """Invariants 3, 4 and 9: the vectors are the current chunks, documents stand whole, nothing deleted is there.

    Judged against the versions that the index was built from, for the chunker of the workspace's settings; the caller
    holds the table's lock.
    """
    lake = workspace.at(inputs_of(workspace, index.name)).lake
    standing = index.standing()
    chunker = {"chunker": configured_chunker(workspace.settings)}
    chunks = lake.read(CHUNKS, where=chunker, columns=standing.column_names).select(standing.column_names)
    state = lake.read(STATE)
    gone = set(state.filter(pc.invert(current_mask(state)))["document_id"].to_pylist())
    versions = standing.group_by("document_id").aggregate([("document_version", "count_distinct")])
    mixed = versions.filter(pc.greater(versions["document_version_count_distinct"], 1))["document_id"].to_pylist()
    found = gone & set(standing["document_id"].to_pylist())
    counts = f"{standing.num_rows} vectors, {chunks.num_rows} chunks"
    return (
        none_of("vectors_equal_current_chunks", unequal_documents(chunks, standing), f"documents differ ({counts})"),
        none_of("documents_are_whole", mixed, "documents stand in two versions"),
        none_of("nothing_deleted_is_found", found, "documents are deleted and still there"),
    )


def document_rule(workspace: Workspace, table: str) -> Rule:
    """Every current document that is no duplicate and not held back has the chunks of its standing version.

    A table that equals its chunks says nothing while chunks are missing: a run under other settings drops those of a
    chunker that it does not know, and the table is then emptied by the book. Judged against the versions that the table was
    built from, for the chunker of the workspace's settings; the caller holds the table's lock.
    """
    then = workspace.at(inputs_of(workspace, table))
    state = then.lake.read(STATE)
    source = chunks_source(configured_chunker(workspace.settings))
    refused = then.lake.read(QUARANTINE, where={"stage": "gold", "source": source}, columns=["document_id"])
    with lake_engine() as connection:
        hidden = hidden_documents(connection, state, then.lake.read(DUPLICATES))
        actions = documents_to_change(then, connection, state, hidden)
    lacking = {one for one, action in actions.items() if action == "chunk"} - set(refused["document_id"].to_pylist())
    return none_of("current_documents_are_in_the_table", lacking, "current documents lack the chunks of their version")


def deny_rules(workspace: Workspace) -> list[Rule]:
    """Invariant 9 for what serves or could again: the filter of a search leaves out everything that is denied."""
    denials, _ = read_denials(workspace.settings.releases_path)
    serving = read_pointer(workspace.settings.releases_path)
    found: set[str] = set()
    judged = 0
    for pointer in guarded_releases(workspace.settings.releases_path) if denials else ():
        try:
            with engine.storage_errors(f"reading release {pointer.release_id}"):
                table = engine.open_table(workspace.settings.vectors_path, pointer.table, pointer.version)
                found |= {f"{document} as {who} in {pointer.release_id}" for document, who in _found(table, denials)}
        except StorageError as error:
            # Gone: no search can open it either. Damaged: it has no head any more, so it can serve no more.
            if isinstance(error, DiskFull) or (pointer == serving and not isinstance(error, engine.GoneError)):
                raise
            continue
        judged += 1
    return [none_of("nothing_denied_is_found", found, f"of {len(denials)} denied documents found in {judged} releases")]


def _found(table: Any, denials: tuple[Denial, ...]) -> set[tuple[str, str]]:
    """(document, principal) of every denied row that the principal finds in this version of a table."""
    by_id = {one.document_id: one for one in denials}
    columns = ["document_id", "document_version", "allowed_principals"]

    def rows(where: Any) -> list[dict[str, Any]]:
        return table.search().where(where).select(columns).to_arrow().to_pylist()

    within, present = denials_within(table, denials), rows(one_of("document_id", list(by_id)))
    found: set[tuple[str, str]] = set()
    for who in sorted({principal for row in present for principal in row["allowed_principals"]}):
        where = prefilter({"document_id": list(by_id)}, [who])
        found |= {
            (row["document_id"], who)
            for row in rows(without_denied(where, within, [who]))
            if by_id[row["document_id"]].takes_away(row["document_version"], [who])
        }
    return found


def cache_rules(index: ChunkIndex, embedder: Embedder) -> tuple[Rule, ...]:
    """Invariant 5: a chunk's vector is the one computed once for its text, by this very model.

    What the cache has lost is computed again, and may differ as batches do.
    """
    # Chunk ids are hashes, so the first of them are a sample of all.
    rows = index.vectors(sorted(index.standing()["chunk_id"].to_pylist())[:SAMPLED_VECTORS])
    texts = rows["context_text"].to_pylist()
    cached = embedder.embed(texts)
    stored = rows["vector"].combine_chunks().flatten().to_numpy().reshape(cached.vectors.shape)
    tolerated = np.where(cached.is_new, _RECOMPUTED_APART, 0.0)[:, None]
    differing = np.flatnonzero((np.abs(stored - cached.vectors) > tolerated).any(axis=1))
    offenders = [rows["chunk_id"][int(at)].as_py() for at in differing]
    return (
        none_of("vectors_come_from_the_cache", offenders, f"of {len(texts)} sampled vectors differ from the cache"),
    )
