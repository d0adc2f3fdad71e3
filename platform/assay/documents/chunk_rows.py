"""A document's text as rows of gold/chunks: by which chunker, in which context, under which ids."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from assay.documents.blobs import sha256_hex
from assay.documents.chunking import Chunk, Embed, chunk_text, chunker_id
from assay.embeddings.encoding import Embedder
from assay.embeddings.models import resolve_model
from assay.embeddings.tokenizer import Tokenizer, tokenizer_of
from assay.progress import track
from assay.schema import table_of
from assay.settings import Settings
from assay.tables import ChunkRow

CHUNKS = table_of(ChunkRow)
HEADING_SEPARATOR = " > "


def configured_chunker(settings: Settings) -> str:
    """The id of the chunker that settings name. Where sentence vectors decide, another model is another chunker."""
    model = Embedder.open(settings).model
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


def chunk_rows(settings: Settings, documents: list[dict[str, Any]]) -> pa.Table:
    """Rows of gold/chunks for documents, each its state row with `text` and `page_starts`, by the settings' chunker."""
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
