"""The gold stage of documents: the chunks of every current document, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from assay.built_from import remember
from assay.documents.blobs import sha256_hex
from assay.documents.chunking import Chunk, chunk_text, chunker_id
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE, current_mask
from assay.embeddings.models import ModelFiles, resolve_model
from assay.embeddings.tokenizer import Tokenizer, tokenizer_of
from assay.locks import exclusive
from assay.progress import track
from assay.quality.outcomes import ALL_SOURCES, check_batch
from assay.quality.quarantine import Refusal, replace_quarantine
from assay.quality.suites import Limits, suite_for
from assay.schema import table_of
from assay.settings import Settings
from assay.tables import ChunkRow
from assay.warehouse import query, registered
from assay.workspace import Workspace

CHUNKS = table_of(ChunkRow)
HEADING_SEPARATOR = " > "


@dataclass(frozen=True)
class ChunkReport:
    """What became of the current documents: `current == kept + chunked + quarantined`."""

    current: int
    kept: int
    chunked: int
    quarantined: int
    removed: int
    chunks: int
    changed: bool


def chunk_current(workspace: Workspace, connection: duckdb.DuckDBPyConnection, day: date) -> ChunkReport:
    """Make gold/chunks the chunks of the current documents; each document changes in one commit.

    `day` is the partition under which outcomes and refusals are recorded. A document of which a chunk fails its suite
    is held back whole, and its chunks before stand.
    """
    with exclusive(chunks_lock(workspace)):
        inputs = {table.name: workspace.lake.version(table) for table in (STATE, DOCUMENTS)}
        state = workspace.at(inputs).lake.read(STATE)
        actions = documents_to_change(workspace, connection, state)
        wanted = [document_id for document_id, action in actions.items() if action == "chunk"]
        removed = [document_id for document_id, action in actions.items() if action == "remove"]
        documents = _documents(workspace.at(inputs), state, wanted)
        rows = _chunk_rows(workspace.settings, documents)
        limits = replace(
            Limits.of(workspace.settings), max_chunk_tokens=configured_tokenizer(workspace.settings).max_content_tokens
        )
        suite = suite_for(CHUNKS, limits)
        checked = check_batch(workspace, suite, rows, source=ALL_SOURCES, day=day)
        held_back = _held_back(rows, dict(checked.refused), documents)
        replace_quarantine(workspace, "gold", ALL_SOURCES, day, held_back)
        held_ids = {refusal.document_id for refusal in held_back}
        passed = rows.filter(pa.array([one not in held_ids for one in rows["document_id"].to_pylist()], pa.bool_()))
        changing = sorted({*wanted, *removed} - held_ids)
        commit = (
            workspace.lake.replace_rows(CHUNKS, passed, column="document_id", values=changing) if changing else None
        )
        remember(workspace, CHUNKS.name, inputs)
        standing = workspace.lake.read(CHUNKS, columns=["chunk_id"]).num_rows
    current = sum(current_mask(state).to_pylist())
    return ChunkReport(
        current=current,
        kept=current - len(wanted),
        chunked=len(wanted) - len(held_ids),
        quarantined=len(held_ids),
        removed=len(removed),
        chunks=standing,
        changed=commit is not None and commit.changed,
    )


def chunks_lock(workspace: Workspace) -> Path:
    """The lock that whoever writes or judges the chunks holds."""
    return workspace.settings.locks_path / "chunks.lock"


def documents_to_change(workspace: Workspace, connection: duckdb.DuckDBPyConnection, state: pa.Table) -> dict[str, str]:
    """`chunk` or `remove` for every document whose chunks are not those of its standing version."""
    columns = [
        "document_id", "document_version", "document_text_hash", "source", "tenant", "allowed_principals", "uri", "title",
        "chunker",
    ]  # fmt: skip
    tables = {"state": state, "chunks": workspace.lake.read(CHUNKS, columns=columns)}
    with registered(connection, tables):
        parameters = {"chunker": configured_chunker(workspace.settings)}
        found = query(connection, "assay.documents", "gold_chunks.sql", parameters)
    return dict(zip(found["document_id"].to_pylist(), found["action"].to_pylist(), strict=True))


def configured_chunker(settings: Settings) -> str:
    """The id of the chunker that settings name."""
    return chunker_id(
        settings.chunk_strategy,
        settings.chunk_size_tokens,
        settings.chunk_overlap_tokens,
        configured_tokenizer(settings).fingerprint,
    )


def cut_text(settings: Settings, tokenizer: Tokenizer, text: str) -> Iterator[tuple[Chunk, str]]:
    """The chunks of a text in order, each with its context: a pure function of the text and the configured chunker."""
    chunks = chunk_text(
        text,
        strategy=settings.chunk_strategy,
        size=settings.chunk_size_tokens,
        overlap=settings.chunk_overlap_tokens,
        encoder=tokenizer,
    )
    for chunk in chunks:
        yield chunk, context_text(chunk.heading_path, chunk.text, tokenizer)


def context_text(heading_path: tuple[str, ...], text: str, tokenizer: Tokenizer) -> str:
    """What is embedded and indexed: the headings above the chunk, then its text.

    The outermost headings are left out where the whole would be longer than the model reads.
    """
    for first in range(len(heading_path)):
        context = f"{HEADING_SEPARATOR.join(heading_path[first:])}\n\n{text}"
        if tokenizer.count(context) <= tokenizer.max_content_tokens:
            return context
    return text


def configured_tokenizer(settings: Settings) -> Tokenizer:
    """The embedding model's tokenizer. Ask once for many texts: looking for its files takes .8 ms."""
    model: ModelFiles = resolve_model(settings.embedding_model)
    return tokenizer_of(model)


def _documents(workspace: Workspace, state: pa.Table, document_ids: list[str]) -> list[dict[str, Any]]:
    """The state rows of these documents, each with the text and page starts of its standing version."""
    wanted = set(document_ids)
    rows = [row for row in state.to_pylist() if row["document_id"] in wanted]
    texts = workspace.lake.read(
        DOCUMENTS,
        where={
            "source": sorted({row["text_source"] for row in rows}),
            "day": sorted({row["text_day"] for row in rows}),
            "document_id": sorted(wanted),
        },
        columns=["source", "day", "document_id", "content_hash", "text", "page_starts"],
    ).to_pylist()
    by_place = {(text["source"], text["day"], text["document_id"]): text for text in texts}
    return [
        {**row, **{name: text[name] for name in ("content_hash", "text", "page_starts")}}
        for row in rows
        if (text := by_place[row["text_source"], row["text_day"], row["document_id"]])
    ]


def _chunk_rows(settings: Settings, documents: list[dict[str, Any]]) -> pa.Table:
    tokenizer, chunker = configured_tokenizer(settings), configured_chunker(settings)
    tables = [
        CHUNKS.rows(rows)
        for document in track(documents, "chunking", total=len(documents))
        if (rows := list(_chunk_document(settings, tokenizer, chunker, document)))
    ]
    return pa.concat_tables(tables) if tables else CHUNKS.empty()


def _chunk_document(
    settings: Settings, tokenizer: Tokenizer, chunker: str, document: dict[str, Any]
) -> Iterator[ChunkRow]:
    for ordinal, (chunk, context) in enumerate(cut_text(settings, tokenizer, document["text"])):
        yield ChunkRow(
            chunk_id=_chunk_id(document["document_id"], chunk, chunker),
            document_id=document["document_id"],
            document_version=document["document_version"],
            document_text_hash=document["text_hash"],
            source=document["source"],
            tenant=document["tenant"],
            allowed_principals=document["allowed_principals"],
            uri=document["uri"],
            title=document["title"],
            heading_path=list(chunk.heading_path),
            ordinal=ordinal,
            page=sum(start <= chunk.start for start in document["page_starts"]),
            start=chunk.start,
            end=chunk.end,
            text=chunk.text,
            text_hash=sha256_hex(chunk.text.encode()),
            context_text=context,
            context_hash=sha256_hex(context.encode()),
            token_count=tokenizer.count(context),
            chunker=chunker,
        )


def _chunk_id(document_id: str, chunk: Chunk, chunker: str) -> str:
    """Covers document, text, place, heading path and chunker: what differs in any of them gets another id."""
    parts = (document_id, chunk.text, str(chunk.start), *chunk.heading_path, chunker)
    return sha256_hex("\x00".join(parts).encode())[:32]


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
