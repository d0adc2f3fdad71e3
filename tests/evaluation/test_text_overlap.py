"""Overlap measures against the libraries that define them, and against brute force."""

import json
import math
from itertools import combinations
from pathlib import Path

import pytest
import sacrebleu
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from assay.evaluation.bleu import sentence_bleu
from assay.evaluation.text_overlap import rouge_l, similarity, token_f1

WORDS = [
    "refund",
    "the",
    "A",
    "1,200",
    "units.",
    "no-charge",
    "don't",
    "€5",
    "a&b",
    "&quot;x&quot;",
    "niño",
    "-\n",
    "\n",
    "x,5",
    "3.5%",
    "(see",
    "b)",
    "<skipped>",
    "2-3",
]
texts = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
GOLDEN = Path(__file__).parents[2] / "samples" / "golden" / "questions.jsonl"


def golden_pairs():
    """Real answers, English and Spanish: each reference with the quote that answers, and with another question's."""
    found = [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]
    found = [one for one in found if one["answerable"]]
    others = [*found[1:], found[0]]
    for one, other in zip(found, others, strict=True):
        yield one["reference_answer"], one["passages"][0]["quote"]
        yield one["reference_answer"], other["reference_answer"]


@given(answer=texts, reference=texts)
@settings(max_examples=60)
@example(answer="1,200", reference="1,200 units.")
@example(answer="", reference="units.")
def test_bleu_is_sacrebleus(answer, reference):
    assert sentence_bleu(answer, reference) == pytest.approx(
        sacrebleu.sentence_bleu(answer, [reference]).score / 100, abs=1e-12
    )


@given(answer=texts, reference=texts)
@settings(max_examples=40)
def test_rouge_is_rouge_scores(answer, reference):
    theirs = RougeScorer(["rougeL"]).score(reference, answer)["rougeL"].fmeasure
    assert rouge_l(answer, reference) == pytest.approx(theirs, abs=1e-12)


def test_real_answers_score_as_with_the_libraries():
    scorer = RougeScorer(["rougeL"])
    pairs = list(golden_pairs())
    assert len(pairs) > 600
    for answer, reference in pairs:
        theirs = sacrebleu.sentence_bleu(answer, [reference]).score / 100
        assert sentence_bleu(answer, reference) == pytest.approx(theirs, abs=1e-12), answer
        rouge = scorer.score(reference, answer)["rougeL"].fmeasure
        assert rouge_l(answer, reference) == pytest.approx(rouge, abs=1e-12), answer


@settings(max_examples=40)
@given(answer=st.lists(st.sampled_from("pqr"), max_size=6), reference=st.lists(st.sampled_from("pqr"), max_size=6))
def test_rouge_counts_the_longest_common_subsequence(answer, reference):
    subsequences = {picked for size in range(len(answer) + 1) for picked in combinations(answer, size)}
    longest = max(len(one) for one in subsequences if one in set(combinations(reference, len(one))))
    expected = 2 * longest / (len(answer) + len(reference)) if longest else 0
    assert rouge_l(" ".join(answer), " ".join(reference)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("The refund costs 1,200 units.", "a refund costs 1200 units", 1.0),
        ("refund", "refund refund", 2 / 3),
        ("It costs 1,300 units", "It costs 1,200 units", 0.75),
        ("", "1,200 units", 0.0),
        ("the", "an", 0.0),
        ("another theory", "other ory", 0.0),
    ],
)
def test_token_f1_counts_words_as_squad_does(answer, reference, expected):
    assert token_f1(answer, reference) == pytest.approx(expected)


@given(answer=texts, reference=texts)
@settings(max_examples=40)
def test_measures_lie_between_0_and_1_and_say_1_of_the_same(answer, reference):
    for measure in (token_f1, rouge_l, similarity, sentence_bleu):
        assert 0 <= measure(answer, reference) <= 1 + 1e-12
    assert similarity(f"x {answer}", f"X  {answer.upper()}") == 1
    assert math.isclose(token_f1(f"refund {answer}", f"REFUND {answer.upper()}"), 1)


def test_similarity_is_the_share_of_characters_in_common():
    assert similarity("abcd", "abxd") == 0.75
    assert similarity("", "") == 0
