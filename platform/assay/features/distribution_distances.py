"""How far two samples of numbers are apart: the population stability index and the Kolmogorov-Smirnov statistic."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.float64]

BINS = 10
# A bin with fewer of the values counts as if it had so many: an empty one would make the index infinite.
LEAST_SHARE = 1e-4


def population_stability_index(values: Values, reference: Values) -> float:
    """The sum of (p - q) ln(p / q) over bins that each hold a tenth of `reference`; 0 for equal distributions.

    p and q are the shares of both in a bin. Deciles that coincide, as those of a
    value that is mostly 0, are one. Both samples must hold values. The formula: https://mwburke.github.io/data%20science/2018/04/29/population-stability-index.html
    """
    last_places = (
        -(-len(reference) * np.arange(1, BINS) // BINS) - 1
    )  # in whole numbers: .3 of 100 is 30.000000000000004
    edges = np.unique(np.sort(reference)[last_places])
    p, q = _shares(values, edges), _shares(reference, edges)
    return float(np.sum((p - q) * np.log(p / q)))


def kolmogorov_smirnov(values: Values, reference: Values) -> float:
    """The greatest distance between the two empirical distribution functions, from 0 to 1. Both must hold values."""
    both = np.concatenate([values, reference])
    ours = np.searchsorted(np.sort(values), both, side="right") / len(values)
    theirs = np.searchsorted(np.sort(reference), both, side="right") / len(reference)
    return float(np.max(np.abs(ours - theirs)))


def _shares(values: Values, edges: Values) -> Values:
    """The share of the values in each bin; an edge is the last value of its bin."""
    places = np.searchsorted(edges, values, side="left")
    counts = np.bincount(places, minlength=len(edges) + 1)
    return np.maximum(counts / len(values), LEAST_SHARE)
