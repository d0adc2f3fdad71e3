"""Judging again: both arms alike or not at all, and what it does to a verdict when the judge errs at random."""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from judge_doubles import PARIS, RuleJudge, bag_of_words, inputs_of, overlap_reply
from scale import AT_CI

from assay.errors import JudgeError
from assay.evaluation.gate.bounds import paired_difference
from assay.evaluation.judge import Arm, judge_scores, rejudge_borderline, self_agreement
from assay.evaluation.judge.ragas import CONTEXT_RECALL

RUNS, ITEMS, ERRS, MARGIN = (150 if AT_CI else 20), 200, 0.05, 0.05


def items(truths: Sequence[int]) -> list:
    """Items of one sentence each, which stands in the passage or does not."""
    return [
        replace(PARIS, item_id=f"q{at}", contexts=("right" if truth else "wrong",), reference="It is right.")
        for at, truth in enumerate(truths)
    ]


def noisy(seed: int, errs: float = ERRS) -> RuleJudge:
    """A judge that says the opposite of the truth now and then, anew each time it is asked."""
    random = np.random.default_rng(seed)

    def rule(prompt: str) -> str:
        truth = inputs_of(prompt)["passages"] == ["right"]
        return json.dumps({"verdicts": [{"index": 1, "verdict": int(truth != (random.random() < errs))}]})

    return RuleJudge(rule)


def arm(judge, truths: Sequence[int]) -> Arm:
    asked = items(truths)
    return Arm(asked, judge_scores(judge, asked, bag_of_words, metrics=[CONTEXT_RECALL]))


def values(scores) -> np.ndarray:
    return np.array([one.score for one in scores])


def passes(candidate: np.ndarray, baseline: np.ndarray) -> bool:
    return paired_difference(candidate, baseline, np.arange(len(candidate)), 1.0).lower > -MARGIN


@pytest.fixture(scope="module")
def shares() -> dict[str, float]:
    """How often a candidate passes that truly lost exactly the margin, and one that lost nothing, by how it is judged again."""
    baseline_truth = [1] * ITEMS
    lost = [0] * (ITEMS // 20) + [1] * (ITEMS - ITEMS // 20)
    counted = {"both": 0, "failing only": 0, "equal, once": 0, "equal, both": 0}
    for run in range(RUNS):
        judge = noisy(run)
        ours, theirs, same = arm(judge, lost), arm(judge, baseline_truth), arm(judge, baseline_truth)
        again = rejudge_borderline(judge, ours, theirs, bag_of_words)
        counted["both"] += passes(values(again.candidate), values(again.baseline))
        worse = values(ours.scores) < values(theirs.scores)
        counted["failing only"] += passes(
            np.where(worse, values(again.candidate), values(ours.scores)), values(theirs.scores)
        )
        counted["equal, once"] += passes(values(same.scores), values(theirs.scores))
        again = rejudge_borderline(judge, same, theirs, bag_of_words)
        counted["equal, both"] += passes(values(again.candidate), values(again.baseline))
    return {name: count / RUNS for name, count in counted.items()}


def test_judging_both_arms_again_lets_a_lost_margin_pass_no_more_often_than_it_may(shares: dict[str, float]) -> None:
    assert shares["both"] <= 0.05 + 3 * (0.05 * 0.95 / RUNS) ** 0.5


def test_judging_the_failing_arm_again_would_let_it_pass(shares: dict[str, float]) -> None:
    assert shares["failing only"] > 3 * max(shares["both"], 0.05)


def test_judging_again_spares_equal_releases_the_judges_own_errors(shares: dict[str, float]) -> None:
    assert shares["equal, both"] > 0.9 > shares["equal, once"]


def test_only_items_whose_scores_differ_are_asked_again_and_each_arm_three_times() -> None:
    calls: list[str] = []

    def counting(prompt: str) -> str:
        calls.append(prompt)
        return overlap_reply(prompt)

    judge = RuleJudge(counting)
    ours, theirs = arm(judge, [1, 0, 1]), arm(judge, [1, 1, 1])
    calls.clear()
    found = rejudge_borderline(judge, ours, theirs, bag_of_words)
    differing = [at for at in range(3) if ours.scores[at].score != theirs.scores[at].score]
    assert found.again == len(differing) == 1
    assert len(calls) == 6 * len(differing)
    assert found.candidate == ours.scores
    assert found.baseline == theirs.scores


def test_graded_scores_are_the_mean_and_bits_the_majority() -> None:
    replies = iter([1, 0, 1, 1, 1, 1])
    fixed = RuleJudge(lambda _prompt: json.dumps({"verdicts": [{"index": 1, "verdict": next(replies)}]}))
    ours, theirs = arm(noisy(0, 0.0), [0]), arm(noisy(0, 0.0), [1])
    found = rejudge_borderline(fixed, ours, theirs, bag_of_words)
    assert (found.candidate[0].score, found.baseline[0].score) == (1.0, 1.0)

    parts = iter([(1, 0), (1, 1), (0, 0)] * 2)

    def graded(_prompt: str) -> str:
        return json.dumps({"verdicts": [{"index": at, "verdict": bit} for at, bit in enumerate(next(parts), 1)]})

    two = [replace(item, reference="It is right. It is so.") for item in ours.items]
    found = rejudge_borderline(RuleJudge(graded), Arm(two, ours.scores), Arm(two, theirs.scores), bag_of_words)
    assert found.candidate[0].score == pytest.approx(0.5)


def test_two_errors_of_three_are_an_error() -> None:
    ours, theirs = arm(noisy(0, 0.0), [0]), arm(noisy(0, 0.0), [1])
    count = iter(range(100))

    def failing(prompt: str) -> str:
        if next(count) % 3:
            raise JudgeError("rate", "slow down")
        return overlap_reply(prompt)

    found = rejudge_borderline(RuleJudge(failing), ours, theirs, bag_of_words)
    assert [(one.score, one.status) for one in (*found.candidate, *found.baseline)] == [(None, "ERROR(rate)")] * 2


def test_a_judge_that_errs_agrees_with_itself_as_often_as_it_must() -> None:
    asked = items([1] * 50)
    assert self_agreement(noisy(1, 0.0), asked, bag_of_words, metrics=[CONTEXT_RECALL]) == 1.0
    found = np.mean(
        [self_agreement(noisy(seed, 0.1), asked, bag_of_words, metrics=[CONTEXT_RECALL]) for seed in range(20)]
    )
    assert found == pytest.approx(0.9**2 + 0.1**2, abs=0.04)


def test_without_anything_to_score_self_agreement_is_not_known() -> None:
    silent = [replace(one, abstained=True, reference=None) for one in items([1, 1])]
    assert self_agreement(noisy(0), silent, bag_of_words) is None
    assert self_agreement(noisy(0), [], bag_of_words) is None


def test_errors_are_no_agreement() -> None:
    def refuse(_prompt: str) -> str:
        raise JudgeError("refused", "no")

    assert self_agreement(RuleJudge(refuse), items([1]), bag_of_words, metrics=[CONTEXT_RECALL]) == 0.0
