"""The gold stage of documents: the chunks of every current document that is no duplicate, and nothing else.

By every chunker that a live configuration needs: the one that serves, a candidate's, and those that a rollback could go
back to. Whoever reads the table names the chunker that is meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from assay.built_from import inputs_of, remember
from assay.documents.chunk_rows import CHUNKS, chunk_rows, configured_chunker, configured_tokenizer
from assay.documents.duplicates import DUPLICATES, hidden_documents
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE, current_mask, state_lock
from assay.errors import DiskFull, ModelError, StorageError
from assay.lake import Lake
from assay.locks import exclusive
from assay.quality.outcomes import ALL_SOURCES, OUTCOMES, check_batch
from assay.quality.quarantine import QUARANTINE, Refusal, replace_quarantine
from assay.quality.suites import Limits, suite_for
from assay.quality.verdicts import VERDICTS
from assay.settings import Settings
from assay.warehouse import query, registered
from assay.workspace import Workspace


@dataclass(frozen=True)
class ChunkReport:
    """What became of the current documents: `current == duplicates + kept + chunked + quarantined`.

    A document counts as chunked when it was by one chunker, as quarantined when it was held back under one. `removed`: no
    chunks of theirs are wanted any more. `chunks`: all that stand, by however many chunkers. `failed`: chunkers other than
    the first that could not chunk, with the reason; their chunks stand as they were, and the fast gate says so.
    """

    current: int
    duplicates: int
    kept: int
    chunked: int
    quarantined: int
    removed: int
    chunks: int
    changed: bool
    failed: Mapping[str, str]


@dataclass(frozen=True)
class _Reconciled:
    """What one chunker's reconciliation did, by document."""

    wanted: set[str]
    held_back: set[str]
    removed: set[str]
    changed: bool


@dataclass(frozen=True)
class _Inputs:
    """The standing documents, and the lakes that hold their texts."""

    state: pa.Table
    hidden: pa.Table
    lakes: tuple[Lake, ...]


def chunk_current(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, day: date, live: Sequence[Settings] = ()
) -> ChunkReport:
    """Make gold/chunks the chunks of the current documents that are no duplicates; each changes in one commit.

    By every chunker that one of the settings in `live` names, each once; without `live` by that of the workspace. The first
    is that of what serves: of the others none stops it. Chunks of other chunkers go. `day` is the partition under which outcomes and refusals are recorded. A document of which a chunk
    fails its suite is held back whole, and its chunks before stand; under another chunker it need not fail.
    """
    workspaces = {configured_chunker(one): workspace.under(one) for one in live or (workspace.settings,)}
    with exclusive(chunks_lock(workspace)):
        with exclusive(state_lock(workspace)):
            versions = {table.name: workspace.lake.version(table) for table in (STATE, DUPLICATES, DOCUMENTS)}
            folded_from = workspace.at(inputs_of(workspace, STATE.name)).lake
        lake = workspace.at(versions).lake
        state = lake.read(STATE)
        hidden = hidden_documents(connection, state, lake.read(DUPLICATES))
        inputs = _Inputs(state, hidden, (lake, folded_from))
        done, failed = _reconcile_each(workspaces, connection, day, inputs)
        dropped = _drop_other_chunkers(workspace, set(workspaces))
        # What is held back goes with the chunks: whoever judges them must know which documents are rightly not there.
        remember(workspace, CHUNKS.name, {**versions, QUARANTINE.name: workspace.lake.version(QUARANTINE)})
        standing = workspace.lake.read(CHUNKS, columns=["chunk_id"]).num_rows
    current = sum(current_mask(state).to_pylist())
    wanted = set[str]().union(*(one.wanted for one in done))
    held_back = set[str]().union(*(one.held_back for one in done))
    return ChunkReport(
        current=current,
        duplicates=hidden.num_rows,
        kept=current - hidden.num_rows - len(wanted),
        chunked=len(wanted - held_back),
        quarantined=len(held_back),
        removed=len(set[str]().union(*(one.removed for one in done))),
        chunks=standing,
        changed=dropped or any(one.changed for one in done),
        failed=failed,
    )


def chunks_lock(workspace: Workspace) -> Path:
    """The lock that whoever writes or judges the chunks holds."""
    return workspace.settings.locks_path / "chunks.lock"


def chunks_source(chunker: str) -> str:
    """Under what is recorded what was judged of a chunker's chunks: a fault of one must not stop what another serves."""
    return f"{ALL_SOURCES}{chunker}"


def documents_to_change(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, state: pa.Table, hidden: pa.Table
) -> dict[str, str]:
    """`chunk` or `remove` for every document whose chunks are not those of its standing version; `hidden` have none.

    Of the chunks by the workspace's chunker.
    """
    chunker = configured_chunker(workspace.settings)
    columns = [
        "document_id", "document_version", "document_text_hash", "source", "tenant", "allowed_principals", "uri", "title",
    ]  # fmt: skip
    chunks = workspace.lake.read(CHUNKS, where={"chunker": chunker}, columns=columns)
    with registered(connection, {"state": state, "hidden": hidden, "chunks": chunks}):
        found = query(connection, "assay.documents", "gold_chunks.sql")
    return dict(zip(found["document_id"].to_pylist(), found["action"].to_pylist(), strict=True))


def _reconcile_each(
    workspaces: Mapping[str, Workspace], connection: duckdb.DuckDBPyConnection, day: date, inputs: _Inputs
) -> tuple[list[_Reconciled], dict[str, str]]:
    """What was done by each chunker, and why another than the first failed: one that embeds may lack its model."""
    done: list[_Reconciled] = []
    failed: dict[str, str] = {}
    for at, (chunker, one) in enumerate(workspaces.items()):
        try:
            done.append(_reconcile(one, connection, day, inputs))
        except (ModelError, StorageError) as error:
            if at == 0 or isinstance(error, DiskFull):
                raise
            failed[chunker] = str(error)
    return done, failed


def _reconcile(workspace: Workspace, connection: duckdb.DuckDBPyConnection, day: date, inputs: _Inputs) -> _Reconciled:
    """Bring the chunks of the workspace's chunker to the standing documents. The caller holds `chunks_lock`."""
    settings, chunker = workspace.settings, configured_chunker(workspace.settings)
    actions = documents_to_change(workspace, connection, inputs.state, inputs.hidden)
    wanted = {document_id for document_id, action in actions.items() if action == "chunk"}
    removed = actions.keys() - wanted
    documents = _documents(inputs.state, wanted, inputs.lakes)
    rows = chunk_rows(settings, documents)
    limits = replace(Limits.of(settings), max_chunk_tokens=configured_tokenizer(settings).max_content_tokens)
    checked = check_batch(workspace, suite_for(CHUNKS, limits), rows, source=chunks_source(chunker), day=day)
    refusals = _held_back(rows, dict(checked.refused), documents)
    replace_quarantine(workspace, "gold", chunks_source(chunker), day, refusals)
    held_back = {refusal.document_id for refusal in refusals}
    passed = rows.filter(pa.array([one not in held_back for one in rows["document_id"].to_pylist()], pa.bool_()))
    changing = sorted(actions.keys() - held_back)
    changed = False
    if changing:
        within = {"chunker": chunker}
        commit = workspace.lake.replace_rows(CHUNKS, passed, column="document_id", values=changing, within=within)
        changed = commit.changed
    return _Reconciled(wanted, held_back, removed, changed)


def _drop_other_chunkers(workspace: Workspace, chunkers: set[str]) -> bool:
    """Remove the chunks of every other chunker, with what was judged and held back of them; whether there were chunks."""
    dead = set(workspace.lake.read(CHUNKS, columns=["chunker"])["chunker"].to_pylist()) - chunkers
    if dead:
        workspace.lake.replace_rows(CHUNKS, CHUNKS.empty(), column="chunker", values=sorted(dead))
    live = {chunks_source(chunker) for chunker in chunkers}
    for table, where in ((OUTCOMES, "table_name"), (VERDICTS, "table_name"), (QUARANTINE, "stage")):
        place: dict[str, object] = {where: "gold" if table is QUARANTINE else CHUNKS.name}
        recorded = set(workspace.lake.read(table, where=place, columns=["source"])["source"].to_pylist())
        if old := sorted(recorded - live):
            workspace.lake.replace_partition(table, table.empty(), partitions={**place, "source": old})
    return bool(dead)


def _documents(state: pa.Table, wanted: set[str], lakes: Sequence[Lake]) -> list[dict[str, Any]]:
    """The state rows of these documents, each with the text and page starts of its standing version.

    Of `lakes` the first that still holds a text counts: while the state stands, another run may have parsed its day again.
    Raises StorageError for a text that none holds.
    """
    rows = [row for row in state.to_pylist() if row["document_id"] in wanted]
    texts: dict[tuple[Any, ...], dict[str, Any]] = {}
    for lake in lakes:
        if missing := [row for row in rows if _place_of_text(row) not in texts]:
            texts |= _texts(lake, missing)
    if lost := sorted(row["document_id"] for row in rows if _place_of_text(row) not in texts):
        raise StorageError(
            f"The standing text of {len(lost)} documents is not in `{DOCUMENTS.name}` any more, `{lost[0]}` first: another "
            "run has parsed it again. Nothing was chunked, the chunks before stand. Run `assay demo` once more."
        )
    return [{**row, **texts[_place_of_text(row)]} for row in rows]


def _texts(lake: Lake, rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What a chunk needs of the standing texts of these state rows, by their place and hash."""
    found = lake.read(
        DOCUMENTS,
        where={
            "source": sorted({row["text_source"] for row in rows}),
            "day": sorted({row["text_day"] for row in rows}),
            "document_id": sorted({row["document_id"] for row in rows}),
        },
        columns=["source", "day", "document_id", "content_hash", "text", "text_hash", "page_starts"],
    ).to_pylist()
    return {
        (text["source"], text["day"], text["document_id"], text["text_hash"]): {
            name: text[name] for name in ("content_hash", "text", "page_starts")
        }
        for text in found
    }


def _place_of_text(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["text_source"], row["text_day"], row["document_id"], row["text_hash"]


def _held_back(rows: pa.Table, refused: dict[str, str], documents: list[dict[str, Any]]) -> list[Refusal]:
    owners = dict(zip(rows["chunk_id"].to_pylist(), rows["document_id"].to_pylist(), strict=True))
    expectations = {owners[chunk_id]: expectation for chunk_id, expectation in sorted(refused.items())}
    return [
        Refusal.by_expectation(
            one["document_id"], one["document_version"], one["uri"], one["content_hash"], expectation
        )
        for one in documents
        if (expectation := expectations.get(one["document_id"]))
    ]
