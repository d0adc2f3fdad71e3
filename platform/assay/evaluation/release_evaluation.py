"""A release asked every golden question, and what its answers score."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.answering.answer import Answerer
from assay.embeddings import Embedder
from assay.errors import ModelError
from assay.evaluation.answer_rules import named_documents
from assay.evaluation.gate.evidence import Operations, Provenance
from assay.evaluation.gate.item_scores import ItemScore
from assay.evaluation.golden_questions import GoldenQuestion
from assay.evaluation.golden_scores import Asked, golden_scores, judged_item, not_applicable, proxies_of
from assay.evaluation.golden_set import GoldenSet
from assay.evaluation.golden_spans import needs_unavailable
from assay.evaluation.judge import Judge, judge_scores
from assay.evaluation.passage_metrics import RANKING_DEPTH
from assay.progress import track
from assay.retrieval.configurations import ReleaseConfiguration
from assay.retrieval.hits import SearchResult
from assay.retrieval.search import Searcher

Ask = Callable[[GoldenQuestion], Asked]


@dataclass(frozen=True)
class ReleaseEvaluation:
    """`scores`: every metric of every question. `asked`: the questions that could be asked, in the set's order."""

    scores: tuple[ItemScore, ...]
    asked: tuple[Asked, ...]
    operations: Operations
    provenance: Provenance


def evaluate_release(
    golden: GoldenSet,
    ask: Ask,
    *,
    judge: Judge | None = None,
    embedder: Embedder,
    unavailable: Collection[str] = (),
) -> ReleaseEvaluation:
    """Ask every question of the set and score the answers.

    `judge`: without one its metrics are SKIPPED. `embedder`: by which proxies and judge compare texts, the same for both arms.
    `unavailable`: ids of documents that could not be read for want of OCR; a question that needs a passage of them is
    NOT_APPLICABLE and not asked.
    """
    unaskable = {one.id for one in golden.questions if needs_unavailable(one, unavailable)}
    askable = [one for one in golden.questions if one.id not in unaskable]
    asked = tuple(ask(one) for one in track(askable, "Questions asked", total=len(askable)))
    documents = None
    if golden.corpus is not None:
        documents = golden.corpus.documents({name for one in asked for name in named_documents(one.answer, one.hits)})

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return embedder.embed(texts).vectors

    scores = [
        *(score for one in asked for score in (*golden_scores(one, documents), *proxies_of(one, embed))),
        *judge_scores(judge, [judged_item(one) for one in asked], embed),
        *(score for one in golden.questions if one.id in unaskable for score in not_applicable(one, judge is not None)),
    ]
    return ReleaseEvaluation(
        scores=tuple(scores),
        asked=asked,
        operations=_operations([one.search_ms for one in asked]),
        provenance=Provenance(
            evaluation_set=golden.sha256,
            judge=judge.identity if judge else None,
            judge_prompt=judge.prompt_hash if judge else None,
        ),
    )


def asker(searcher: Searcher, answerer: Answerer, configuration: ReleaseConfiguration, embedder: Embedder) -> Ask:
    """How a release is asked: as the question's principals, by the configuration's mode, answered from its passages.

    `searcher`: of the release. `embedder`: of its model; questions that it embedded before come from the cache.
    Raises ModelError where the embedder's model is not the configuration's.
    """
    if embedder.model.fingerprint != configuration.fingerprint:
        raise ModelError(
            f"The release was embedded by {configuration.model} (fingerprint {configuration.fingerprint[:12]}), and would be "
            f"asked by another model ({embedder.model.fingerprint[:12]}). Nothing was evaluated. Set "
            f"`ASSAY_EMBEDDING_MODEL={configuration.model}` and run `assay eval run` again."
        )
    depth = max(RANKING_DEPTH, configuration.passages)

    def ask(question: GoldenQuestion) -> Asked:
        found = _search(searcher, question, configuration, embedder, depth)
        answer = answerer(question.question, found.hits[: configuration.passages])
        timings = found.timings_ms
        search_ms = timings["total"] - timings.get("open", 0.0) - timings.get("embed", 0.0)
        return Asked(question, found.hits, answer, search_ms, configuration.passages)

    return ask


def _search(
    searcher: Searcher, question: GoldenQuestion, configuration: ReleaseConfiguration, embedder: Embedder, depth: int
) -> SearchResult:
    mode, text, principals = configuration.search_mode, question.question, question.principals
    if mode == "lexical":
        return searcher.search_with_timings(text, depth, "lexical", principals=principals)
    vector = embedder.embed_query(text, remember=True)
    return searcher.search_vector(vector, text, depth, mode, principals=principals)  # pyright: ignore[reportArgumentType]  a setting, checked there


def _operations(search_ms: Sequence[float]) -> Operations:
    """Percentiles of what a search took; the index is opened once and a golden question is embedded beforehand."""
    if not search_ms:
        return Operations()
    p95, p99 = np.percentile(search_ms, (95, 99))
    return Operations(p95_ms=round(float(p95), 3), p99_ms=round(float(p99), 3))
