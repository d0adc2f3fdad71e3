"""The gate: every step in its order, one verdict. PASS only where every step that could speak said so."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from assay.evaluation.gate.arms import MetricArms, align
from assay.evaluation.gate.budgets import budgets
from assay.evaluation.gate.comparability import comparability
from assay.evaluation.gate.coverage import coverage, errors
from assay.evaluation.gate.evidence import GateEvidence
from assay.evaluation.gate.findings import Finding, Verdict, in_order, worst
from assay.evaluation.gate.item_scores import ItemScore, checked
from assay.evaluation.gate.judge_admissibility import inadmissible, judge_admissibility, layers
from assay.evaluation.gate.metric_rows import MetricRow, metric_row
from assay.evaluation.gate.non_inferiority import non_inferiority, slices_held
from assay.evaluation.gate.policy import GatePolicy
from assay.evaluation.gate.score_rules import floor_held, zero_tolerance
from assay.evaluation.quoted_names import quoted

EXIT_CODES: dict[Verdict, int] = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 2}


@dataclass(frozen=True)
class GateDecision:
    """The verdict, all that led to it in the order of the steps, and a row for each metric.

    `decided_by`: the rule that the verdict is due to; None for a PASS, which needs all of them.
    """

    verdict: Verdict
    decided_by: str | None
    findings: Sequence[Finding]
    metrics: Sequence[MetricRow]
    policy: str

    @property
    def reasons(self) -> list[str]:
        """The rules that did not let the candidate pass, in the order of the steps."""
        return list(dict.fromkeys(one.rule for one in self.findings if one.outcome in ("FAIL", "INCONCLUSIVE")))

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]

    def to_json(self) -> dict[str, Any]:
        """What `assay eval compare --json` prints."""
        return {"verdict": self.verdict, "reasons": self.reasons, "metrics": [row.to_json() for row in self.metrics]}


def compare(
    candidate: Sequence[ItemScore],
    baseline: Sequence[ItemScore],
    policy: GatePolicy = GatePolicy(),  # noqa: B008  it is frozen
    *,
    evidence: GateEvidence = GateEvidence(),  # noqa: B008
) -> GateDecision:
    """Judge a candidate against the promoted baseline; an empty baseline is none yet, and the policy's floors decide.

    Raises ConfigurationError for scores that no verdict can rest on: two for one item and metric, a score that is no
    number, an item in two clusters, a score outside its range.
    """
    candidate, baseline = checked(candidate), checked(baseline)
    comparable = comparability(candidate, baseline, policy, evidence)
    compared = bool(baseline) and comparable.outcome != "INCONCLUSIVE"
    every = align(candidate, baseline if compared else None, policy)
    present = [arms for arms in every if not arms.skipped]
    judged = [arms for arms in present if policy.role_of(arms.metric) == "judged"]
    problems = inadmissible(policy, evidence)
    deciding = [arms for arms in present if _decides(arms, policy, problems)]
    alone = not any(_has_enough(arms, policy) for arms in deciding) and policy.rules_alone_below > 0
    if alone:
        deciding = [arms for arms in deciding if policy.role_of(arms.metric) == "zero_tolerance"]

    score_findings = partial(_rule_findings if alone else _score_findings, policy=policy)
    on_scores = score_findings(deciding)
    findings = [
        comparable,
        *coverage(deciding, policy, floors=not alone),
        errors(deciding, on_scores, score_findings),
        *on_scores,
        *judge_admissibility(judged, problems, policy, evidence),
        *layers(present, problems, policy),
        *budgets(policy, evidence.operations),
    ]
    found = in_order(findings)
    verdict, decided_by = _decided(comparable, found)
    decides = {arms.metric for arms in deciding}
    rows = [metric_row(arms, policy, found, decides=arms.metric in decides) for arms in every]
    return GateDecision(verdict, decided_by, found, rows, policy.name)


def _decides(arms: MetricArms, policy: GatePolicy, judge_problems: Sequence[str]) -> bool:
    role = policy.role_of(arms.metric)
    return role in ("zero_tolerance", "deciding") or (role == "judged" and not judge_problems)


def _has_enough(arms: MetricArms, policy: GatePolicy) -> bool:
    """Whether a metric beside the rules of layer 1 has the clusters that the policy wants of one."""
    clusters = len(set(arms.clusters[arms.expected].tolist()))
    return policy.role_of(arms.metric) != "zero_tolerance" and clusters >= policy.rules_alone_below


def _rule_findings(rules: Sequence[MetricArms], policy: GatePolicy) -> list[Finding]:
    """Step 2 alone, where the policy allows it for want of items. Rules that judged nothing do not let anything pass."""
    found = [one for one in (zero_tolerance(arms) for arms in rules) if one is not None]
    if not found:
        return [Finding("undecided", "INCONCLUSIVE", "No question was asked, so nothing was tested.")]
    said = (
        f"No metric has {policy.rules_alone_below} clusters, so nothing was measured: the rules of layer 1 decide alone, "
        f"as the policy {quoted(policy.name)} says."
    )
    return [*found, Finding("undecided", "WARN", said)]


def _score_findings(deciding: Sequence[MetricArms], policy: GatePolicy) -> list[Finding]:
    """Steps 2 to 5, which need nothing but scores."""
    rules = [arms for arms in deciding if policy.role_of(arms.metric) == "zero_tolerance"]
    graded = [arms for arms in deciding if policy.role_of(arms.metric) != "zero_tolerance"]
    floors = [(arms, policy.of(arms.metric).floor) for arms in graded]
    absolute = [
        *(zero_tolerance(arms) for arms in rules),
        *(floor_held(arms, floor) for arms, floor in floors if floor is not None),
    ]
    found = [one for one in [*absolute, *(non_inferiority(arms, policy) for arms in graded)] if one is not None]
    if not any(one.rule in ("floors", "non_inferiority") for one in found):
        said = "No metric has both a score that decides and a floor or a baseline."
        found.append(Finding("undecided", "INCONCLUSIVE", said))
    return [*found, *slices_held(graded, policy)]


def _decided(comparable: Finding, found: Sequence[Finding]) -> tuple[Verdict, str | None]:
    """Arms that cannot be compared decide at once; else the first step that proves harm, else the first that cannot tell.

    An INCONCLUSIVE of a later step than 0 does not hide harm that a step after it proves: more items would not undo it.
    """
    if comparable.outcome == "INCONCLUSIVE":
        return "INCONCLUSIVE", comparable.rule
    verdict = worst(list(found))
    return verdict, None if verdict == "PASS" else next(one.rule for one in found if one.outcome == verdict)
