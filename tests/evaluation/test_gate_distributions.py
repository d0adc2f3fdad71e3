"""Student's t and the beta distribution against scipy."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.evaluation.gate.distributions import beta_cdf, beta_quantile, normal_quantile, t_cdf, t_quantile

degrees = st.one_of(st.integers(1, 40), st.integers(41, 1_000_000))
probabilities = st.floats(0.001, 0.999)
shapes = st.one_of(st.floats(0.3, 5), st.floats(5, 20_000))


@given(value=st.floats(-60, 60), df=degrees)
def test_the_t_distribution_is_scipys(value, df):
    # At 419,530 degrees ours is 1.3e-10 apart: ten thousand times finer than any verdict looks.
    assert t_cdf(value, df) == pytest.approx(stats.t.cdf(value, df), abs=1e-9)


@given(probability=probabilities, df=degrees)
@settings(max_examples=40)
def test_quantiles_of_t_are_scipys(probability, df):
    assert t_quantile(probability, df) == pytest.approx(stats.t.ppf(probability, df), rel=1e-8, abs=1e-8)


@given(x=st.floats(0, 1), a=shapes, b=shapes)
def test_the_beta_distribution_is_scipys(x, a, b):
    assert beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), abs=1e-10)


@given(probability=probabilities, a=shapes, b=shapes)
@settings(max_examples=40)
def test_quantiles_of_beta_are_scipys(probability, a, b):
    assert beta_quantile(probability, a, b) == pytest.approx(stats.beta.ppf(probability, a, b), abs=1e-8)


def test_the_ends_are_where_they_belong():
    assert (beta_quantile(0.95, 0, 3), beta_quantile(0.95, 3, 0)) == (0, 1)
    assert (t_cdf(-math.inf, 5), t_cdf(math.inf, 5)) == (0, 1)
    assert (normal_quantile(0), normal_quantile(1)) == (-math.inf, math.inf)
