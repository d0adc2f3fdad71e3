"""What a step of the gate found, and the rules in the order of the steps."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]
Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE", "WARN", "SKIPPED"]

# Rule -> the step it belongs to. Their order is that in which reasons are given.
STEPS = {
    "comparable": 0,
    "coverage": 1,
    "errors": 1,
    "zero_tolerance": 2,
    "floors": 3,
    "non_inferiority": 4,
    "undecided": 4,
    "slices": 5,
    "judge": 6,
    "layers": 6,
    "budgets": 7,
}
_RANK = {rule: rank for rank, rule in enumerate(STEPS)}


@dataclass(frozen=True)
class Finding:
    """One thing that a rule says, of a metric and a slice where it is about one. `detail` is a sentence for a person."""

    rule: str
    outcome: Outcome
    detail: str
    metric: str | None = None
    slice: str | None = None

    @property
    def step(self) -> int:
        return STEPS[self.rule]


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """By step; within a rule as they were found."""
    return tuple(sorted(findings, key=lambda finding: _RANK[finding.rule]))


def worst(findings: list[Finding]) -> Verdict:
    """FAIL where anything fails, else INCONCLUSIVE where anything could not be told, else PASS."""
    outcomes = {finding.outcome for finding in findings}
    return "FAIL" if "FAIL" in outcomes else "INCONCLUSIVE" if "INCONCLUSIVE" in outcomes else "PASS"
