"""How far two raters agree on yes and no: Cohen's kappa and the rates of a judge beside people, each with its interval.

All intervals hold with 95%. Raters' items may come in clusters (the answers to one question, the questions on one
document), which then count as what was drawn.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.evaluation.gate.bounds import UNSEEN
from assay.evaluation.gate.cluster_means import Codes, Values, cluster_mean, design_effect
from assay.evaluation.gate.distributions import normal_quantile, t_quantile
from assay.evaluation.gate.proportions import wilson

CONFIDENCE = 0.95
_UPPER_TAIL = 0.5 + CONFIDENCE / 2


@dataclass(frozen=True)
class Estimate:
    """A value and its 95% interval, from `count` items. All are NaN where the items do not define it."""

    value: float
    lower: float
    upper: float
    count: int


@dataclass(frozen=True)
class Agreement:
    """A judge beside people: `kappa`, and the share it calls right of what people call right (`tpr`) or wrong (`tnr`)."""

    kappa: Estimate
    tpr: Estimate
    tnr: Estimate


def agreement(people: Values, judge: Values, clusters: Codes) -> Agreement:
    """Of at least two items, each 0 or 1 by both; `clusters` holds the code of each item's cluster."""
    yes = people == 1
    return Agreement(
        cohen_kappa(people, judge, clusters),
        share(judge[yes], clusters[yes]),
        share(1 - judge[~yes], clusters[~yes]),
    )


def cohen_kappa(first: Values, second: Values, clusters: Codes) -> Estimate:
    """Agreement beyond chance (Cohen 1960, https://doi.org/10.1177/001316446002000104); NaN where chance alone explains all.

    Its error is the delta method's (Fleiss, Cohen and Everitt 1969, https://doi.org/10.1037/h0028106), summed by cluster.
    The lower bound lies no closer to it than 3 unseen disagreements in as many items as there are clusters would move it.
    """
    count = len(first)
    same = (first == second).astype(np.float64)
    ours, theirs, agreed = float(first.mean()), float(second.mean()), float(same.mean())
    chance = ours * theirs + (1 - ours) * (1 - theirs)
    if chance == 1:
        return Estimate(math.nan, math.nan, math.nan, count)
    kappa = (agreed - chance) / (1 - chance)
    drift = (2 * theirs - 1) * (first - ours) + (2 * ours - 1) * (second - theirs)
    pulls = (same - agreed) / (1 - chance) - (1 - agreed) / (1 - chance) ** 2 * drift
    error, degrees = clustered_error(pulls / count, clusters)
    half = t_quantile(_UPPER_TAIL, degrees) * error if degrees else math.inf
    unseen = UNSEEN / (degrees + 1) / (1 - chance)
    return Estimate(kappa, max(-1.0, kappa - max(half, unseen)), min(1.0, kappa + half), count)


def share(values: Values, clusters: Codes) -> Estimate:
    """The share of ones by Wilson's interval, clustered items counting as fewer; all of [0, 1] for no item."""
    if not len(values):
        return Estimate(math.nan, 0.0, 1.0, 0)
    found = cluster_mean(values, clusters)
    z = normal_quantile(_UPPER_TAIL)
    if not found.independent:
        z = t_quantile(_UPPER_TAIL, found.clusters - 1) if found.clusters > 1 else math.inf
    if math.isinf(z):
        return Estimate(found.mean, 0.0, 1.0, found.items)
    return Estimate(found.mean, *wilson(found.mean, effective_count(values, clusters), z), found.items)


def effective_count(values: Values, clusters: Codes) -> float:
    """As how many independent items clustered ones count."""
    return len(values) / design_effect(cluster_mean(values, clusters), values)


def clustered_error(contributions: npt.NDArray[np.float64], clusters: Codes) -> tuple[float, int]:
    """The standard error of a sum of contributions that are 0 on average, and its degrees of freedom: clusters less one."""
    _, codes = np.unique(clusters, return_inverse=True)
    totals = np.bincount(codes, weights=contributions)
    count = len(totals)
    if count < 2:
        return math.inf, 0
    return math.sqrt(count / (count - 1) * float(np.square(totals).sum())), count - 1


def half_width(error: float, degrees: int) -> float:
    """Of a 95% interval around an estimate with this standard error."""
    return t_quantile(_UPPER_TAIL, degrees) * error if degrees else math.inf
