"""Each measure against its definition by brute force, and against ir-measures, which calls trec_eval itself."""

import math
from itertools import permutations

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import RR, R, nDCG

from assay.evaluation.ranking_metrics import ndcg_at, recall_at, reciprocal_rank

POOL = [f"d{number}" for number in range(12)]
rankings = st.lists(st.sampled_from(POOL), unique=True)
grades = st.dictionaries(st.sampled_from(POOL), st.integers(-1, 3), max_size=6)
cuts = st.integers(1, 14)


def gain(ranking, judged, k):
    return sum(max(judged.get(one, 0), 0) / math.log2(rank + 2) for rank, one in enumerate(ranking[:k]))


@given(ranking=rankings, judged=grades, k=cuts)
def test_ndcg_is_the_gain_by_the_greatest_gain_of_any_order(ranking, judged, k):
    best = max(gain(order, judged, k) for order in permutations(judged))
    assert ndcg_at(ranking, judged, k) == pytest.approx(gain(ranking, judged, k) / best if best else 0.0)


@given(ranking=rankings, judged=grades, k=cuts)
def test_recall_and_rank_are_counted(ranking, judged, k):
    relevant = [one for one in judged if judged[one] >= 1]
    found_at = [at for at in range(len(ranking)) if ranking[at] in relevant]
    assert recall_at(ranking, judged, k) == (
        sum(one in ranking[:k] for one in relevant) / len(relevant) if relevant else 0
    )
    assert reciprocal_rank(ranking, judged) == (1 / (found_at[0] + 1) if found_at else 0)


@given(asked=st.lists(st.tuples(rankings.filter(bool), grades.filter(bool)), min_size=1, max_size=4), k=cuts)
@settings(max_examples=60)
def test_trec_eval_says_the_same(asked, k):
    queries = [f"q{number}" for number in range(len(asked))]
    judged = {query: judged for query, (_, judged) in zip(queries, asked, strict=True)}
    # trec_eval orders by score; so do these, for none is equal to another.
    run = {
        query: {one: float(-rank) for rank, one in enumerate(ranking)}
        for query, (ranking, _) in zip(queries, asked, strict=True)
    }
    ours = {nDCG @ k: [], R @ k: [], RR: []}
    for ranking, judgments in asked:
        ours[nDCG @ k].append(ndcg_at(ranking, judgments, k))
        ours[R @ k].append(recall_at(ranking, judgments, k))
        ours[RR].append(reciprocal_rank(ranking, judgments))
    theirs = ir_measures.calc_aggregate(list(ours), judged, run)
    for measure, values in ours.items():
        assert sum(values) / len(values) == pytest.approx(theirs[measure], abs=1e-12), measure


def test_the_grade_is_the_gain():
    """With gains of 2**grade - 1, by other tools' definition, it would be .797."""
    assert ndcg_at(["low", "high"], {"low": 1, "high": 2}, 10) == pytest.approx(0.859719, abs=1e-6)


def test_nothing_relevant_and_nothing_found_are_zero():
    for measured in (ndcg_at([], {"a": 1}, 10), ndcg_at(["a"], {}, 10), ndcg_at(["a"], {"a": 0}, 10)):
        assert measured == 0
    assert recall_at(["a"], {}, 10) == recall_at([], {"a": 1}, 10) == 0
    assert reciprocal_rank(["a"], {"b": 1}) == reciprocal_rank(["b"], {"b": -1}) == 0
