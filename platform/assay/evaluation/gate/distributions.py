"""Student's t, the beta and the normal distribution, as far as confidence bounds need them. Plain Python, no scipy.

Checked against scipy in the tests: cumulative values to 1e-10, quantiles to 1e-8.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
# A step of the continued fraction that changes less than this ends it.
_CONVERGED = 1e-15
_TINY = 1e-300
# 80 halvings of [0, 1] go below the distance of two floating-point numbers.
_HALVINGS = 80


def normal_cdf(value: float) -> float:
    return _NORMAL.cdf(value)


def normal_quantile(probability: float) -> float:
    """-inf and inf at 0 and 1."""
    if probability <= 0 or probability >= 1:
        return -math.inf if probability <= 0 else math.inf
    return _NORMAL.inv_cdf(probability)


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function I_x(a, b), by its continued fraction (NIST DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    scale = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return scale * _fraction(x, a, b) / a
    return 1.0 - scale * _fraction(1 - x, b, a) / b


@lru_cache(maxsize=4096)
def beta_quantile(probability: float, a: float, b: float) -> float:
    """The x at which `beta_cdf(x, a, b)` is `probability`. `a` or `b` of 0 puts all weight on that end."""
    if a <= 0 or b <= 0:
        return 0.0 if a <= 0 else 1.0
    return _where(lambda x: beta_cdf(x, a, b), probability, 0.0, 1.0)


def t_cdf(value: float, degrees: float) -> float:
    if math.isinf(value):
        return 0.0 if value < 0 else 1.0
    square = value * value
    if square < degrees:  # the other form would lose what is small beside 1
        half = 0.5 * beta_cdf(square / (degrees + square), 0.5, degrees / 2)
        return 0.5 + math.copysign(half, value)
    tail = 0.5 * beta_cdf(degrees / (degrees + square), degrees / 2, 0.5)
    return tail if value < 0 else 1.0 - tail


@lru_cache(maxsize=4096)
def t_quantile(probability: float, degrees: float) -> float:
    """For probabilities inside (0, 1) and at least one degree of freedom."""
    if probability < 0.5:
        return -t_quantile(1 - probability, degrees)
    high = 2.0
    while t_cdf(high, degrees) < probability:
        high *= 2
    return _where(lambda value: t_cdf(value, degrees), probability, 0.0, high)


def _where(rising: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if rising(middle) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of `beta_cdf`, by the modified Lentz method."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value, step, change = d, 0, math.inf
    while abs(change - 1.0) > _CONVERGED and step < 100_000:
        step += 1
        for term in (
            step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step)),
            -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1)),
        ):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + term / c
            c = c if abs(c) > _TINY else _TINY
            change = c * d
            value *= change
    return value
