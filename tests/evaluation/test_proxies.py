"""The proxies: a claim with a swapped number, name or sense scores below a true paraphrase, whatever its vector says."""

from collections.abc import Sequence

import numpy as np
import pytest
from document_runs import HashingEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scale import AT_CI

from assay.evaluation.gate import ItemScore, compare
from assay.evaluation.proxies import entities_of, is_negated, numbers_of, proxy_scores, unigram_overlap

EXAMPLES = 200 if AT_CI else 40
SOURCE = (
    "Payouts are sent every Friday. The bank in Mexico takes 3 days and charges 1,350.00 pesos. "
    "A preview is private and serves no ads."
)
PARAPHRASE = "In Mexico the transfer needs three days and costs 1350 pesos."


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Vectors of words: a text with one word swapped is nearer to its source than a paraphrase."""
    return HashingEncoder().encode(texts)


def support(claim: str, source: str = SOURCE) -> float:
    return proxy_scores(claim, [source], embed)["proxy.support"]


def nearest(claim: str) -> float:
    vectors = embed([claim, *SOURCE.split(". ")])
    return float((vectors[1:] @ vectors[0]).max())


@pytest.mark.parametrize(
    "swapped",
    [
        "The bank in Mexico takes 8 days and charges 2,350.00 pesos.",
        "The bank in Norway takes 8 days and charges 1,350.00 pesos.",
        "The bank in Mexico takes eight days and charges 9 pesos.",
    ],
)
def test_a_swapped_number_scores_below_a_true_paraphrase(swapped: str):
    assert nearest(swapped) > nearest(PARAPHRASE), "the vectors alone prefer the wrong claim"
    assert support(swapped) < support(PARAPHRASE)


def test_a_number_counts_only_in_the_sentence_that_supports_the_claim():
    source = "The alarm rings at 36 hours. The gate opens after 48 hours."
    assert support("The alarm rings at 36 hours.", source) == pytest.approx(1.0, abs=1e-6)
    # 5 of its 6 words stand in the first sentence, half of them in the second, where the number is.
    assert support("The alarm rings at 48 hours.", source) == pytest.approx(0.5, abs=0.05)


def test_a_denied_claim_scores_below_the_affirmed_one():
    assert support("A preview is private and serves ads.") < support("A preview is private and serves no ads.")
    assert is_negated("It isn't sent.")
    assert is_negated("No se emite.")
    assert not is_negated("It isn't never sent.")


def test_a_quote_is_fully_supported_and_what_claims_nothing_has_no_score():
    assert support("Payouts are sent every Friday.") == pytest.approx(1.0, abs=1e-6)
    assert proxy_scores("", [SOURCE], embed) == {}
    assert proxy_scores("A claim.", [], embed) == {}
    assert proxy_scores("***", [SOURCE], embed) == {}


def test_support_is_the_mean_over_the_claims():
    both = support("Payouts are sent every Friday. Zebras dance.")
    assert both == pytest.approx((1.0 + support("Zebras dance.")) / 2, abs=1e-6)


def test_numbers_in_one_spelling():
    assert numbers_of("1,350,000.00") == numbers_of("1.350.000,00") == numbers_of("1350000") == {"1350000"}
    assert numbers_of("six of 12.50, 0.5 and 7") == {"6", "12.5", "0.5", "7"}
    assert numbers_of("tres días") == {"3"}


def test_entities_are_capitals_that_do_not_only_begin_the_sentence():
    assert entities_of("The client in Mexico City uses LS-3009, as I said.") == {"mexico", "city", "ls"}
    assert entities_of("iPhone users. Others") == {"iphone", "others"}


def test_unigram_overlap_is_the_share_of_words_that_stand_in_a_passage():
    assert unigram_overlap("Payouts on Friday", ["sent every Friday", "PAYOUTS"]) == pytest.approx(2 / 3)
    assert unigram_overlap("...", ["x"]) == 0.0


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=3))
def test_scores_of_any_text_are_shares(answer: str, passages: list[str]):
    assert all(0.0 <= score <= 1.0 + 1e-6 for score in proxy_scores(answer, passages, embed).values())


def test_the_gate_lets_no_proxy_decide():
    def arm(score: float) -> list[ItemScore]:
        return [ItemScore(f"q{n}", f"d{n}", "proxy.support", score) for n in range(200)]

    better = compare(arm(1.0), arm(0.1))
    assert (better.verdict, better.decided_by) == ("INCONCLUSIVE", "undecided")
    assert [row.verdict for row in better.metrics] == ["ADVISORY"]
    assert compare(arm(0.1), arm(1.0)).verdict == "INCONCLUSIVE"
