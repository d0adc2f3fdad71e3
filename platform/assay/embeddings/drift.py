"""Drift of vectors: do those of one table lie where those of another lie? Plain measures on arrays.

Rows are unit vectors, shape (rows, dimension). Of two embedding models nothing here means anything, not even where the
dimension is the same: the caller asks for the fingerprints first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32] | NDArray[np.float64]
Matrix = NDArray[np.float64]

PERMUTATIONS = 499
SEED = 0


@dataclass(frozen=True)
class DiscrepancyTest:
    """The squared maximum mean discrepancy of two samples, and how probable as much is if both came from one cloud."""

    mmd2: float
    p_value: float
    bandwidth: float


def centroid_cosine(one: Vectors, other: Vectors) -> float:
    """Cosine of the angle between the mean vectors; 0 where a mean vanishes."""
    a, b = _mean(one), _mean(other)
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths > 0 else 0.0


def dispersion(vectors: Vectors) -> float:
    """1 - length of the mean vector: 0 where all point the same way, near 1 where they point everywhere.

    The circular variance of directional statistics (Mardia and Jupp, Directional Statistics, 2000, section 9.2).
    """
    return 1.0 - float(np.linalg.norm(_mean(vectors)))


def discrepancy_test(
    one: Vectors, other: Vectors, *, permutations: int = PERMUTATIONS, seed: int = SEED
) -> DiscrepancyTest:
    """Kernel two-sample test (Gretton et al., JMLR 13, 2012): the biased MMD² with a Gaussian kernel, by permutation.

    The kernel's bandwidth is the median distance of the pooled rows, which a permutation does not change, so the test
    keeps its level: p = (1 + permutations with as much) / (1 + permutations). Equal samples give p = 1. Takes memory for
    (rows of both)² numbers, a few times over: 2,000 rows are 135 MB and .5 CPU s.
    """
    pooled = np.concatenate([one, other]).astype(np.float64)
    squares = _squared_distances(pooled)
    bandwidth = _median_distance(squares)
    kernel = np.exp(squares / (-2 * bandwidth**2))
    weights = np.concatenate([np.full(len(one), 1 / len(one)), np.full(len(other), -1 / len(other))])
    random = np.random.default_rng(seed)
    columns = [weights, *(random.permutation(weights) for _ in range(permutations))]
    signed = np.stack(columns, axis=1)
    found = np.einsum("ij,ij->j", signed, kernel @ signed)
    # Sums of so many numbers are off by 1e-12: without the slack equal values would count as more by chance.
    as_much = int(np.count_nonzero(found[1:] >= found[0] - 1e-12))
    return DiscrepancyTest(max(float(found[0]), 0.0), (1 + as_much) / (1 + permutations), bandwidth)


def neighbour_overlap(one: Sequence[Sequence[str]], other: Sequence[Sequence[str]]) -> float:
    """The mean share of a question's neighbours that both found, of the longer list; 1 where there is no question.

    `one` and `other`: per question the ids of what was found, in any order.
    """
    shares = [
        len(set(ours) & set(theirs)) / max(len(set(ours)), len(set(theirs)), 1) if ours or theirs else 1.0
        for ours, theirs in zip(one, other, strict=True)
    ]
    return float(np.mean(shares)) if shares else 1.0


def _mean(vectors: Vectors) -> Matrix:
    return vectors.mean(axis=0, dtype=np.float64)


def _squared_distances(rows: Matrix) -> Matrix:
    lengths = np.einsum("ij,ij->i", rows, rows)
    squares = lengths[:, None] + lengths[None, :] - 2 * rows @ rows.T
    np.maximum(squares, 0, out=squares)
    np.fill_diagonal(squares, 0)
    return squares


def _median_distance(squares: Matrix) -> float:
    """Over all pairs; 1 where most rows are the same, for any kernel then tells equal from different."""
    found = float(np.median(np.sqrt(squares[np.triu_indices(len(squares), 1)]))) if len(squares) > 1 else 0.0
    return found or 1.0
