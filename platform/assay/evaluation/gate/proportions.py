"""Bounds for scores that are 0 or 1: one share, and the difference of two shares over the same items.

Clustered items count as fewer independent ones: all counts are divided by the design effect (Rao and Scott 1992,
https://doi.org/10.2307/2532311), so that counts here need not be whole.
"""

import math
from collections.abc import Callable

from assay.evaluation.gate.distributions import beta_cdf, beta_quantile


def wilson(share: float, count: float, z: float) -> tuple[float, float]:
    """Wilson's score interval (1927) for a share of `count` items, at `z` standard errors below and above."""
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    below = 1 + z * z / count
    return max(0.0, (middle - half) / below), min(1.0, (middle + half) / below)


def mcnemar_loss(gains: float, losses: float) -> float:
    """Exact McNemar, one-sided: how probable so many losses are when gains and losses are equally likely.

    Of the items that differ, losses are binomial with 1/2 then (McNemar 1947, https://doi.org/10.1007/BF02295996).
    """
    return beta_cdf(0.5, losses, gains + 1) if losses > 0 else 1.0


def difference_lower(gains: float, losses: float, count: float, z: float) -> float:
    """Tango's score bound (1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C891::AID-SIM780%3E3.0.CO;2-B)."""
    return _crossing(lambda at: _score(gains, losses, count, at) > z, (gains - losses) / count, -1.0)


def difference_upper(gains: float, losses: float, count: float, z: float, confidence: float) -> float:
    """The greater of Tango's bound and that of exact McNemar: below 0 only where McNemar's exact test is significant."""
    tango = -difference_lower(losses, gains, count, z)
    exact = (gains + losses) / count * (2 * beta_quantile(confidence, gains + 1, losses) - 1)
    return max(tango, exact)


def _score(gains: float, losses: float, count: float, at: float) -> float:
    """How many standard errors the observed difference lies above `at`, the variance taken at `at`."""
    linear = -gains - losses + (2 * count - gains + losses) * at
    constant = -losses * at * (1 - at)
    lost = (math.sqrt(linear * linear - 8 * count * constant) - linear) / (4 * count)
    variance = count * (2 * lost + at * (1 - at))
    above = gains - losses - count * at
    return above / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, above) if above else 0.0


def _crossing(beyond: Callable[[float], bool], near: float, far: float) -> float:
    """Between `near`, which is not `beyond`, and `far`, which is, the place where that changes."""
    for _ in range(60):
        middle = (near + far) / 2
        near, far = (near, middle) if beyond(middle) else (middle, far)
    return near
