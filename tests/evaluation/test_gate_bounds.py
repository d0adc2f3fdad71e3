"""The bounds against scipy, against their definitions by brute force, and where they meet nothing to go by."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from assay.evaluation.gate.bounds import Difference, holm, items_needed, mean_score, paired_difference
from assay.evaluation.gate.cluster_means import cluster_mean, design_effect, mean_bounds
from assay.evaluation.gate.proportions import difference_lower, difference_upper, mcnemar_loss, wilson

Z95, Z99 = stats.norm.ppf([0.95, 0.99])
counts = st.integers(0, 40)


def difference(change, clusters=None, baseline=0.5):
    change = np.asarray(change, float)
    base = np.full(len(change), baseline)
    return paired_difference(base + change, base, np.arange(len(change)) if clusters is None else clusters, 1.0)


def binary(gains, losses, ties):
    candidate = np.array([1.0] * gains + [0.0] * losses + [1.0] * ties)
    baseline = np.array([0.0] * gains + [1.0] * losses + [1.0] * ties)
    return paired_difference(candidate, baseline, np.arange(len(candidate)), 1.0)


@given(hits=st.integers(0, 200), misses=st.integers(1, 200))
def test_wilson_is_scipys(hits, misses):
    lower, upper = wilson(hits / (hits + misses), hits + misses, Z95)
    theirs = stats.binomtest(hits, hits + misses).proportion_ci(0.90, "wilson")
    assert (lower, upper) == (pytest.approx(theirs.low, abs=1e-9), pytest.approx(theirs.high, abs=1e-9))


@given(gains=counts, losses=counts)
def test_mcnemar_is_the_binomial_test_of_the_items_that_differ(gains, losses):
    expected = stats.binomtest(losses, gains + losses, 0.5, alternative="greater").pvalue if gains + losses else 1.0
    assert mcnemar_loss(gains, losses) == pytest.approx(expected, abs=1e-10)


@given(gains=counts, losses=counts, ties=st.integers(1, 200))
def test_the_upper_bound_is_below_zero_exactly_where_mcnemar_is_significant(gains, losses, ties):
    upper = difference_upper(gains, losses, gains + losses + ties, Z99, 0.99)
    assert (upper < 0) == (mcnemar_loss(gains, losses) < 0.01)


@given(gains=counts, losses=counts, ties=st.integers(1, 200))
@settings(max_examples=40)
def test_tangos_bound_inverts_the_score_test(gains, losses, ties):
    """The least difference that the test does not reject, its variance from a numeric maximum of the likelihood."""
    n = gains + losses + ties
    lower = difference_lower(gains, losses, n, Z95)

    def likelihood(lost, at):
        terms = ((gains, lost + at), (losses, lost), (ties, 1 - 2 * lost - at))
        return -sum(count * math.log(max(share, 1e-300)) for count, share in terms if count)

    low, high = max(0.0, -lower), (1 - lower) / 2
    lost = optimize.minimize_scalar(likelihood, (low, high), (low, high), args=(lower,), method="bounded").x
    lost = min((low, high, lost), key=lambda share: likelihood(share, lower))
    score = (gains - losses - n * lower) / math.sqrt(n * (2 * lost + lower * (1 - lower)))
    assert score == pytest.approx(Z95, abs=2e-3)


def test_a_loss_more_or_a_gain_less_never_raises_tangos_bound():
    n = 30
    bound = {(g, b): difference_lower(g, b, n, Z95) for g in range(n + 1) for b in range(n + 1 - g)}
    for (gains, losses), before in bound.items():
        for worse in ((gains - 1, losses), (gains, losses + 1), (gains - 1, losses + 1)):
            assert bound.get(worse, -1) <= before + 1e-12


def test_below_100_clusters_the_bounds_are_students():
    values = np.random.default_rng(1).normal(0.02, 0.3, 99)
    found = mean_bounds(cluster_mean(values, np.arange(99)), 0.95, 0.99)
    error = stats.sem(values)
    assert found.lower == pytest.approx(stats.t.ppf(0.05, 98, values.mean(), error), abs=1e-9)
    assert found.upper == pytest.approx(stats.t.ppf(0.99, 98, values.mean(), error), abs=1e-9)


def test_from_100_clusters_on_they_are_bca():
    values = np.random.default_rng(2).exponential(0.3, 150) - 0.3
    found = mean_bounds(cluster_mean(values, np.arange(150)), 0.95, 0.99)
    for bound, level, side in ((found.lower, 0.90, "low"), (found.upper, 0.98, "high")):
        theirs = stats.bootstrap(
            (values,), np.mean, confidence_level=level, n_resamples=9999, rng=np.random.default_rng(3)
        )
        assert bound == pytest.approx(getattr(theirs.confidence_interval, side), abs=0.12 * stats.sem(values))


@pytest.mark.parametrize("clusters", [40, 150])
def test_a_cluster_of_copies_counts_once(clusters):
    values = np.random.default_rng(4).normal(0, 0.2, clusters)
    once = difference(values)
    copied = difference(np.repeat(values, 5), np.repeat(np.arange(clusters), 5))
    assert (copied.lower, copied.upper) == (pytest.approx(once.lower), pytest.approx(once.upper))
    assert (copied.items, copied.clusters) == (5 * clusters, clusters)
    ones = (values > 0).astype(float)
    doubled = cluster_mean(np.repeat(ones, 2), np.repeat(np.arange(clusters), 2))
    assert design_effect(doubled, np.repeat(ones, 2)) == pytest.approx(2, rel=0.05)


def test_what_clusters_are_called_and_the_order_of_items_change_nothing():
    random = np.random.default_rng(5)
    values, clusters = random.normal(0, 0.2, 300), np.repeat(np.arange(60), 5)
    order = random.permutation(300)
    one, other = difference(values, clusters), difference(values[order], clusters[order] * 7 + 1_000)
    assert other.lower == pytest.approx(one.lower, abs=1e-12)
    assert other.upper == pytest.approx(one.upper, abs=1e-12)


@pytest.mark.parametrize("items", [20, 60, 200])
def test_without_a_difference_the_loss_may_be_three_by_the_clusters(items):
    assert difference(np.zeros(items)).lower == -3 / items
    one_of_two = np.repeat(np.arange(items // 2), 2)
    assert difference(np.zeros(items), one_of_two).lower == -6 / items


def test_nearly_equal_items_prove_no_more_than_equal_ones():
    change = np.zeros(20)
    change[0] = 0.01
    assert difference(change).lower <= -0.149
    assert difference(np.full(20, 0.001)).lower == pytest.approx(0.001 - 3 / 20)
    assert mean_score(np.full(20, 0.9), np.arange(20), 1.0).lower == pytest.approx(0.75)


def test_differences_that_rounding_made_are_none():
    baseline = np.array([0.3, 0.7, 0.5] * 50)
    candidate = baseline + 0.2 - 0.1 - 0.1
    assert (candidate != baseline).any()
    found = paired_difference(candidate, baseline, np.arange(150), 1.0)
    assert (found.mean, found.lower, found.upper, found.loss_p) == (0, -0.02, 0.02, 1)
    shifted = paired_difference(baseline - 0.1, baseline, np.arange(150), 1.0)
    assert (shifted.error, shifted.upper) == (0, pytest.approx(-0.1))


def test_one_cluster_says_nothing():
    found = difference([0.1, 0.2, 0.3], np.zeros(3, int))
    assert (found.lower, found.upper, found.loss_p) == (-1, 1, 1)
    assert math.isnan(found.error)
    assert items_needed(found, -0.05, 1.0) is None


def test_few_clusters_prove_neither_loss_nor_gain_however_alike_they_are():
    six, seven = difference([-0.2] * 6), difference([-0.2] * 7)
    assert (six.lower, six.upper, six.loss_p) == (-1, 1, 1)
    assert seven.upper == pytest.approx(-0.2)
    assert binary(0, 6, 0).upper == 1
    assert binary(0, 7, 0).upper < 0
    assert mean_score(np.full(6, 0.9), np.arange(6), 1.0).lower < 0


def test_items_needed_are_those_of_the_normal_approximation():
    """10% discordant items and a margin of .05: (1.645 + .842)² x .1 / .05² is 247 items."""
    found = binary(10, 10, 180)
    assert items_needed(found, -0.05, 1.0) == pytest.approx(248, abs=2)
    assert items_needed(difference(np.zeros(20)), -0.05, 1.0) == 61
    assert items_needed(binary(0, 20, 180), -0.05, 1.0) is None


def by_definition(p_values, level):
    """Holm's procedure as it is told: reject the smallest while it is below level / hypotheses left."""
    rejected = set()
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        if p_values[at] > level / (len(p_values) - rank):
            break
        rejected.add(at)
    return rejected


@given(p_values=st.lists(st.floats(0, 1), max_size=6), level=st.floats(0.001, 0.5))
def test_holm_rejects_what_its_procedure_rejects(p_values, level):
    adjusted = holm(p_values)
    near = any(math.isclose(one, level, rel_tol=1e-9) for one in adjusted)
    assert near or {at for at, one in enumerate(adjusted) if one <= level} == by_definition(p_values, level)


def test_holm_does_not_mind_the_order():
    p_values = [0.001, 0.02, 0.03, 0.5]
    for order in permutations(range(4)):
        assert holm([p_values[at] for at in order]) == [pytest.approx(holm(p_values)[at]) for at in order]
    assert holm([]) == []


def test_a_difference_reports_both_means():
    found = binary(2, 4, 94)
    assert isinstance(found, Difference)
    assert (found.candidate, found.baseline) == (0.96, 0.98)
    assert found.mean == pytest.approx(-0.02)
    assert found.lower < found.mean < found.upper
