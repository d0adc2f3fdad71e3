"""Chunk rows for the retrieval tests: real schemas, small seeded vectors."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from assay.retrieval import ChunkIndex, QueryModel, Searcher, ServingPointer, flip
from assay.retrieval.index import index_schema

DIMENSION = 16
FINGERPRINT = "f" * 64
TABLE = "chunks"


def vector_of(text: str, dimension: int = DIMENSION) -> np.ndarray:
    """A unit vector that depends on the text alone."""
    seed = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    values = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    return values / np.linalg.norm(values)


@dataclass(frozen=True)
class Chunk:
    document: str
    text: str
    version: int = 1
    ordinal: int = 0
    tenant: str = "default"
    source: str = "sample"
    principals: tuple[str, ...] = ("public",)
    title: str = "Title"
    heading: tuple[str, ...] = ("Top", "Part")
    vector: tuple[float, ...] | None = None

    @property
    def chunk_id(self) -> str:
        return _hash(f"{self.document}\n{self.ordinal}\n{self.text}")


def rows_of(chunks: Iterable[Chunk], dimension: int = DIMENSION) -> pa.Table:
    return pa.Table.from_pylist([_row(chunk, dimension) for chunk in chunks], schema=index_schema(dimension))


def open_index(home: Path, chunks: Sequence[Chunk] = (), name: str = TABLE, dimension: int = DIMENSION) -> ChunkIndex:
    index = ChunkIndex.open(home / "vectors", name, dimension, create=True)
    if chunks:
        put(index, chunks)
    return index


def put(index: ChunkIndex, chunks: Sequence[Chunk]):
    documents = sorted({chunk.document for chunk in chunks})
    return index.replace_documents(rows_of(chunks, index.dimension), documents, version_bound=0)


def contents(index: ChunkIndex) -> dict[str, tuple[str, int, tuple[str, ...]]]:
    """chunk id -> (document, version, principals) as a reader sees them."""
    return {
        row["chunk_id"]: (row["document_id"], row["document_version"], tuple(row["allowed_principals"]))
        for row in index.standing().to_pylist()
    }


def publish(home: Path, index: ChunkIndex, release_id: str = "r1", version: int | None = None) -> ServingPointer:
    pointer = ServingPointer(
        release_id=release_id,
        table=index.name,
        version=index.version if version is None else version,
        model="handmade",
        fingerprint=FINGERPRINT,
        chunker="structure",
        configuration="handmade",
        published_at="2026-11-22T00:00:00Z",
    )
    flip(home / "releases", pointer, "publish")
    return pointer


def searcher_of(home: Path, vectors: Mapping[str, np.ndarray] | None = None) -> Searcher:
    known = vectors or {}
    return Searcher(
        home / "vectors",
        home / "releases",
        lambda _: QueryModel(FINGERPRINT, lambda text: known.get(text, vector_of(text)).astype(np.float32)),
    )


def _row(chunk: Chunk, dimension: int) -> dict[str, object]:
    vector = vector_of(chunk.text, dimension) if chunk.vector is None else np.array(chunk.vector, dtype=np.float32)
    return {
        "chunk_id": chunk.chunk_id,
        "document_id": chunk.document,
        "document_version": chunk.version,
        "source": chunk.source,
        "tenant": chunk.tenant,
        "allowed_principals": list(chunk.principals),
        "uri": f"file:///{chunk.document}",
        "title": chunk.title,
        "heading_path": list(chunk.heading),
        "ordinal": chunk.ordinal,
        "page": 1,
        "start": 100 * chunk.ordinal,
        "end": 100 * chunk.ordinal + len(chunk.text),
        "text": chunk.text,
        "text_hash": _hash(chunk.text),
        "document_text_hash": _hash(chunk.document),
        "context_text": " > ".join(chunk.heading) + "\n" + chunk.text,
        "context_hash": _hash(" > ".join(chunk.heading) + "\n" + chunk.text),
        "token_count": len(chunk.text.split()),
        "chunker": "structure",
        "vector": vector,
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
