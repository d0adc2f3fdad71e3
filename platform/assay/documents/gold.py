"""The gold stage of documents: the chunks of every current document that is no duplicate, and nothing else."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from assay.built_from import inputs_of, remember
from assay.documents.blobs import sha256_hex
from assay.documents.chunking import Chunk, Embed, chunk_text, chunker_id
from assay.documents.duplicates import DUPLICATES, hidden_documents
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE, current_mask, state_lock
from assay.embeddings.encoding import Embedder
from assay.embeddings.models import resolve_model
from assay.embeddings.tokenizer import Tokenizer, tokenizer_of
from assay.errors import StorageError
from assay.lake import Lake
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
    """What became of the current documents: `current == duplicates + kept + chunked + quarantined`."""

    current: int
    duplicates: int
    kept: int
    chunked: int
    quarantined: int
    removed: int
    chunks: int
    changed: bool


def chunk_current(workspace: Workspace, connection: duckdb.DuckDBPyConnection, day: date) -> ChunkReport:
    """Make gold/chunks the chunks of the current documents that are no duplicates; each changes in one commit.

    `day` is the partition under which outcomes and refusals are recorded. A document of which a chunk fails its suite
    is held back whole, and its chunks before stand.
    """
    with exclusive(chunks_lock(workspace)):
        with exclusive(state_lock(workspace)):
            inputs = {table.name: workspace.lake.version(table) for table in (STATE, DUPLICATES, DOCUMENTS)}
            folded_from = workspace.at(inputs_of(workspace, STATE.name)).lake
        lake = workspace.at(inputs).lake
        state = lake.read(STATE)
        hidden = hidden_documents(connection, state, lake.read(DUPLICATES))
        actions = documents_to_change(workspace, connection, state, hidden)
        wanted = [document_id for document_id, action in actions.items() if action == "chunk"]
        removed = [document_id for document_id, action in actions.items() if action == "remove"]
        documents = _documents(state, wanted, [lake, folded_from])
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
        duplicates=hidden.num_rows,
        kept=current - hidden.num_rows - len(wanted),
        chunked=len(wanted) - len(held_ids),
        quarantined=len(held_ids),
        removed=len(removed),
        chunks=standing,
        changed=commit is not None and commit.changed,
    )


def chunks_lock(workspace: Workspace) -> Path:
    """The lock that whoever writes or judges the chunks holds."""
    return workspace.settings.locks_path / "chunks.lock"


def documents_to_change(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, state: pa.Table, hidden: pa.Table
) -> dict[str, str]:
    """`chunk` or `remove` for every document whose chunks are not those of its standing version; `hidden` have none."""
    columns = [
        "document_id", "document_version", "document_text_hash", "source", "tenant", "allowed_principals", "uri", "title",
        "chunker",
    ]  # fmt: skip
    tables = {"state": state, "hidden": hidden, "chunks": workspace.lake.read(CHUNKS, columns=columns)}
    with registered(connection, tables):
        parameters = {"chunker": configured_chunker(workspace.settings)}
        found = query(connection, "assay.documents", "gold_chunks.sql", parameters)
    return dict(zip(found["document_id"].to_pylist(), found["action"].to_pylist(), strict=True))


def configured_chunker(settings: Settings) -> str:
    """The id of the chunker that settings name. Where sentence vectors decide, another model is another chunker."""
    model = resolve_model(settings.embedding_model)
    return chunker_id(
        settings.chunk_strategy,
        settings.chunk_size_tokens,
        settings.chunk_overlap_tokens,
        model.fingerprint if settings.chunk_strategy == "semantic" else tokenizer_of(model).fingerprint,
    )


def cut_text(settings: Settings, tokenizer: Tokenizer, text: str) -> Iterator[tuple[Chunk, str]]:
    """The chunks of a text in order, each with its context: a function of the text and the configured chunker alone.

    `semantic` embeds every sentence once: the vector cache keeps it.
    """
    chunks = chunk_text(
        text,
        strategy=settings.chunk_strategy,
        size=settings.chunk_size_tokens,
        overlap=settings.chunk_overlap_tokens,
        encoder=tokenizer,
        embed=_cached_vectors(settings),
    )
    for chunk in chunks:
        yield chunk, context_text(chunk.heading_path, chunk.text, tokenizer, chunk.table_header)


def context_text(
    heading_path: tuple[str, ...], text: str, tokenizer: Tokenizer, table_header: str | None = None
) -> str:
    """What is embedded and indexed: the headings above the chunk, the header of the table it continues, its text.

    Where the whole would be longer than the model reads, the outermost headings are left out, the table header last.
    """
    headed = text if table_header is None else f"{table_header}\n{text}"
    paths = (HEADING_SEPARATOR.join(heading_path[first:]) for first in range(len(heading_path)))
    for context in (*(f"{path}\n\n{headed}" for path in paths), headed):
        if tokenizer.count(context) <= tokenizer.max_content_tokens:
            return context
    return text


def configured_tokenizer(settings: Settings) -> Tokenizer:
    """The embedding model's tokenizer. Ask once for many texts: looking for its files takes .8 ms."""
    return tokenizer_of(resolve_model(settings.embedding_model))


def _cached_vectors(settings: Settings) -> Embed:
    """Vectors from the cache and the configured model, which is looked for when a vector is asked for."""
    return lambda sentences: Embedder.open(settings).embed(sentences).vectors


def _documents(state: pa.Table, document_ids: list[str], lakes: Sequence[Lake]) -> list[dict[str, Any]]:
    """The state rows of these documents, each with the text and page starts of its standing version.

    Of `lakes` the first that still holds a text counts: while the state stands, another run may have parsed its day again.
    Raises StorageError for a text that none holds.
    """
    wanted = set(document_ids)
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
            page=bisect_right(document["page_starts"], chunk.start),
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
    """Covers document, text, place, context and chunker: what differs in any of them gets another id."""
    parts = (document_id, chunk.text, str(chunk.start), *chunk.heading_path, chunk.table_header or "", chunker)
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
