"""Faults in how a release is searched: the wrong metric, an index that is missing or not asked whole, rights that are not looked at."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from answer_faults import reanswered
from fault import Bench
from index_faults import decided

from assay.evaluation.gate import GateDecision
from assay.evaluation.golden_questions import GoldenQuestion
from assay.evaluation.golden_scores import Asked
from assay.retrieval import ChunkIndex, engine, legs

Queried = Callable[[Any], Any]


def l2_for_cosine(bench: Bench) -> GateDecision:
    """The vectors are compared by L2, LanceDB's default, and the distance is taken for that of a cosine."""
    with _changed_queries(dense=lambda query: query.distance_type("l2")):
        return decided(bench, bench.sample.release(bench.folder))


def lexical_index_missing(bench: Bench) -> GateDecision:
    """The full-text index was dropped, and no run has made it anew."""
    sample = bench.sample
    sample.searcher(bench.folder, sample.rows)
    table = engine.open_table(bench.folder / "vectors", sample.configuration.table)
    [name] = [index.name for index in table.list_indices() if index.columns == ["context_text"]]
    table.drop_index(name)
    searcher = sample.searcher_of(bench.folder, opened(bench))
    return decided(bench, sample.evaluated(sample.ask(searcher)))


def fresh_tail_not_searched(bench: Bench) -> GateDecision:
    """Half of the documents came after the indexes were made, and searches ask the indexes alone."""
    sample = bench.sample
    documents = sorted(set(sample.rows["document_id"].to_pylist()))
    fresh = set(documents[1::2])
    sample.searcher(bench.folder, sample.kept(lambda row: row["document_id"] not in fresh))
    index = opened(bench)
    late = sample.kept(lambda row: row["document_id"] in fresh)
    index.replace_documents(late, sorted(fresh), version_bound=max(late["document_version"].to_pylist()))
    with _changed_queries(dense=lambda query: query.fast_search(), lexical=lambda query: query.fast_search()):
        return decided(bench, sample.evaluated(sample.ask(sample.searcher_of(bench.folder, index))))


def rights_ignored(bench: Bench) -> GateDecision:
    """Everybody is searched for as if they had every right."""
    sample = bench.sample
    everyone = tuple(sorted({one for row in sample.rows["allowed_principals"].to_pylist() for one in row}))
    ask = sample.ask(sample.searcher(bench.folder, sample.rows))

    def asked(question: GoldenQuestion) -> Asked:
        return replace(ask(replace(question, principals=everyone)), question=question)

    return decided(bench, sample.evaluated(asked))


def k_halved(bench: Bench) -> GateDecision:
    """Half as many passages are found for an answer as the configuration says."""
    answerer, passages = bench.sample.answerer(), bench.sample.configuration.passages // 2

    def halved(asked: Asked) -> Asked:
        hits = asked.hits[:passages]
        return replace(asked, hits=hits, passages=passages, answer=answerer(asked.question.question, hits))

    return decided(bench, bench.sample.evaluated(reanswered(bench, halved)))


def opened(bench: Bench) -> ChunkIndex:
    """The table in the fault's folder."""
    sample = bench.sample
    return ChunkIndex.open(bench.folder / "vectors", sample.configuration.table, sample.embedder.model.dimension, False)


@contextmanager
def _changed_queries(dense: Queried | None = None, lexical: Queried | None = None) -> Iterator[None]:
    """Searches whose legs ask LanceDB otherwise: `dense` and `lexical` change the query that the searcher has made."""
    with (
        patch.object(legs, "_dense_leg", _leg(legs._dense_leg, dense)),
        patch.object(legs, "_lexical_leg", _leg(legs._lexical_leg, lexical)),
    ):
        yield


def _leg(leg: Callable[..., Any], change: Queried | None) -> Callable[..., Any]:
    if change is None:
        return leg

    class Table:
        """A table whose searches are changed just before they run."""

        def __init__(self, table: Any) -> None:
            self.table = table

        def __getattr__(self, name: str) -> Any:
            return getattr(self.table, name)

        def search(self, *args: Any, **options: Any) -> Any:
            return Query(self.table.search(*args, **options))

    class Query:
        def __init__(self, query: Any) -> None:
            self.query = query

        def __getattr__(self, name: str) -> Any:
            method = getattr(self.query, name)
            if name == "to_arrow":
                return change(self.query).to_arrow
            return lambda *args, **options: Query(method(*args, **options))

    return lambda table, *args: leg(Table(table), *args)
