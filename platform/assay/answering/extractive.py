"""The answerer that needs no key: it quotes what stands in the passages, or says that nothing there answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.answering.answer import Answer, Answerer, Citation
from assay.answering.content_words import word_shares
from assay.answering.quotable_parts import QuotablePart, quotable_parts
from assay.embeddings import Embedder
from assay.embeddings.encoding import encode
from assay.errors import StorageError
from assay.retrieval.configurations import ANSWERER_ID, PROMPT_ID, ReleaseConfiguration, check_answering
from assay.retrieval.hits import Hit
from assay.settings import Settings

Vectors = NDArray[np.float32]

# Measured on the sample's golden questions (docs/answers.md): of .5 to 1, .6 finds most.
COSINE_WEIGHT = 0.6
# A second quote stands beside the best where it fits nearly as well.
MAX_QUOTES = 2
NEXT_QUOTE_SHARE = 0.9


@dataclass(frozen=True)
class ScoredPart:
    """A part of a hit, and how well it fits the question, in [0, 1]."""

    hit: Hit
    part: QuotablePart
    score: float


def open_answerer(
    settings: Settings, embedder: Embedder, configuration: ReleaseConfiguration | None = None
) -> Answerer:
    """The extractive answerer with the floor of `settings`, over the model of `embedder`; for a release, its configuration.

    The model is loaded by the first question or sentence whose vector is not known. Raises what embedding raises, and
    ModelError where this code answers otherwise than the configuration was judged to.
    """
    if configuration is not None:
        check_answering(configuration)

    def answer(question: str, hits: Sequence[Hit]) -> Answer:
        return quoted_answer(
            question, scored_parts(question, hits, embedder), passages=len(hits), floor=settings.answer_floor
        )

    return answer


def quoted_answer(question: str, parts: Sequence[ScoredPart], *, passages: int, floor: float) -> Answer:
    """The best parts as an answer, each quote with its citation; an abstention where the best scores below `floor`."""
    ranked = sorted(parts, key=lambda one: -one.score)  # equal scores in the order of the passages
    if not ranked:
        return _abstention(question, f"Of {passages} passages found, none holds anything to quote.")
    best = ranked[0].score
    if best < floor:
        return _abstention(
            question, f"The best quote of {passages} passages scores {best:.2f}; the release asks for {floor:.2f}."
        )
    chosen = [one for one in _distinct(ranked)[:MAX_QUOTES] if one.score >= NEXT_QUOTE_SHARE * best]
    return Answer(
        question=question,
        text="\n\n".join(one.part.said for one in chosen),  # paragraphs, so that none runs into another
        citations=tuple(_citation(one) for one in chosen),
        abstained=False,
        reason=None,
        answerer=ANSWERER_ID,
        prompt=PROMPT_ID,
    )


def scored_parts(question: str, hits: Sequence[Hit], embedder: Embedder) -> list[ScoredPart]:
    """Every part of the hits, in their order: `COSINE_WEIGHT x cosine + (1 - COSINE_WEIGHT) x share of words`.

    The cosine is of the question and the part; a negative one counts 0. The share is of the question's content words that
    stand in the part or the heading above it, see `content_words.word_shares`.
    """
    parts = [(hit, part) for hit in hits for part in quotable_parts(hit.text)]
    if not parts:
        return []
    vectors = _vectors_of([part.said for _, part in parts], embedder)
    cosines = np.clip(vectors @ embedder.embed_query(question, remember=False), 0.0, 1.0)
    shares = word_shares(question, [_under_heading(hit, part) for hit, part in parts])
    scores = COSINE_WEIGHT * cosines + (1.0 - COSINE_WEIGHT) * shares
    return [ScoredPart(hit, part, float(score)) for (hit, part), score in zip(parts, scores, strict=True)]


def _under_heading(hit: Hit, part: QuotablePart) -> str:
    """Sentences leave out what they speak of where the heading has said it.

    Embedded so as well, 1% more of the golden questions were answered rightly, at twice the vectors: the proxies want
    those of the bare sentences.
    """
    return "\n".join([*hit.heading_path[-1:], part.said])


def _distinct(ranked: Sequence[ScoredPart]) -> list[ScoredPart]:
    """The first of those that say the same."""
    first: dict[str, ScoredPart] = {}
    for one in ranked:
        first.setdefault(one.part.said, one)
    return list(first.values())


def _vectors_of(texts: Sequence[str], embedder: Embedder) -> Vectors:
    """Vectors of sentences of documents, kept in the cache; on a disk that is full they are computed all the same."""
    try:
        return embedder.embed(texts).vectors
    except StorageError:
        return encode(embedder.model, texts, prompt=embedder.model.document_prompt, batch_size=embedder.batch_size)


def _citation(one: ScoredPart) -> Citation:
    hit, part = one.hit, one.part
    return Citation(
        chunk_id=hit.chunk_id,
        document_id=hit.document_id,
        uri=hit.uri,
        start=hit.start + part.start,
        end=hit.start + part.end,
        quote=hit.text[part.start : part.end],
    )


def _abstention(question: str, reason: str) -> Answer:
    return Answer(question, "", (), True, reason, ANSWERER_ID, PROMPT_ID)
