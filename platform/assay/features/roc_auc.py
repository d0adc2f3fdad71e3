"""The area under the ROC curve, and how sure it is: resampled by cluster, for rows of one viewer are not independent."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 500
SEED = 20_261_101
COVERED = 0.95

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Estimate:
    """A measure with the ends of its 95% bootstrap interval."""

    value: float
    lower: float
    upper: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.lower:.3f} to {self.upper:.3f})"


def roc_auc(scores: Floats, truth: Booleans) -> float:
    """The chance that a positive is scored above a negative, ties counting half; NaN without one of either kind."""
    return float(_areas(scores, truth, np.arange(len(truth)), np.ones((1, len(truth)), dtype=np.int64))[0])


def estimates(
    scores: Mapping[str, Floats], truth: Booleans, clusters: Integers, differences: Mapping[str, tuple[str, str]]
) -> dict[str, Estimate]:
    """The AUC of each named score and of each named difference of two, on the same resampled clusters (0, 1, ...)."""
    number = int(clusters.max()) + 1
    drawn = np.random.default_rng(SEED).multinomial(number, np.full(number, 1 / number), size=RESAMPLES)
    draws = np.vstack([np.ones(number, dtype=np.int64), drawn])  # the first is the sample itself
    areas = {name: _areas(one, truth, clusters, draws) for name, one in scores.items()}
    areas |= {name: areas[one] - areas[other] for name, (one, other) in differences.items()}
    return {name: _estimate(found) for name, found in areas.items()}


def _estimate(areas: Floats) -> Estimate:
    lower, upper = np.nanquantile(areas[1:], [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return Estimate(float(areas[0]), float(lower), float(upper))


def _areas(scores: Floats, truth: Booleans, clusters: Integers, draws: Integers) -> Floats:
    """An AUC per draw, which says how often each cluster is counted: the Mann-Whitney statistic of weighted rows."""
    distinct, places = np.unique(scores, return_inverse=True)
    found = np.empty(len(draws))
    for number, draw in enumerate(draws):
        weights = draw[clusters]
        positive = np.bincount(places, weights * truth, len(distinct))
        negative = np.bincount(places, weights * ~truth, len(distinct))
        below = np.cumsum(negative) - negative / 2
        pairs = positive.sum() * negative.sum()
        found[number] = (positive * below).sum() / pairs if pairs else np.nan
    return found
