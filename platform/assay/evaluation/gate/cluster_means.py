"""The mean of scores that come in clusters (the questions on one document), its error and its confidence bounds.

Questions on one document rise and fall together, so that a mean over them is known less well than their number says.
Clusters are taken as drawn anew, items are not (Miller 2024, https://arxiv.org/abs/2411.00640, section 2.2).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from assay.evaluation.gate.distributions import normal_cdf, normal_quantile, t_quantile

Values = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

# Below, Student's t covers better than any bootstrap of so few clusters.
MIN_BOOTSTRAP_CLUSTERS = 100
# Above, BCa and t differ by less than a twentieth of the standard error, and resampling costs memory for nothing.
MAX_BOOTSTRAP_CLUSTERS = 2_000
RESAMPLES = 4_000
# What differs by less, beside the greatest of the values, differs only in how it was rounded.
ROUNDING = 1e-12
_SEED = 20_241_100
# Of the standard error: means that lie closer together are equal.
_TIE = 1e-6


@dataclass(frozen=True)
class ClusterMean:
    """`total` and `size` of each cluster; `error` is the standard error of the mean over items, NaN for one cluster."""

    mean: float
    error: float
    items: int
    clusters: int
    total: Values
    size: Values

    @property
    def independent(self) -> bool:
        return self.items == self.clusters


@dataclass(frozen=True)
class Bounds:
    """One-sided bounds: the truth lies above `lower` with the one confidence, below `upper` with the other."""

    lower: float
    upper: float


def cluster_mean(values: Values, clusters: Codes) -> ClusterMean:
    """The mean over at least one value, `clusters` holding the code of each value's cluster."""
    _, codes = np.unique(clusters, return_inverse=True)
    size = np.bincount(codes).astype(np.float64)
    total = np.bincount(codes, weights=values).astype(np.float64)
    mean = float(total.sum() / len(values))
    count = len(size)
    squares = float(np.square(total - size * mean).sum())
    error = math.sqrt(count / (count - 1) * squares) / len(values) if count > 1 else math.nan
    if error <= ROUNDING * float(np.abs(values).max()):
        error = 0.0
    return ClusterMean(mean, error, len(values), count, total, size)


def mean_bounds(found: ClusterMean, lower_confidence: float, upper_confidence: float) -> Bounds:
    """BCa over resampled clusters where there are enough of them, Student's t elsewhere; all of the line for one cluster."""
    if found.clusters < 2:
        return Bounds(-math.inf, math.inf)
    if found.error == 0:
        return Bounds(found.mean, found.mean)
    if MIN_BOOTSTRAP_CLUSTERS <= found.clusters <= MAX_BOOTSTRAP_CLUSTERS:
        return _bca(found, lower_confidence, upper_confidence)
    degrees = found.clusters - 1
    return Bounds(
        found.mean - t_quantile(lower_confidence, degrees) * found.error,
        found.mean + t_quantile(upper_confidence, degrees) * found.error,
    )


def design_effect(found: ClusterMean, values: Values) -> float:
    """How many times as many clustered items say what one independent item says; never below 1."""
    if found.independent or found.clusters < 2:
        return 1.0
    independent = float(np.var(values, ddof=1)) / found.items
    return max(1.0, found.error**2 / independent) if independent > 0 else 1.0


def _bca(found: ClusterMean, lower_confidence: float, upper_confidence: float) -> Bounds:
    """Bias-corrected and accelerated (Efron 1987, https://doi.org/10.1080/01621459.1987.10478410)."""
    drawn = _draws(found.clusters)
    means = np.sort((drawn @ found.total) / (drawn @ found.size))
    apart = (means - found.mean) / found.error
    below = np.count_nonzero(apart < -_TIE) + 0.5 * np.count_nonzero(np.abs(apart) <= _TIE)
    bias = normal_quantile(float(np.clip(below / RESAMPLES, 1 / RESAMPLES, 1 - 1 / RESAMPLES)))
    without = (found.total.sum() - found.total) / (found.size.sum() - found.size)
    pulls = without.mean() - without
    acceleration = float((pulls**3).sum() / (6 * (pulls**2).sum() ** 1.5))

    def at(probability: float) -> float:
        shifted = bias + normal_quantile(probability)
        return float(np.quantile(means, normal_cdf(bias + shifted / (1 - acceleration * shifted))))

    return Bounds(at(1 - lower_confidence), at(upper_confidence))


def _draws(clusters: int) -> Values:
    """How often each cluster is drawn in each resample, a row per resample."""
    return _drawn_counts(clusters).astype(np.float64)


@lru_cache(maxsize=16)
def _drawn_counts(clusters: int) -> npt.NDArray[np.uint8]:
    """Kept as bytes for the next metric or slice of as many clusters: 8 MB at most. Equal files give equal verdicts."""
    drawn = np.random.default_rng(_SEED).integers(0, clusters, (RESAMPLES, clusters))
    drawn += np.arange(RESAMPLES)[:, None] * clusters
    return np.bincount(drawn.ravel(), minlength=RESAMPLES * clusters).reshape(RESAMPLES, clusters).astype(np.uint8)
