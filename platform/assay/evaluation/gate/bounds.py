"""The two bounds by which the gate decides: of a score's mean, and of the difference of two arms on the same items.

Lower bounds hold with 95%: a candidate passes on them. Upper bounds hold with 99%: it fails on them, and several metrics
and slices together must not accuse a good one in more than 5%. Between both lies the truth in 94 of 100 cases.
"""

import math
from dataclasses import dataclass

import numpy as np

from assay.evaluation.gate.cluster_means import (
    ROUNDING,
    ClusterMean,
    Codes,
    Values,
    cluster_mean,
    design_effect,
    mean_bounds,
)
from assay.evaluation.gate.distributions import normal_quantile, t_cdf, t_quantile
from assay.evaluation.gate.proportions import difference_lower, difference_upper, mcnemar_loss, wilson

LOWER_CONFIDENCE = 0.95
UPPER_CONFIDENCE = 0.99
# What happens to 3 in n clusters stays unseen in n of them with a probability of 5%.
UNSEEN = 3.0
# Fewer clusters say nothing: that all of 6 fare worse happens by chance with 1 in 64, which is more than 1%.
MIN_CLUSTERS = 7
# With as many items as are said to be needed, the bound clears its limit in four of five runs.
POWER = 0.8


@dataclass(frozen=True)
class MeanScore:
    """A mean and its one-sided bounds, of `items` in `clusters`."""

    mean: float
    lower: float
    upper: float
    error: float
    items: int
    clusters: int


@dataclass(frozen=True)
class Difference(MeanScore):
    """Candidate less baseline, item by item. `loss_p`: how probable so great a loss is when there is none."""

    candidate: float
    baseline: float
    loss_p: float


def mean_score(values: Values, clusters: Codes, width: float) -> MeanScore:
    """Of one arm: Wilson for scores of 0 and 1, else t or BCa. `width`: of the scale, from its least to its best score."""
    found = cluster_mean(values, clusters)
    if found.clusters < MIN_CLUSTERS:
        lower, upper = found.mean - width, found.mean + width
    elif _binary(values):
        count = found.items / design_effect(found, values)
        lower = wilson(found.mean, count, _quantile(found, LOWER_CONFIDENCE))[0]
        upper = wilson(found.mean, count, _quantile(found, UPPER_CONFIDENCE))[1]
    else:
        bounds = mean_bounds(found, LOWER_CONFIDENCE, UPPER_CONFIDENCE)
        lower, upper = min(bounds.lower, found.mean - _unseen(found, width)), bounds.upper
    return MeanScore(found.mean, lower, upper, found.error, found.items, found.clusters)


def paired_difference(candidate: Values, baseline: Values, clusters: Codes, width: float) -> Difference:
    """Of two arms over the same items: score bounds and exact McNemar for 0 and 1, else t or BCa over the differences.

    No lower bound lies closer to the difference than 3/clusters of the scale: a loss that strikes so few clusters need
    not have shown in any of them. So 20 equal items, or 20 nearly equal ones, prove nothing.
    """
    change = candidate - baseline
    change[np.abs(change) <= ROUNDING * width] = 0.0
    found = cluster_mean(change, clusters)
    unseen = _unseen(found, width)
    if found.clusters < MIN_CLUSTERS:
        lower, upper, loss_p = -width, width, 1.0
    elif not change.any():
        lower, upper, loss_p = -unseen, unseen, 1.0
    elif _binary(candidate) and _binary(baseline):
        effect = design_effect(found, change)
        gains, losses = (np.count_nonzero(change == step) / effect for step in (1, -1))
        count = found.items / effect
        lower = difference_lower(gains, losses, count, _quantile(found, LOWER_CONFIDENCE))
        upper = difference_upper(gains, losses, count, _quantile(found, UPPER_CONFIDENCE), UPPER_CONFIDENCE)
        loss_p = mcnemar_loss(gains, losses)
    else:
        bounds = mean_bounds(found, LOWER_CONFIDENCE, UPPER_CONFIDENCE)
        lower, upper = bounds.lower, bounds.upper
        statistic = found.mean / found.error if found.error > 0 else math.copysign(math.inf, found.mean)
        loss_p = t_cdf(statistic, found.clusters - 1)
    return Difference(
        mean=found.mean,
        lower=max(-width, min(lower, found.mean - unseen)),
        upper=min(width, upper),
        error=found.error,
        items=found.items,
        clusters=found.clusters,
        candidate=float(candidate.mean()),
        baseline=float(baseline.mean()),
        loss_p=loss_p,
    )


def items_needed(found: MeanScore, limit: float, width: float) -> int | None:
    """With how many items like these the lower bound would clear `limit`, if the mean stays; None when it lies below."""
    room = found.mean - limit
    if room <= 0 or found.clusters < 2:
        return None
    spread = found.error**2 * found.items
    sampled = spread * ((normal_quantile(LOWER_CONFIDENCE) + normal_quantile(POWER)) / room) ** 2
    unseen = UNSEEN * width / room * found.items / found.clusters
    return math.floor(max(sampled, unseen)) + 1


def holm(p_values: list[float]) -> list[float]:
    """Each adjusted so that all below a level together err at most at that level (Holm 1979)."""
    adjusted = [1.0] * len(p_values)
    greatest = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        greatest = max(greatest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = greatest
    return adjusted


def _unseen(found: ClusterMean, width: float) -> float:
    return UNSEEN * width / found.clusters


def _binary(values: Values) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all())


def _quantile(found: ClusterMean, confidence: float) -> float:
    return normal_quantile(confidence) if found.independent else t_quantile(confidence, found.clusters - 1)
