"""Borderline items are judged again, in both arms alike, and how often a judge agrees with itself is measured.

An item is borderline under a metric where the arms' scores differ by more than the margin: those items move the verdict. A
judge that errs at random makes such items of equal answers; three fresh judgements take most of them away. Judging again
where the candidate lost, and not where it won, would correct errors against it only, and so pass what is worse: the tests
show both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from assay.evaluation.gate.item_scores import ItemScore
from assay.evaluation.judge.interface import Embed, Judge, JudgedItem
from assay.evaluation.judge.ragas import RAGAS_METRICS, judged
from assay.evaluation.judge.scoring import judge_scores

JUDGEMENTS = 3
# Of so many, this many must be usable, or the item has no score.
MIN_USABLE = 2
MARGIN = 0.05
# Graded scores that lie this close together say the same.
SAME_SCORE = 0.05
SELF_AGREEMENT_ITEMS = 50


@dataclass(frozen=True)
class Arm:
    """What one release answered, and what the judge first made of it."""

    items: Sequence[JudgedItem]
    scores: Sequence[ItemScore]


@dataclass(frozen=True)
class Rejudged:
    """Both arms' scores after judging again. `again`: how many item and metric pairs were, in each arm."""

    candidate: tuple[ItemScore, ...]
    baseline: tuple[ItemScore, ...]
    again: int


def rejudge_borderline(
    judge: Judge, candidate: Arm, baseline: Arm, embed: Embed, *, margin: float = MARGIN
) -> Rejudged:
    """Replace each borderline score of both arms by the mean of three fresh ones; of 0 and 1, by their majority.

    Scores under other metrics, and of items without a score in either arm, stay as they are.
    """
    borderline = _borderline(candidate.scores, baseline.scores, margin)
    return Rejudged(
        _again(judge, candidate, borderline, embed), _again(judge, baseline, borderline, embed), len(borderline)
    )


def self_agreement(
    judge: Judge,
    items: Sequence[JudgedItem],
    embed: Embed,
    *,
    metrics: Sequence[str] = RAGAS_METRICS,
    sample: int = SELF_AGREEMENT_ITEMS,
    seed: int = 0,
) -> float | None:
    """The share of scores that are the same, within .05, when the judge is asked about an item twice.

    On at most `sample` items, drawn with `seed`. A score beside an error, or beside a verdict that nothing is claimed, is
    no agreement, and nor is a pair of errors. None where no item has anything to score.
    """
    drawn = Random(seed).sample(list(items), min(sample, len(items)))  # noqa: S311  a sample, no secret
    twice = [judge_scores(judge, drawn, embed, metrics=metrics) for _ in range(2)]
    pairs = [pair for pair in zip(*twice, strict=True) if not all(_inapplicable(one) for one in pair)]
    return sum(_same(first, second) for first, second in pairs) / len(pairs) if pairs else None


def _borderline(
    candidate: Sequence[ItemScore], baseline: Sequence[ItemScore], margin: float
) -> frozenset[tuple[str, str]]:
    theirs = _scores(baseline)
    return frozenset(
        key for key, score in _scores(candidate).items() if key in theirs and abs(score - theirs[key]) > margin
    )


def _scores(scores: Sequence[ItemScore]) -> Mapping[tuple[str, str], float]:
    """Of the four metrics, where there is one."""
    return {
        (one.item_id, one.metric): one.score
        for one in scores
        if one.metric in RAGAS_METRICS and one.status == "OK" and one.score is not None
    }


def _again(judge: Judge, arm: Arm, borderline: frozenset[tuple[str, str]], embed: Embed) -> tuple[ItemScore, ...]:
    items = {item.item_id: item for item in arm.items}
    return tuple(
        _judged_thrice(judge, items[one.item_id], one, embed) if (one.item_id, one.metric) in borderline else one
        for one in arm.scores
    )


def _judged_thrice(judge: Judge, item: JudgedItem, before: ItemScore, embed: Embed) -> ItemScore:
    fresh = [judged(judge, item, before.metric, embed) for _ in range(JUDGEMENTS)]
    scores = [one.score for one in fresh if one.score is not None]
    if len(scores) < MIN_USABLE:
        return replace(before, score=None, status=next(one.status for one in fresh if one.score is None))
    mean = sum(scores) / len(scores)
    if set(scores) <= {0.0, 1.0} and mean != 0.5:
        return replace(before, score=float(round(mean)))
    return replace(before, score=mean)


def _inapplicable(one: ItemScore) -> bool:
    return one.status.startswith("NOT_APPLICABLE")


def _same(first: ItemScore, second: ItemScore) -> bool:
    return first.score is not None and second.score is not None and abs(first.score - second.score) <= SAME_SCORE
