"""Drift measures: what must not change them does not, and the test errs as often as it says."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import AT_CI
from scipy.spatial.distance import pdist
from scipy.stats import binom, ortho_group
from sklearn.metrics.pairwise import cosine_similarity, rbf_kernel

from assay.embeddings.drift import centroid_cosine, discrepancy_test, dispersion, neighbour_overlap

EXAMPLES = 60 if AT_CI else 15
TRIALS = 1500 if AT_CI else 400


def cloud(random: np.random.Generator, rows: int, dimension: int = 8, shift: float = 0.0) -> np.ndarray:
    """Unit vectors around a direction; `shift` turns that direction."""
    centre = np.zeros(dimension)
    centre[0], centre[1] = 2.0, shift
    points = random.standard_normal((rows, dimension)) + centre
    return points / np.linalg.norm(points, axis=1, keepdims=True)


sizes = st.integers(2, 30)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32 - 1), sizes, sizes, st.floats(0, 3))
def test_measures_are_those_of_scikit_learn_and_scipy(seed: int, left: int, right: int, shift: float) -> None:
    random = np.random.default_rng(seed)
    one, other = cloud(random, left), cloud(random, right, shift=shift)
    found = discrepancy_test(one, other, permutations=1)
    bandwidth = float(np.median(pdist(np.concatenate([one, other]))))
    assert found.bandwidth == pytest.approx(bandwidth, rel=1e-6)
    gamma = 1 / (2 * bandwidth**2)
    means = [rbf_kernel(a, b, gamma=gamma).mean() for a, b in ((one, one), (other, other), (one, other))]
    assert found.mmd2 == pytest.approx(max(means[0] + means[1] - 2 * means[2], 0), abs=1e-9)
    mean = cosine_similarity([one.mean(axis=0)], [other.mean(axis=0)])[0, 0]
    assert centroid_cosine(one, other) == pytest.approx(mean, abs=1e-9)
    # The mean cosine of all pairs, each row with itself too, is the squared length of the mean.
    assert (1 - dispersion(one)) ** 2 == pytest.approx(cosine_similarity(one).mean(), abs=1e-9)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32 - 1), sizes, sizes)
def test_a_rotation_of_both_and_the_order_of_rows_change_nothing(seed: int, left: int, right: int) -> None:
    random = np.random.default_rng(seed)
    one, other = cloud(random, left), cloud(random, right, shift=0.5)
    turn = ortho_group.rvs(8, random_state=seed)
    plain, turned = discrepancy_test(one, other), discrepancy_test(one @ turn, other @ turn)
    shuffled = discrepancy_test(random.permutation(one), random.permutation(other))
    assert (turned.mmd2, turned.p_value) == pytest.approx((plain.mmd2, plain.p_value), abs=1e-9)
    assert shuffled.mmd2 == pytest.approx(plain.mmd2, abs=1e-9)
    # The same permutations meet the rows in another order: two estimates of one probability.
    assert shuffled.p_value == pytest.approx(plain.p_value, abs=6 * np.sqrt(2 * 0.25 / 500))
    assert centroid_cosine(one @ turn, other @ turn) == pytest.approx(centroid_cosine(one, other), abs=1e-9)
    assert dispersion(random.permutation(one) @ turn) == pytest.approx(dispersion(one), abs=1e-9)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32 - 1), sizes)
def test_equal_samples_are_equal_in_any_order_and_both_ways(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    one, other = cloud(random, rows), cloud(random, rows, shift=1)
    same = discrepancy_test(one, one[::-1])
    assert (same.mmd2, same.p_value) == (pytest.approx(0, abs=1e-12), 1.0)
    assert centroid_cosine(one, one) == pytest.approx(1)
    assert discrepancy_test(one, other).mmd2 == pytest.approx(discrepancy_test(other, one).mmd2, abs=1e-12)


def test_the_probability_is_that_of_all_permutations() -> None:
    random = np.random.default_rng(3)
    one, other = cloud(random, 5), cloud(random, 5, shift=4)
    found = discrepancy_test(one, other, permutations=20_000)
    pooled = np.concatenate([one, other])
    kernel = rbf_kernel(pooled, gamma=1 / (2 * np.median(pdist(pooled)) ** 2))

    def mmd2(chosen: tuple[int, ...]) -> float:
        weights = np.full(10, -0.2)
        weights[list(chosen)] = 0.2
        return float(weights @ kernel @ weights)

    every = [mmd2(chosen) for chosen in combinations(range(10), 5)]
    exact = float(np.mean([value >= mmd2((0, 1, 2, 3, 4)) - 1e-12 for value in every]))
    assert 0.01 < exact < 0.5
    assert found.p_value == pytest.approx(exact, abs=5 * np.sqrt(0.25 / 20_000))


def rejected(trial: int, *, shift: float, shared: float = 0.0) -> bool:
    """Whether two samples of 40 are told apart at 5%; `shared`: the part of rows that both have."""
    random = np.random.default_rng(trial)
    one, other = cloud(random, 40), cloud(random, 40, shift=shift)
    common = int(40 * shared)
    other[:common] = one[:common]
    return discrepancy_test(one, other, permutations=99, seed=trial).p_value <= 0.05


def test_of_one_cloud_it_rejects_as_often_as_it_says() -> None:
    errors = sum(rejected(trial, shift=0) for trial in range(TRIALS))
    least, most = binom.ppf([1e-4, 1 - 1e-4], TRIALS, 0.05)
    assert least <= errors <= most


def test_rows_that_stand_in_both_make_it_more_careful_never_less() -> None:
    errors = sum(rejected(trial, shift=0, shared=0.8) for trial in range(TRIALS // 4))
    assert errors == 0


def test_a_cloud_that_moved_is_noticed_also_beside_what_stayed() -> None:
    trials = TRIALS // 8
    assert sum(rejected(trial, shift=1.5) for trial in range(trials)) >= 0.98 * trials
    assert sum(rejected(trial, shift=6, shared=0.5) for trial in range(trials)) >= 0.98 * trials


def test_the_same_samples_give_the_same_verdict_every_time() -> None:
    random = np.random.default_rng(1)
    one, other = cloud(random, 60), cloud(random, 50, shift=0.3)
    assert discrepancy_test(one, other) == discrepancy_test(one.copy(), other.copy())
    assert discrepancy_test(one, other).p_value != discrepancy_test(one, other, seed=1).p_value


def test_rows_that_are_all_the_same_have_no_bandwidth_and_are_still_told_apart() -> None:
    one, other = np.tile([1.0, 0.0], (9, 1)), np.tile([0.0, 1.0], (9, 1))
    assert discrepancy_test(one, one).p_value == 1
    assert discrepancy_test(one, other).p_value < 0.01
    assert (dispersion(one), centroid_cosine(one, other)) == (0, 0)
    assert centroid_cosine(np.array([[1.0, 0.0], [-1.0, 0.0]]), one) == 0, "a mean that vanishes points nowhere"


def test_neighbours_are_counted_as_sets() -> None:
    assert neighbour_overlap([["a", "b", "b"], ["c"]], [["b", "a"], ["d"]]) == 0.5
    assert neighbour_overlap([["a", "b"]], [["a"]]) == 0.5
    assert neighbour_overlap([["a"]], [[]]) == 0
    assert neighbour_overlap([[]], [[]]) == neighbour_overlap([], []) == 1
