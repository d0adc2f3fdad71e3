"""Retrieval quality on a judged corpus, through the very index, legs, fusion and searcher that serve."""

import math
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from assay.embeddings import Embedder, Vector
from assay.errors import ConfigurationError
from assay.evaluation.beir import BeirDataset
from assay.evaluation.corpus_index import PRINCIPAL, CorpusIndex, build_corpus_index
from assay.evaluation.ranking_metrics import ndcg_at, recall_at, reciprocal_rank
from assay.progress import track
from assay.retrieval.hits import SearchResult
from assay.retrieval.legs import SearchMode
from assay.retrieval.search import Searcher

NDCG_DEPTH = 10
# How many documents are asked for: the depth of the recall, and where the reciprocal rank ends.
RECALL_DEPTH = 100


@dataclass(frozen=True)
class QueryScores:
    """How one query was answered, each in [0, 1]."""

    ndcg: float
    recall: float
    reciprocal_rank: float


@dataclass(frozen=True)
class RetrievalReport:
    """What every query scored, and what answering took.

    `computed`: document and query texts that were embedded now, `reused`: those whose vectors were known.
    `truncated`: of the computed documents, those longer than the model reads. `search_ms`: per query, embedding aside.
    """

    scores: Mapping[str, QueryScores]
    documents: int
    mode: SearchMode
    model: str
    computed: int
    reused: int
    truncated: int
    embedding_seconds: float
    search_ms: Sequence[float]
    seconds: float

    @property
    def ndcg_at_10(self) -> float:
        return _mean(one.ndcg for one in self.scores.values())

    @property
    def ndcg_standard_error(self) -> float:
        """Of the mean over queries: how far another draw of as many queries would typically be off."""
        values = [one.ndcg for one in self.scores.values()]
        return float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan

    @property
    def recall_at_100(self) -> float:
        return _mean(one.recall for one in self.scores.values())

    @property
    def mrr(self) -> float:
        """Of the first 100 documents."""
        return _mean(one.reciprocal_rank for one in self.scores.values())

    def to_json(self) -> dict[str, Any]:
        """What `assay eval retrieval --json` prints."""
        return {
            "ndcg_at_10": self.ndcg_at_10,
            "recall_at_100": self.recall_at_100,
            "mrr": self.mrr,
            "queries": len(self.scores),
            "documents": self.documents,
            "mode": self.mode,
            "model": self.model,
        }


def evaluate_retrieval(dataset: BeirDataset, embedder: Embedder, mode: SearchMode, scratch: Path) -> RetrievalReport:
    """Index the corpus, ask every judged query, and score the rankings.

    The table lies in a folder of its own in `scratch`. It is made anew each time, so that it has today's index settings,
    and removed at the end; vectors come from the cache. Raises ConfigurationError for a mode that does not exist, and
    what embedding, indexing and searching raise.
    """
    if mode not in get_args(SearchMode):
        raise ConfigurationError(
            f"`{mode}` is no mode: {', '.join(get_args(SearchMode))} are. Nothing was evaluated. "
            "Correct it and run `assay eval retrieval DIR` again."
        )
    began = time.monotonic()
    scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="retrieval-", dir=scratch))
    try:
        with_vectors = mode != "lexical"
        index = build_corpus_index(folder, dataset.corpus(), dataset.documents, embedder, with_vectors=with_vectors)
        return _asked(dataset, embedder, mode, index, began)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _asked(
    dataset: BeirDataset, embedder: Embedder, mode: SearchMode, index: CorpusIndex, began: float
) -> RetrievalReport:
    questions = None if mode == "lexical" else embedder.embed(list(dataset.queries.values()), kind="query")
    scores: dict[str, QueryScores] = {}
    search_ms: list[float] = []
    asked = track(dataset.queries.items(), "searching", total=len(dataset.queries))
    for at, (query_id, text) in enumerate(asked):
        # A document that is the query itself (ArguAna, Quora) is no answer: BEIR leaves it out, published figures do.
        itself = query_id if query_id in dataset.document_ids else None
        vector = None if questions is None else questions.vectors[at]
        result = _answer(index.searcher, text, vector, mode, RECALL_DEPTH + (itself is not None))
        search_ms.append(result.timings_ms["total"])
        # Equal texts are one hit with a place for each document that holds it.
        found = [place.document_id for hit in result.hits for place in hit.places if place.document_id != itself]
        grades = {one: grade for one, grade in dataset.grades[query_id].items() if one != itself}
        scores[query_id] = _scored(found[:RECALL_DEPTH], grades)
    return RetrievalReport(
        scores=scores,
        documents=dataset.documents,
        mode=mode,
        model=embedder.model.name,
        computed=index.computed + (questions.computed if questions else 0),
        reused=index.reused + (questions.reused if questions else 0),
        truncated=index.truncated,
        embedding_seconds=index.embedding_seconds + (questions.seconds if questions else 0.0),
        search_ms=search_ms,
        seconds=time.monotonic() - began,
    )


def _answer(searcher: Searcher, text: str, vector: Vector | None, mode: SearchMode, k: int) -> SearchResult:
    if vector is None:
        return searcher.search_with_timings(text, k, mode, principals=(PRINCIPAL,))
    return searcher.search_vector(vector, text, k, mode, principals=(PRINCIPAL,))


def _scored(ranking: Sequence[str], grades: Mapping[str, int]) -> QueryScores:
    return QueryScores(
        ndcg=ndcg_at(ranking, grades, NDCG_DEPTH),
        recall=recall_at(ranking, grades, RECALL_DEPTH),
        reciprocal_rank=reciprocal_rank(ranking, grades),
    )


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)
