"""What is reported of one metric: how many items, both means, the difference with its bounds, and its own verdict."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from assay.evaluation.gate.arms import MetricArms
from assay.evaluation.gate.findings import Finding, worst
from assay.evaluation.gate.non_inferiority import difference
from assay.evaluation.gate.policy import GatePolicy

RowVerdict = Literal["PASS", "FAIL", "INCONCLUSIVE", "SKIPPED", "ADVISORY", "UNCALIBRATED"]


@dataclass(frozen=True)
class MetricRow:
    """`n` items count, a share `coverage` of those on which a score was due; all figures are of these items.

    `lower`: the difference surely lies above (95%), `upper`: surely below (99%). None: there is nothing to say it of.
    `expected`: on how many items a score was due. `margin`: what may be lost; None where one item below the best fails.
    """

    metric: str
    n: int
    coverage: float
    candidate: float | None
    baseline: float | None
    difference: float | None
    lower: float | None
    upper: float | None
    verdict: RowVerdict
    expected: int
    margin: float | None

    def to_json(self) -> dict[str, Any]:
        """The keys that others read."""
        return {name: value for name, value in asdict(self).items() if name not in ("expected", "margin")}


def metric_row(arms: MetricArms, policy: GatePolicy, findings: Sequence[Finding], *, decides: bool) -> MetricRow:
    """`decides`: whether the gate let the metric decide."""
    scored, expected = arms.coverage()
    found = difference(arms)
    return MetricRow(
        metric=arms.metric,
        n=scored,
        coverage=scored / expected if expected else 0.0,
        candidate=float(np.mean(arms.candidate[arms.scored])) if scored else None,
        baseline=None if found is None else found.baseline,
        difference=None if found is None else found.mean,
        lower=None if found is None else found.lower,
        upper=None if found is None else found.upper,
        verdict=_verdict(arms, policy, findings, decides=decides),
        expected=expected,
        margin=None if policy.role_of(arms.metric) == "zero_tolerance" else policy.margin_of(arms.metric),
    )


def _verdict(arms: MetricArms, policy: GatePolicy, findings: Sequence[Finding], *, decides: bool) -> RowVerdict:
    if arms.skipped:
        return "SKIPPED"
    if not decides:
        return "UNCALIBRATED" if policy.role_of(arms.metric) == "judged" else "ADVISORY"
    own = [one for one in findings if one.metric == arms.metric]
    decided = any(one.rule in ("zero_tolerance", "floors", "non_inferiority") for one in own)
    return worst(own) if decided else "INCONCLUSIVE"
