"""The peers' vector store: a Chroma collection in a folder, its writes counted."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from ingest_systems.command import Chunks
from ingest_systems.meter import Meter

COLLECTION = "documents"


def open_client(home: Path) -> Any:
    import chromadb

    settings = chromadb.Settings(anonymized_telemetry=False)
    return chromadb.PersistentClient(str(home / "chroma"), settings=settings)


def count_store_writes(meter: Meter) -> None:
    from chromadb.api.models.Collection import Collection

    meter.count_writes(Collection, "add", "upsert", "delete")


def stored_chunks(home: Path, document_key: str) -> Chunks:
    """Every chunk of the collection by the document that its metadata names under `document_key`."""
    found = open_client(home).get_collection(COLLECTION).get(include=["documents", "metadatas"])
    chunks: Chunks = defaultdict(list)
    for text, metadata in zip(found["documents"], found["metadatas"], strict=True):
        chunks[metadata[document_key]].append(text)
    return chunks


def token_counter(model: Path) -> Any:
    """The model's own tokenizer; splitters measure with it."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids
