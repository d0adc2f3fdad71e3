"""Agreement of two raters: the values of scikit-learn and scipy, and intervals that hold as often as they say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import AT_CI

from assay.evaluation.calibration.agreement import agreement, cohen_kappa, share

RUNS = 2_000 if AT_CI else 400
# Of RUNS simulations, three standard errors of a share of 95%.
NOISE = 3 * (0.95 * 0.05 / RUNS) ** 0.5

BITS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=60)


def arrays(pairs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    first, second = np.array(pairs, dtype=np.float64).T
    return first, second, np.arange(len(first))


@settings(deadline=None, max_examples=50)  # scikit-learn takes its time at the first call
@given(BITS)
def test_kappa_is_scikit_learns(pairs) -> None:
    from sklearn.metrics import cohen_kappa_score

    first, second, own = arrays(pairs)
    found = cohen_kappa(first, second, own)
    if len(set(first) | set(second)) == 1:
        assert math.isnan(found.value)
    else:
        assert found.value == pytest.approx(cohen_kappa_score(first, second))
        assert -1 <= found.lower <= found.value <= found.upper <= 1


def test_the_error_of_kappa_is_the_published_one() -> None:
    """Fleiss, Cohen and Everitt's formula for a table of two by two, written out."""
    table = np.array([[62, 9], [14, 35]])
    first = np.repeat([1.0, 1.0, 0.0, 0.0], table.ravel())
    second = np.repeat([1.0, 0.0, 1.0, 0.0], table.ravel())
    count = table.sum()
    p = table / count
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    agreed, chance = np.trace(p), float(rows @ columns)
    kappa = (agreed - chance) / (1 - chance)
    same = sum(p[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in range(2))
    other = (1 - kappa) ** 2 * sum(p[i, 1 - i] * (columns[i] + rows[1 - i]) ** 2 for i in range(2))
    variance = (same + other - (kappa - chance * (1 - kappa)) ** 2) / (count * (1 - chance) ** 2)
    found = cohen_kappa(first, second, np.arange(count))
    from scipy import stats

    half = stats.t.ppf(0.975, count - 1) * math.sqrt(variance * count / (count - 1))
    assert found.upper - found.value == pytest.approx(half, rel=1e-9)
    assert found.value - found.lower == pytest.approx(half, rel=1e-9)


@pytest.mark.parametrize(("yes", "of"), [(0, 20), (7, 20), (20, 20), (130, 150)])
def test_a_share_has_wilsons_interval(yes: int, of: int) -> None:
    from scipy import stats

    values = np.repeat([1.0, 0.0], [yes, of - yes])
    found = share(values, np.arange(of))
    wanted = stats.binomtest(yes, of).proportion_ci(0.95, method="wilson")
    assert (found.value, found.lower, found.upper) == pytest.approx((yes / of, wanted.low, wanted.high), abs=1e-9)


def test_of_nothing_nothing_is_known() -> None:
    found = share(np.array([]), np.array([], dtype=np.int64))
    assert math.isnan(found.value)
    assert (found.lower, found.upper, found.count) == (0.0, 1.0, 0)


def test_rates_are_those_of_the_confusion_table() -> None:
    people, judge = np.array([1.0, 1, 1, 1, 0, 0, 0]), np.array([1.0, 1, 1, 0, 0, 1, 0])
    found = agreement(people, judge, np.arange(7))
    assert (found.tpr.value, found.tpr.count) == (0.75, 4)
    assert (found.tnr.value, found.tnr.count) == (pytest.approx(2 / 3), 3)


def test_perfect_agreement_on_few_is_no_proof() -> None:
    few = cohen_kappa(np.tile([1.0, 0.0], 10), np.tile([1.0, 0.0], 10), np.arange(20))
    many = cohen_kappa(np.tile([1.0, 0.0], 200), np.tile([1.0, 0.0], 200), np.arange(400))
    assert few.value == many.value == 1.0
    assert few.lower == pytest.approx(1 - 0.3)
    assert many.lower == pytest.approx(1 - 0.015)


def test_copies_in_clusters_prove_no_more() -> None:
    random = np.random.default_rng(5)
    people, judge = (random.random((2, 60)) < 0.6).astype(float)
    judge = np.where(random.random(60) < 0.8, people, judge)
    once = agreement(people, judge, np.arange(60))
    copied = agreement(np.repeat(people, 5), np.repeat(judge, 5), np.repeat(np.arange(60), 5))
    assert copied.kappa.value == pytest.approx(once.kappa.value)
    assert copied.kappa.lower == pytest.approx(once.kappa.lower, abs=1e-9)
    for rate, alone in ((copied.tpr, once.tpr), (copied.tnr, once.tnr)):
        assert rate.upper - rate.lower >= 0.95 * (alone.upper - alone.lower)


@pytest.mark.parametrize(("share_of_yes", "tpr", "tnr", "labels"), [(0.6, 0.9, 0.85, 150), (0.5, 0.75, 0.75, 120)])
def test_intervals_of_agreement_hold(share_of_yes: float, tpr: float, tnr: float, labels: int) -> None:
    random = np.random.default_rng(8)
    said = share_of_yes * tpr + (1 - share_of_yes) * (1 - tnr)
    agreed = share_of_yes * tpr + (1 - share_of_yes) * tnr
    chance = share_of_yes * said + (1 - share_of_yes) * (1 - said)
    truth = {"kappa": (agreed - chance) / (1 - chance), "tpr": tpr, "tnr": tnr}
    held = dict.fromkeys(truth, 0)
    for _ in range(RUNS):
        people = (random.random(labels) < share_of_yes).astype(float)
        judge = (random.random(labels) < np.where(people == 1, tpr, 1 - tnr)).astype(float)
        found = agreement(people, judge, np.arange(labels))
        for name, value in truth.items():
            one = getattr(found, name)
            held[name] += one.lower <= value <= one.upper
    for name, count in held.items():
        assert 0.93 - NOISE <= count / RUNS <= 0.97 + NOISE, name
