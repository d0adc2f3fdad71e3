"""Releases in which nothing changed: made again, in another order, in other commits, with vectors of other batches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from sample_release import Sample, vectors_of, with_vectors
from scipy.stats import binom

from assay.evaluation.gate import GateDecision, GatePolicy
from assay.evaluation.gate.arms import MetricArms, align
from assay.evaluation.gate.bounds import paired_difference
from assay.evaluation.release_evaluation import ReleaseEvaluation

# What the same text's vector is apart in batches of other lengths, per number (assay.embeddings.encoding).
BATCH_NOISE = 2.3e-7
MAX_COMMITS = 4
SIMULATED = 200


@dataclass(frozen=True)
class Rerun:
    """One clean re-run against the release it repeats. `discordant`: by metric, the share of items that scored otherwise."""

    seed: int
    decision: GateDecision
    discordant: dict[str, float]

    @property
    def discordance(self) -> float:
        """Over all metrics that decide."""
        return float(np.mean(list(self.discordant.values())))


def rerun(sample: Sample, baseline: ReleaseEvaluation, folder: Path, seed: int) -> Rerun:
    """The index is built anew from rows in another order, in several commits, and the questions come in another order."""
    random = np.random.default_rng(seed)
    rows = sample.rows.take(pa.array(random.permutation(sample.rows.num_rows)))
    vectors = vectors_of(rows)
    noisy = vectors + random.uniform(-BATCH_NOISE, BATCH_NOISE, vectors.shape).astype(np.float32)
    order = random.permutation(len(sample.golden.questions))
    shuffled = replace(sample.golden, questions=tuple(sample.golden.questions[at] for at in order))
    again = replace(sample, golden=shuffled)
    commits = int(random.integers(1, MAX_COMMITS + 1))
    candidate = again.release(folder, with_vectors(rows, noisy), commits=commits)
    return Rerun(seed, sample.decision(candidate, baseline), discordance(candidate, baseline, sample.policy))


def discordance(candidate: ReleaseEvaluation, baseline: ReleaseEvaluation, policy: GatePolicy) -> dict[str, float]:
    """By deciding metric the share of items whose scores differ between two releases."""
    return {
        arms.metric: float(np.mean(~np.isclose(*_scores(arms), rtol=0, atol=1e-9)))
        for arms in _deciding(candidate, baseline, policy)
    }


def inconclusive_probability(
    candidate: ReleaseEvaluation,
    baseline: ReleaseEvaluation,
    policy: GatePolicy,
    discordant: dict[str, float],
    seed: int = 0,
) -> float:
    """How probable it is that a clean re-run is INCONCLUSIVE, when each item turns out otherwise with its metric's share.

    An item that turns, turns up or down alike, by the whole scale: of so many items a binomial number. The sum over the
    metrics bounds the probability that any of them cannot be told.
    """
    random = np.random.default_rng(seed)
    total = 0.0
    for arms in _deciding(candidate, baseline, policy):
        share, margin = discordant[arms.metric], policy.margin_of(arms.metric)
        count = int(arms.scored.sum())
        undecided = 0
        for _ in range(SIMULATED if share else 1):
            turned = random.random(count) < share
            before = np.where(turned, random.integers(0, 2, count), 1).astype(float)
            after = np.where(turned, 1 - before, before)
            lower = paired_difference(after, before, arms.clusters[arms.scored], arms.width).lower
            undecided += lower <= -margin
        total += undecided / (SIMULATED if share else 1)
    return min(1.0, total)


def allowed(runs: int, probability: float) -> int:
    """So many INCONCLUSIVE of `runs` are exceeded by chance in less than 1% of cases."""
    return int(binom.ppf(0.99, runs, probability))


def judged(sample: Sample, baseline: ReleaseEvaluation, reruns: Sequence[Rerun]) -> tuple[float, float, int]:
    """Discordance of the re-runs, how probable an INCONCLUSIVE is with it, and how many of them may be so."""
    metrics = reruns[0].discordant
    mean = {metric: float(np.mean([one.discordant[metric] for one in reruns])) for metric in metrics}
    probability = inconclusive_probability(baseline, baseline, sample.policy, mean)
    return float(np.mean(list(mean.values()))), probability, allowed(len(reruns), probability)


def _deciding(candidate: ReleaseEvaluation, baseline: ReleaseEvaluation, policy: GatePolicy) -> list[MetricArms]:
    every = align(candidate.scores, baseline.scores, policy)
    return [one for one in every if not one.skipped and policy.role_of(one.metric) == "deciding" and one.scored.any()]


def _scores(arms: MetricArms) -> tuple[np.ndarray, np.ndarray]:
    assert arms.baseline is not None
    return arms.candidate[arms.scored], arms.baseline[arms.scored]
