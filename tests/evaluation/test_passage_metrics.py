"""Passage measures against brute force over characters, and against trec_eval where the two coincide."""

import math

import ir_measures
import pytest
from golden_items import DOCUMENT, QUOTE, TEXT, place_of
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, R, nDCG

from assay.evaluation.golden_questions import GoldenPassage, GoldenPlace
from assay.evaluation.passage_metrics import (
    RANKING_DEPTH,
    average_precision,
    covers,
    first_covered,
    ndcg_at,
    recall_at,
    reciprocal_rank,
)
from assay.retrieval.hits import Place

spans = st.tuples(st.sampled_from("ab"), st.integers(0, 12), st.integers(1, 8)).map(
    lambda found: Place(found[0], "", found[1], found[1] + found[2])
)
places = st.builds(
    lambda span, stands: GoldenPlace(span.document_id, span.start, span.end, "x" * (span.end - span.start), stands),
    spans,
    st.sampled_from([True, True, True, False]),
)
needs = st.lists(st.lists(places, min_size=1, max_size=2).map(lambda found: GoldenPassage(tuple(found))), max_size=3)
rankings = st.lists(st.lists(spans, min_size=1, max_size=2), max_size=13)
ranks = st.lists(st.one_of(st.none(), st.integers(1, RANKING_DEPTH)), min_size=1, max_size=5)


def characters(span):
    return {(span.document_id, at) for at in range(span.start, span.end)}


@given(ranking=rankings, wanted=needs)
@settings(max_examples=80)
def test_a_need_is_covered_by_the_first_hit_with_half_of_its_quote(ranking, wanted):
    for need, rank in zip(wanted, first_covered(ranking, wanted), strict=True):
        covering = [
            at
            for at, hit in enumerate(ranking[:10], start=1)
            if any(
                place.stands and 2 * len(characters(span) & characters(place)) >= len(characters(place))
                for span in hit
                for place in need.places
            )
        ]
        assert rank == (min(covering) if covering else None)


def test_half_of_the_quote_is_enough_and_less_is_not():
    place = place_of(QUOTE)
    half = place.start + math.ceil(len(QUOTE) / 2)
    assert covers(Place(DOCUMENT, "", 0, half), place)
    assert not covers(Place(DOCUMENT, "", 0, half - 1), place)
    assert not covers(Place("docs:other.md", "", 0, len(TEXT)), place)
    assert not covers(Place(DOCUMENT, "", 0, len(TEXT)), place_of(QUOTE, stands=False))


def test_an_alternative_serves_as_well_and_counts_once():
    copy = place_of(QUOTE, "docs:copy.md")
    need = GoldenPassage((place_of(QUOTE), copy))
    hits = [[Place("docs:copy.md", "", 0, len(TEXT))], [Place(DOCUMENT, "", 0, len(TEXT))]]
    assert first_covered(hits, [need]) == [1]
    assert ndcg_at([1], 10) == recall_at([1], 10) == average_precision([1]) == 1


@given(found=ranks, k=st.integers(1, 10))
@settings(max_examples=40)
def test_measures_lie_between_0_and_1_and_all_at_the_top_is_1(found, k):
    for value in (ndcg_at(found, k), recall_at(found, k), reciprocal_rank(found), average_precision(found)):
        assert 0 <= value <= 1
    best = list(range(1, len(found) + 1))
    assert ndcg_at(best, 10) == recall_at(best, 10) == reciprocal_rank(best) == average_precision(best) == 1


@given(found=ranks, better=st.data())
@settings(max_examples=40)
def test_a_need_found_earlier_never_lowers_a_measure(found, better):
    at = better.draw(st.integers(0, len(found) - 1))
    rank = better.draw(st.integers(1, found[at] or RANKING_DEPTH))
    raised = [*found[:at], rank, *found[at + 1 :]]
    assert ndcg_at(raised, 10) >= ndcg_at(found, 10) - 1e-12
    assert recall_at(raised, 5) >= recall_at(found, 5)
    assert reciprocal_rank(raised) >= reciprocal_rank(found)


@given(
    asked=st.lists(
        st.tuples(st.lists(st.integers(1, RANKING_DEPTH), unique=True, max_size=4), st.integers(0, 2)).filter(
            lambda one: one[0] or one[1]
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=30)
def test_trec_eval_says_the_same_where_each_hit_covers_one_need(asked):
    """Each need is a relevant document: at its rank, or not in the run."""
    judged, run, ours = {}, {}, {nDCG @ 10: [], R @ 5: [], R @ 10: [], RR: [], AP: []}
    for number, (found, missing) in enumerate(asked):
        judged[f"q{number}"] = {f"d{rank}": 1 for rank in found} | {f"gone{at}": 1 for at in range(missing)}
        run[f"q{number}"] = {f"d{rank}": float(-rank) for rank in range(1, RANKING_DEPTH + 1)}
        needed = [*found, *[None] * missing]
        values = (
            ndcg_at(needed, 10),
            recall_at(needed, 5),
            recall_at(needed, 10),
            reciprocal_rank(needed),
            average_precision(needed),
        )
        for measure, value in zip(ours, values, strict=True):
            ours[measure].append(value)
    theirs = ir_measures.calc_aggregate(list(ours), judged, run)
    for measure, values in ours.items():
        assert sum(values) / len(values) == pytest.approx(theirs[measure], abs=1e-9), measure


def test_a_hit_that_covers_two_needs_counts_once_as_a_hit():
    assert average_precision([2, 2]) == 0.5
    assert ndcg_at([1, 1], 10) == 1
    assert ndcg_at([2, 2], 10) == pytest.approx(2 / math.log2(3) / (1 + 1 / math.log2(3)))
