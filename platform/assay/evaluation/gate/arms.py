"""Candidate and baseline side by side: per metric the same items in the same order, and which of them count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from assay.errors import ConfigurationError
from assay.evaluation.gate.cluster_means import Codes, Values
from assay.evaluation.gate.item_scores import ItemScore
from assay.evaluation.gate.policy import GatePolicy

Mask = npt.NDArray[np.bool_]
Arm = Mapping[str, ItemScore]


@dataclass(frozen=True)
class MetricArms:
    """One metric of both arms, an entry per item; items in the order of their ids.

    `candidate`, `baseline`: scores, NaN where there is none; no baseline at all is None. `expected`: items on which a
    score was due. `slices`: name -> its items. `scale`: the worst and the best score.
    """

    metric: str
    items: Sequence[str]
    clusters: Codes
    candidate: Values
    baseline: Values | None
    expected: Mask
    slices: Mapping[str, Mask]
    scale: tuple[float, float]
    skipped: bool

    @property
    def width(self) -> float:
        return self.scale[1] - self.scale[0]

    @property
    def scored(self) -> Mask:
        """Items that count: with a score in each arm there is."""
        mask = self.expected & ~np.isnan(self.candidate)
        return mask if self.baseline is None else mask & ~np.isnan(self.baseline)

    def coverage(self, within: Mask | None = None) -> tuple[int, int]:
        """How many items count, and on how many a score was due."""
        inside = self.expected if within is None else self.expected & within
        return int((self.scored & inside).sum()), int(inside.sum())

    def against_candidate(self) -> "MetricArms":
        """The same with the worst score wherever the candidate has none, and the best where the baseline has none."""
        low, high = self.scale
        missing = np.isnan(self.candidate) & self.expected
        baseline = self.baseline
        if baseline is not None:
            baseline = np.where(np.isnan(baseline) & self.expected, high, baseline)
        return replace(self, candidate=np.where(missing, low, self.candidate), baseline=baseline)


def align(candidate: Sequence[ItemScore], baseline: Sequence[ItemScore] | None, policy: GatePolicy) -> list[MetricArms]:
    """Every metric of either arm, by name. Raises ConfigurationError for a score outside the range of its metric."""
    ours, theirs = _by_metric(candidate), None if baseline is None else _by_metric(baseline)
    names = sorted(ours.keys() | (theirs or {}).keys())
    return [_aligned(name, ours, theirs, policy) for name in names]


def _by_metric(scores: Sequence[ItemScore]) -> dict[str, dict[str, ItemScore]]:
    found: dict[str, dict[str, ItemScore]] = {}
    for one in scores:
        found.setdefault(one.metric, {})[one.item_id] = one
    return found


def _aligned(metric: str, ours: Mapping[str, Arm], theirs: Mapping[str, Arm] | None, policy: GatePolicy) -> MetricArms:
    left: Arm = ours.get(metric, {})
    right: Arm | None = None if theirs is None else theirs.get(metric, {})
    items = sorted(left.keys() | (right or {}).keys())
    either = [left[item] if item in left else (right or {})[item] for item in items]
    judged_elsewhere = _abstention_judged(policy.of(metric).abstention_metric, ours, theirs)
    names = sorted({name for one in either for name in one.slices})
    found = MetricArms(
        metric=metric,
        items=items,
        clusters=_codes(either),
        candidate=_values(left, items),
        baseline=None if right is None else _values(right, items),
        expected=np.array([_expected(item, left, right, judged_elsewhere) for item in items], dtype=bool),
        slices={name: np.array([name in one.slices for one in either], dtype=bool) for name in names},
        scale=(0.0, 1.0),
        skipped=all(one.status == "SKIPPED" for arm in (left, right or {}) for one in arm.values()),
    )
    return replace(found, scale=_scale(found, policy))


def _expected(item: str, left: Arm, right: Arm | None, judged_elsewhere: frozenset[str]) -> bool:
    """Not where neither arm had anything to score, nor where the one that abstained is judged for that elsewhere."""
    arms = (left,) if right is None else (left, right)
    statuses = [arm[item].status if item in arm else None for arm in arms]
    inapplicable = [status is not None and status.startswith("NOT_APPLICABLE") for status in statuses]
    if all(inapplicable):
        return False
    return not (item in judged_elsewhere and set(statuses) == {"NOT_APPLICABLE(abstained)", "OK"})


def _abstention_judged(metric: str | None, ours: Mapping[str, Arm], theirs: Mapping[str, Arm] | None) -> frozenset[str]:
    """The items on which the metric that judges abstentions has a score in both arms."""
    if metric is None or theirs is None:
        return frozenset()
    left, right = ours.get(metric, {}), theirs.get(metric, {})
    return frozenset(item for item in left.keys() & right.keys() if left[item].status == right[item].status == "OK")


def _values(arm: Arm, items: Sequence[str]) -> Values:
    """Scores where the status is OK, whatever else may stand beside another status."""
    return np.array([arm[item].score if item in arm and arm[item].status == "OK" else np.nan for item in items], float)


def _codes(items: Sequence[ItemScore]) -> Codes:
    """Clusters as numbers; an item without one is its own."""
    names = [(0, one.item_id) if one.cluster is None else (1, one.cluster) for one in items]
    numbers = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([numbers[name] for name in names], dtype=np.int64)


def _scale(found: MetricArms, policy: GatePolicy) -> tuple[float, float]:
    """The policy's range, else [0, 1], stretched to what was seen outside it."""
    arms = [found.candidate] if found.baseline is None else [found.candidate, found.baseline]
    seen = np.concatenate(arms)
    seen = seen[~np.isnan(seen)]
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 1.0)
    declared = policy.of(found.metric).range
    if declared is None:
        return min(0.0, low), max(1.0, high)
    if low < declared[0] or high > declared[1]:
        raise ConfigurationError(
            f"`{found.metric}` has scores from {low:g} to {high:g}, and the policy `{policy.name}` says that they lie in "
            f"[{declared[0]:g}, {declared[1]:g}]. Nothing was compared. Correct the range of `metrics.{found.metric}` and "
            "run `assay eval compare CANDIDATE.jsonl BASELINE.jsonl --policy FILE` again."
        )
    return declared
