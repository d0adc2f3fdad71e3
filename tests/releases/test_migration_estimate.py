"""The estimate of a migration: what it counts is what the stages then embed, and it changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from document_runs import HashingEncoder, Pipeline, day, put

from assay.documents.chunk_rows import CHUNKS
from assay.documents.gold import chunk_current
from assay.embeddings import ModelFiles, Tokenizer, VectorCache, tokenizer_of
from assay.releases import migration_estimate
from assay.releases.migration_estimate import MigrationEstimate, estimate
from assay.retrieval.configurations import configured_release, embedder_of
from assay.retrieval.reconcile import IndexReport, reconcile_index
from assay.settings import Settings
from assay.warehouse import engine

PARTS = "\n\n".join(f"## Part {part}\n\n" + f"Ships of kind {part} wait here. " * 12 for part in range(4))
# A chapter of its own: its heading path, and so its context, is the same in every document.
SHARED = "\n\n# Rules\n\n" + "Every ship pays its dues at the gate. " * 6
DOCUMENTS = {f"{n}.md": f"# Harbour {n}\n\n{PARTS}{SHARED}" for n in range(3)}

CHANGES: list[dict[str, Any]] = [
    {"embedding_precision": "bf16"},
    {"chunk_size_tokens": 60},
    {"chunk_strategy": "recursive"},
    {"chunk_strategy": "fixed", "chunk_size_tokens": 40, "chunk_overlap_tokens": 8, "embedding_precision": "bf16"},
]


@pytest.fixture
def loaded(pipeline: Pipeline, inbox: Path) -> Pipeline:
    """Documents, one of them twice, in the default configuration's table."""
    exact = Pipeline(
        pipeline.settings.model_copy(update={"duplicates": "exact", "embedding_usd_per_million_tokens": 2.0})
    )
    put(inbox / "2026-11-01", {**DOCUMENTS, "copy.md": DOCUMENTS["2.md"]})
    exact.run(day(1), through="index")
    return exact


def under(pipeline: Pipeline, **knobs: Any) -> Settings:
    return pipeline.settings.model_copy(update=knobs)


def estimated(pipeline: Pipeline, settings: Settings) -> MigrationEstimate:
    return estimate(pipeline.workspace(), configured_release(settings))


def migrated(pipeline: Pipeline, settings: Settings) -> IndexReport:
    """The candidate's chunks and table, built as the stages build them, beside those that are there."""
    workspace = pipeline.workspace()
    with engine() as connection:
        chunk_current(workspace, connection, day(1), [pipeline.settings, settings])
    return reconcile_index(workspace.under(settings), embedder_of(configured_release(settings), pipeline.settings))


def model_of(pipeline: Pipeline, settings: Settings) -> ModelFiles:
    return embedder_of(configured_release(settings), pipeline.settings).model


def test_what_is_counted_is_what_is_then_embedded_and_counting_writes_nothing(
    loaded: Pipeline, encoder: HashingEncoder
) -> None:
    shared = 0
    for change in CHANGES:
        settings = under(loaded, **change)
        cache, model = VectorCache(loaded.settings.vector_cache_path), model_of(loaded, settings)
        before = (loaded.commits(), cache.count(model.fingerprint))
        guess = estimated(loaded, settings)
        assert (loaded.commits(), cache.count(model.fingerprint)) == before, change

        asked = len(encoder.encoded)
        report = migrated(loaded, settings)
        embedded = encoder.encoded[asked:]
        assert 0 < report.embedded == guess.to_embed == len(embedded), change
        assert (guess.texts, guess.cached) == (report.chunks, report.reused), change
        assert (guess.sentences, guess.is_exact) == (0, True), change
        tokenizer = tokenizer_of(model)
        assert guess.tokens == sum(min(tokenizer.count(text), tokenizer.max_content_tokens) for text in embedded)
        assert guess.usd == pytest.approx(guess.tokens * 2 / 1e6)
        assert 0 < guess.seconds_measured_on <= guess.to_embed
        assert min(guess.seconds, guess.cpu_seconds) > 0
        shared += guess.cached
    assert shared > 0, "no change found anything in the cache"


def test_what_was_built_costs_nothing_and_an_edit_its_own_chunks(
    loaded: Pipeline, inbox: Path, encoder: HashingEncoder
) -> None:
    settings = under(loaded, chunk_strategy="recursive")
    migrated(loaded, settings)
    encoder.encoded.clear()
    for one in (loaded.settings, settings):
        known = estimated(loaded, one)
        assert (known.to_embed, known.tokens, known.usd, known.seconds_measured_on) == (0, 0, 0, 0)
        assert known.texts == known.cached > 0
    assert encoder.encoded == [], "the model was asked although nothing was missing"

    # Parsed and not chunked yet: the estimate speaks of the documents, not of the chunks that still stand.
    edited = DOCUMENTS["0.md"].replace("Ships of kind 2 wait", "Boats of kind 2 wait")
    put(inbox / "2026-11-02", {**DOCUMENTS, "0.md": edited, "copy.md": DOCUMENTS["2.md"]})
    loaded.run(day(2), through="state")
    chunks = [row["context_text"] for row in loaded.read(CHUNKS)]
    assert not any("Boats" in text for text in chunks)
    assert estimated(loaded, loaded.settings).to_embed == 1
    assert estimated(loaded, settings).to_embed == migrated(loaded, settings).embedded > 0


def test_semantic_counts_its_sentences_and_says_that_its_chunks_are_not_known(
    loaded: Pipeline, encoder: HashingEncoder
) -> None:
    settings = under(loaded, chunk_strategy="semantic")
    guess = estimated(loaded, settings)
    before = len(encoder.encoded)
    report = migrated(loaded, settings)
    embedded = len(encoder.encoded) - before

    assert not guess.is_exact
    assert guess.sentences == embedded - report.embedded > 0
    assert guess.texts <= report.chunks
    again = estimated(loaded, settings)
    assert (again.is_exact, again.to_embed, again.sentences, again.texts) == (True, 0, 0, report.chunks)


@dataclass
class Clock:
    """A machine on which a batch takes time by the square of its longest text, as attention does."""

    tokenizer: Tokenizer
    now: float = 0.0

    def encode(self, _model: Any, texts: list[str], **_: Any) -> None:
        longest = max(min(self.tokenizer.count(text), self.tokenizer.max_content_tokens) for text in texts)
        self.now += len(texts) * (longest * 1e-3 + longest**2 * 2e-5)

    def perf_counter(self) -> float:
        return self.now

    process_time = perf_counter


def test_the_time_of_long_and_short_texts_is_told_apart(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    # Most texts are short: by the time of the longest or of the shortest alone it would be off by far.
    texts = [f"Berth {n} is free" + " and empty" * (n % 20) for n in range(1200)]
    texts += [f"Crane {n} lifted" + " crate after crate" * (n % 60) for n in range(400)]
    clock, cutting = Clock(tokenizer_of(pipeline.embedder().model)), 500.0

    def contexts(*_: object) -> Iterator[str]:
        clock.now += cutting
        yield from texts

    monkeypatch.setattr(migration_estimate, "_contexts", contexts)
    monkeypatch.setattr(migration_estimate, "time", clock)
    monkeypatch.setattr(migration_estimate, "encode", clock.encode)
    guess = estimated(pipeline, pipeline.settings)

    by_length = sorted(texts, key=lambda text: -clock.tokenizer.count(text))
    batch = pipeline.settings.embedding_batch_size
    clock.now = 0.0
    for start in range(0, len(by_length), batch):
        clock.encode(None, by_length[start : start + batch])
    assert guess.seconds - cutting == pytest.approx(clock.now, rel=0.1)
    assert (guess.to_embed, guess.seconds_measured_on) == (1600, 320)
