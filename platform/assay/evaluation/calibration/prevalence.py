"""How many answers are right when a judge looked at all of them and people at a few: never the judge's mean alone.

Two corrections. PPI++ takes the judge's mean over all and shifts it by how far judge and people differ where both looked;
it needs no model of the judge's errors. Rogan and Gladen undo the judge's two error rates, as for an imperfect test of a
disease. Both give 95% intervals; people's own mean over the few is their yardstick.
"""

from dataclasses import dataclass

import numpy as np

from assay.evaluation.calibration.agreement import Estimate, clustered_error, half_width
from assay.evaluation.gate.bounds import UNSEEN
from assay.evaluation.gate.cluster_means import Codes, Values
from assay.evaluation.gate.distributions import normal_quantile

_Z = normal_quantile(0.975)


@dataclass(frozen=True)
class Looked:
    """Items that people labelled, with the judge's verdict, and the judge's verdicts on those they did not label.

    All 0 or 1. `clusters`: the codes of the clusters, of the labelled items first, then of the others.
    """

    people: Values
    judge: Values
    judge_elsewhere: Values
    clusters: Codes


def people_mean(looked: Looked) -> Estimate:
    """The mean of the labels alone."""
    return _mean(looked, 0.0)


def ppi_mean(looked: Looked) -> Estimate:
    """The PPI++ mean (Angelopoulos et al. 2023, https://arxiv.org/abs/2311.01453, with its power tuning, example 6.1).

    How much the judge counts is the weight that makes the interval narrowest, between 0 and 1: a judge that tells nothing
    counts nothing, and the interval is that of the labels alone.
    """
    return _mean(looked, power(looked))


def power(looked: Looked) -> float:
    """The weight of the judge's verdicts: cov(people, judge) / ((1 + n/N) var(judge)), within [0, 1]."""
    labelled, others = len(looked.judge), len(looked.judge_elsewhere)
    spread = float(np.var(np.concatenate([looked.judge, looked.judge_elsewhere])))
    if labelled < 2 or not others or not spread:
        return 0.0
    together = float(np.cov(looked.people, looked.judge)[0, 1])
    return min(1.0, max(0.0, together / ((1 + labelled / others) * spread)))


def _mean(looked: Looked, weight: float) -> Estimate:
    count, others = len(looked.people), len(looked.judge_elsewhere)
    rest = looked.people - weight * looked.judge
    value = float(rest.mean())
    pulls = [(rest - value) / count]
    if weight:
        elsewhere = float(looked.judge_elsewhere.mean())
        value += weight * elsewhere
        pulls.append(weight * (looked.judge_elsewhere - elsewhere) / others)
    clusters = looked.clusters if weight else looked.clusters[:count]
    error, _ = clustered_error(np.concatenate(pulls), clusters)
    drawn = len(np.unique(looked.clusters[:count]))
    half = half_width(error, drawn - 1)
    if not np.ptp(rest):  # judge and people never differed, or labels are all alike: what 3 in n do stays unseen
        half = max(half, UNSEEN / drawn)
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), count)


def rogan_gladen(looked: Looked) -> Estimate | None:
    """The share that people would call right: (judge's share + TNR - 1) / (TPR + TNR - 1), within [0, 1].

    The correction is Rogan and Gladen's (1978, https://doi.org/10.1093/oxfordjournals.aje.a112510), as Lee et al. (2025,
    https://arxiv.org/abs/2511.21140) take it for judges. The interval has Lang and Reiczigel's middle (2014,
    https://doi.org/10.1016/j.prevetmed.2013.09.015) and the delta method's error. Theirs takes the three shares for
    independent; here the labels are a random part of what the judge saw, and it covered 98 to 99% where 95% was wanted.
    None where the judge is no better than a coin, or people called all answers the same.
    """
    count = len(looked.people)
    every = np.concatenate([looked.judge, looked.judge_elsewhere])
    yes = looked.people == 1
    positives, negatives = int(yes.sum()), int((~yes).sum())
    if not positives or not negatives:
        return None
    said, tpr, tnr = float(every.mean()), float(looked.judge[yes].mean()), float(1 - looked.judge[~yes].mean())
    youden = tpr + tnr - 1
    if youden <= 0:
        return None
    value = (said + tnr - 1) / youden

    pulls = (every - said) / len(every)
    missed = np.where(yes, value * (tpr - looked.judge) / positives, (1 - value) * (1 - looked.judge - tnr) / negatives)
    pulls[:count] += missed
    error, _ = clustered_error(pulls, looked.clusters)
    half = half_width(error, len(np.unique(looked.clusters[:count])) - 1)
    middle, youden = _shrunk(said, len(every), tpr, positives, tnr, negatives)
    if youden <= 0:
        return Estimate(_within(value), 0.0, 1.0, count)
    return Estimate(_within(value), _within(middle - half / youden), _within(middle + half / youden), count)


def _shrunk(said: float, seen: int, tpr: float, positives: int, tnr: float, negatives: int) -> tuple[float, float]:
    """Lang and Reiczigel's middle, and TPR + TNR - 1 there: z^2 items more for the judge's share, two for each rate."""
    said = (seen * said + _Z**2 / 2) / (seen + _Z**2)
    tpr, tnr = (positives * tpr + 1) / (positives + 2), (negatives * tnr + 1) / (negatives + 2)
    youden = tpr + tnr - 1
    if youden <= 0:
        return 0.5, youden
    middle = (said + tnr - 1) / youden
    tpr_spread, tnr_spread = tpr * (1 - tpr) / (positives + 2), tnr * (1 - tnr) / (negatives + 2)
    return middle + 2 * _Z**2 * (middle * tpr_spread - (1 - middle) * tnr_spread), youden


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))
