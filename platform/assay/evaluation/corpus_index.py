"""A corpus as a table of the serving index: a row per document, written, indexed and maintained as chunks are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.embeddings import Embedder, text_hash
from assay.evaluation.beir import BeirDocument
from assay.progress import bar
from assay.retrieval.index import ChunkIndex, index_schema, table_name
from assay.retrieval.search import QueryModel, Searcher
from assay.retrieval.serving import ServingPointer, write_pointer

CHUNKER = "beir-document"
PRINCIPAL = "public"
# One commit's rows, vectors and texts stay near 30 MB, and 100,000 documents make 20 commits.
DOCUMENTS_PER_COMMIT = 5000


@dataclass(frozen=True)
class CorpusIndex:
    """A table of all documents and the searcher over it, with what making it cost.

    `computed` texts were embedded now and `reused` came from the cache; both are 0 where no vector is needed. `truncated`
    of the computed ones were longer than the model reads.
    """

    searcher: Searcher
    computed: int
    reused: int
    truncated: int
    embedding_seconds: float


def build_corpus_index(
    folder: Path, documents: Iterable[BeirDocument], total: int, embedder: Embedder, *, with_vectors: bool
) -> CorpusIndex:
    """Write `total` documents into a table of their own under `folder`, and open a searcher on it.

    Without `with_vectors` no model is loaded: the vectors are noise, and only lexical searches make sense. `folder` has a
    serving pointer of its own, so that the platform's releases are not touched. Holds one commit's rows in memory.
    """
    model = embedder.model
    name = table_name(model.fingerprint, CHUNKER)
    index = ChunkIndex.open(folder, name, model.dimension, create=True)
    noise = np.random.default_rng(0)
    computed = reused = truncated = done = 0
    seconds = 0.0
    with bar("embedding and indexing" if with_vectors else "indexing") as report:
        for group in _groups(documents, DOCUMENTS_PER_COMMIT):
            if with_vectors:
                before = done
                embedded = embedder.embed(
                    [one.text for one in group],
                    progress=lambda new, _, before=before: report(before + new, total),
                )
                vectors = embedded.vectors
                computed, reused = computed + embedded.computed, reused + embedded.reused
                truncated, seconds = truncated + embedded.truncated, seconds + embedded.seconds
            else:
                vectors = noise.standard_normal((len(group), model.dimension), dtype=np.float32)
            index.replace_documents(_rows(group, vectors), [one.document_id for one in group], version_bound=1)
            done += len(group)
            report(done, total)
    # As after every run of the pipeline: rows that came after the full-text index was made are taken into it.
    index.maintain(keep_versions=())
    pointer = ServingPointer(
        release_id=f"{name}@{index.version}",
        table=name,
        version=index.version,
        model=model.name,
        fingerprint=model.fingerprint,
        chunker=CHUNKER,
        configuration=name,  # of no live configuration: no manifest describes a corpus
        published_at=datetime.now(UTC).isoformat(timespec="microseconds"),
    )
    write_pointer(folder, pointer)
    query_model = QueryModel(model.fingerprint, lambda text: embedder.embed_query(text, remember=True))
    return CorpusIndex(Searcher(folder, folder, lambda _: query_model), computed, reused, truncated, seconds)


def _groups(documents: Iterable[BeirDocument], size: int) -> Iterator[list[BeirDocument]]:
    remaining = iter(documents)
    while group := list(islice(remaining, size)):
        yield group


def _rows(documents: list[BeirDocument], vectors: NDArray[np.float32]) -> pa.Table:
    """The documents as chunks: each is one, whole, and found by `PRINCIPAL`."""
    count = len(documents)
    texts = pa.array([one.text for one in documents], pa.string())
    ids = pa.array([one.document_id for one in documents], pa.string())
    hashes = pa.array([text_hash(one.text) for one in documents], pa.string())
    ones, zeros = pa.array([1] * count, pa.int64()), pa.array([0] * count, pa.int64())
    columns: dict[str, pa.Array] = {
        # Equal scores are put in the order of their chunk ids, which elsewhere are hashes too.
        "chunk_id": pa.array([text_hash(one.document_id) for one in documents], pa.string()),
        "document_id": ids,
        "document_version": ones,
        "document_text_hash": hashes,
        "source": pa.array(["beir"] * count, pa.string()),
        "tenant": pa.array(["default"] * count, pa.string()),
        "allowed_principals": pa.array([[PRINCIPAL]] * count, pa.list_(pa.string())),
        "uri": ids,
        "title": pa.array([one.title for one in documents], pa.string()),
        "heading_path": pa.array([[]] * count, pa.list_(pa.string())),
        "ordinal": zeros,
        "page": ones,
        "start": zeros,
        "end": pa.array([len(one.text) for one in documents], pa.int64()),
        "text": texts,
        "text_hash": hashes,
        "context_text": texts,
        "context_hash": hashes,
        "token_count": zeros,  # what the model reads of a text is not counted again: no search asks for it
        "chunker": pa.array([CHUNKER] * count, pa.string()),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1), pa.float32()), vectors.shape[1]),
    }
    return pa.table(columns).select(index_schema(vectors.shape[1]).names)
