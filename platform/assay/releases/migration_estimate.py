"""What a migration will cost, before anything is built: texts, tokens, time and money of embedding what the cache lacks.

Texts and tokens are counted, not guessed: the current documents are cut by the new chunker, and the cache is asked. Only the
time of embedding is extrapolated, from texts of every length that the very model encodes now.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from assay.documents.chunk_rows import CHUNKS, configured_chunker, context_text
from assay.documents.chunking import chunk_text
from assay.documents.duplicates import DUPLICATES, hidden_documents
from assay.documents.gold import documents_to_change
from assay.documents.state import STATE
from assay.embeddings import Embedder, Tokenizer, tokenizer_of, vector_key
from assay.embeddings.encoding import encode
from assay.errors import StorageError
from assay.evaluation.current_documents import Corpus
from assay.progress import track
from assay.retrieval.configurations import ReleaseConfiguration, embedder_of
from assay.settings import Settings
from assay.warehouse import engine
from assay.workspace import Workspace

# A text costs what the longest of its batch costs, and a token of a long text more than one of a short text. So texts are
# timed at lengths evenly from the longest batch to the shortest: 320 of them, 42,000 tokens, 16 CPU seconds of the bundled
# model. With 32 at each length estimates of one migration lay up to 28% apart.
TIMED_LENGTHS = 5
TIMED_TEXTS = 64

Done = TypeVar("Done")


@dataclass(frozen=True)
class MigrationEstimate:
    """What the embedding of a configuration's table takes.

    `texts`: its chunks, of which `cached` cost nothing: their vector is in the cache, or is computed for an equal text.
    `to_embed` are computed, and `sentences` before them, by which `semantic` finds its cuts. `tokens`: of all those, as far
    as the model reads them. `seconds` on the wall and `cpu_seconds`, without loading the model: cutting took them here, and
    embedding is extrapolated from `seconds_measured_on` texts. `usd` by `ASSAY_EMBEDDING_USD_PER_MILLION_TOKENS`.
    `is_exact`: whether the chunks are known. Those of `semantic` are not while the vectors of its sentences are missing;
    they are counted as if no subject ever changed, too few by some, with the right tokens.
    """

    texts: int
    cached: int
    to_embed: int
    sentences: int
    tokens: int
    seconds: float
    cpu_seconds: float
    usd: float
    seconds_measured_on: int
    is_exact: bool


@dataclass(frozen=True)
class _Clocked:
    wall: float
    cpu: float


@dataclass(frozen=True)
class _Sentences:
    """`embed` for the semantic chunker: vectors from the cache, and a note of every sentence that it lacks."""

    embedder: Embedder
    missing: set[str]

    def vectors(self, sentences: Sequence[str]) -> np.ndarray:
        model = self.embedder.model
        keys = {one: vector_key(one, prompt=model.document_prompt) for one in sentences}
        known = self.embedder.cache.get_many(model.fingerprint, keys.values())
        self.missing.update(one for one, key in keys.items() if key not in known)
        return np.stack([known.get(keys[one], np.zeros(model.dimension, np.float32)) for one in sentences])


def estimate(workspace: Workspace, configuration: ReleaseConfiguration) -> MigrationEstimate:
    """Count what the configuration's table needs embedded, and time a sample of it. Nothing is written, not even vectors.

    Chunks that stand already are taken as they are; documents without are cut now. Raises
    ModelError where the model is missing or altered, StorageError for a document whose text is gone.
    """
    settings = configuration.settings(workspace.settings)
    embedder = embedder_of(configuration, workspace.settings)
    sentences = _Sentences(embedder, set())
    contexts, cutting = _clocked(lambda: [*_contexts(workspace.under(settings), embedder, sentences)])
    chunks, lengths = len(contexts), _missing_lengths(embedder, {*contexts, *sentences.missing})
    sentence_count = len(lengths.keys() & sentences.missing)
    to_embed = len(lengths.keys() - sentences.missing)
    ordered = sorted(lengths, key=lambda text: (-lengths[text], text))
    timed, embedding = _extrapolated(embedder, ordered, lengths) if ordered else (0, _Clocked(0.0, 0.0))
    tokens = sum(lengths.values())
    return MigrationEstimate(
        texts=chunks,
        cached=chunks - to_embed,
        to_embed=to_embed,
        sentences=sentence_count,
        tokens=tokens,
        seconds=cutting.wall + embedding.wall,
        cpu_seconds=cutting.cpu + embedding.cpu,
        usd=tokens * settings.embedding_usd_per_million_tokens / 1e6,
        seconds_measured_on=timed,
        is_exact=not sentences.missing,
    )


def _contexts(workspace: Workspace, embedder: Embedder, sentences: _Sentences) -> Iterator[str]:
    """What is embedded of every current document that is no duplicate, by the workspace's chunker."""
    settings, lake, tokenizer = workspace.settings, workspace.lake, tokenizer_of(embedder.model)
    state = lake.read(STATE)
    with engine() as connection:
        hidden = hidden_documents(connection, state, lake.read(DUPLICATES))
        actions = documents_to_change(workspace, connection, state, hidden)
    standing = lake.read(
        CHUNKS, where={"chunker": configured_chunker(settings)}, columns=["document_id", "context_text"]
    )
    for document_id, context in zip(*(standing[name].to_pylist() for name in standing.column_names), strict=True):
        if document_id not in actions:
            yield context
    wanted = sorted(document_id for document_id, action in actions.items() if action == "chunk")
    documents = Corpus(workspace).documents(wanted)
    if lost := [document_id for document_id in wanted if document_id not in documents]:
        raise StorageError(
            f"The standing text of {len(lost)} documents is not in the lake any more, `{lost[0]}` first: another run has "
            "parsed it again. Nothing was estimated, what serves goes on serving. Run `assay demo` once more."
        )
    for document_id in track(wanted, "cutting", total=len(wanted)):
        yield from _cut(settings, tokenizer, documents[document_id].text, sentences)


def _cut(settings: Settings, tokenizer: Tokenizer, text: str, sentences: _Sentences) -> Iterator[str]:
    chunks = chunk_text(
        text,
        strategy=settings.chunk_strategy,
        size=settings.chunk_size_tokens,
        overlap=settings.chunk_overlap_tokens,
        encoder=tokenizer,
        embed=sentences.vectors,
    )
    return (context_text(one.heading_path, one.text, tokenizer, one.table_header) for one in chunks)


def _missing_lengths(embedder: Embedder, texts: set[str]) -> dict[str, int]:
    """Of the texts without a vector, how many tokens the model reads."""
    model, tokenizer = embedder.model, tokenizer_of(embedder.model)
    text_of = {vector_key(text, prompt=model.document_prompt): text for text in sorted(texts)}
    missing = [text_of[key] for key in embedder.cache.missing(model.fingerprint, text_of)]
    return {text: min(tokenizer.count(model.document_prompt + text), tokenizer.max_content_tokens) for text in missing}


def _extrapolated(embedder: Embedder, ordered: Sequence[str], lengths: dict[str, int]) -> tuple[int, _Clocked]:
    """Texts timed, and the time of all: `ordered`, the longest first, as the embedder puts them into batches.

    A text of a batch that was not timed takes what lies between its timed neighbours, by the length of its batch.
    """
    size, model = embedder.batch_size, embedder.model
    batches = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    longest, counts = [lengths[batch[0]] for batch in batches], np.array([len(batch) for batch in batches])
    wanted = np.linspace(longest[0], longest[-1], TIMED_LENGTHS)
    places = {int(np.argmin(np.abs(np.array(longest) - length))) for length in wanted}
    timed = [batches[place][:TIMED_TEXTS] for place in sorted(places)]

    def encoded(texts: Sequence[str]) -> None:
        encode(model, texts, prompt=model.document_prompt, batch_size=size)

    encoded(ordered[-1:])  # loads the model
    clocked = [(lengths[texts[0]], len(texts), _clocked(lambda texts=texts: encoded(texts))[1]) for texts in timed]
    known = sorted((length, one.wall / count, one.cpu / count) for length, count, one in clocked)
    at, wall, cpu = zip(*known, strict=True)
    total = _Clocked(*(float(counts @ np.interp(longest, at, seconds)) for seconds in (wall, cpu)))
    return sum(len(texts) for texts in timed), total


def _clocked(action: Callable[[], Done]) -> tuple[Done, _Clocked]:
    wall, cpu = time.perf_counter(), time.process_time()
    done = action()
    return done, _Clocked(time.perf_counter() - wall, time.process_time() - cpu)
