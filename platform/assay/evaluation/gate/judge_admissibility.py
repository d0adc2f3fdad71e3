"""Step 6: whether the judge may decide, and whether every layer that the policy wants was there."""

from collections.abc import Sequence

from assay.evaluation.gate.arms import MetricArms
from assay.evaluation.gate.evidence import GateEvidence, JudgeEvidence
from assay.evaluation.gate.findings import Finding
from assay.evaluation.gate.policy import GatePolicy, Role

LAYERS = {1: "deterministic", 2: "heuristic", 3: "judge", 4: "human calibration"}
_ROLE_LAYERS: dict[Role, int] = {"zero_tolerance": 1, "advisory": 2, "deciding": 2, "judged": 3}


def inadmissible(policy: GatePolicy, evidence: GateEvidence) -> list[str]:
    """Why the judge may not decide; empty when it may."""
    judge, arm, wanted = evidence.judge, evidence.candidate, policy.judge
    if judge is None:
        return ["no human labels are known"]
    problems: list[str] = []
    if arm is not None and (arm.judge, arm.judge_prompt) != (judge.judge, judge.judge_prompt):
        problems.append("the labels are for another judge or prompt")
    limits = (
        ("labels", judge.labels, wanted.min_labels),
        ("kappa", judge.kappa, wanted.min_kappa),
        ("lower bound of kappa", judge.kappa_lower, wanted.min_kappa_lower),
        ("true positive rate", judge.true_positive_rate, wanted.min_true_positive_rate),
        ("true negative rate", judge.true_negative_rate, wanted.min_true_negative_rate),
    )
    # Written so that NaN is a problem too.
    problems += [f"{name} {value:g}, must be {limit:g}" for name, value, limit in limits if not value >= limit]
    return problems


def unsteady(policy: GatePolicy, judge: JudgeEvidence) -> list[str]:
    """Why it cannot be told whether the judge would say the same again; empty when it would."""
    finding = _self_agreement(judge, policy.judge.min_self_agreement)
    return [] if finding.outcome == "PASS" else [finding.detail.removesuffix(".")]


def judge_admissibility(
    judged: Sequence[MetricArms], problems: Sequence[str], policy: GatePolicy, evidence: GateEvidence
) -> list[Finding]:
    """`judged`: the metrics that a judge scored; `problems`: why it may not decide."""
    if not judged:
        return [Finding("judge", "SKIPPED", "No judge scored anything: layer 3 was skipped.")]
    if problems or evidence.judge is None:
        wanted = {3, 4} & set(policy.required_layers)
        said = f"UNCALIBRATED: {'; '.join(problems)}. What it scored only advises."
        return [Finding("judge", "INCONCLUSIVE" if wanted else "WARN", said)]
    return [_self_agreement(evidence.judge, policy.judge.min_self_agreement)]


def layers(present: Sequence[MetricArms], problems: Sequence[str], policy: GatePolicy) -> list[Finding]:
    """INCONCLUSIVE for each layer that the policy requires and that scored nothing."""
    there = {_ROLE_LAYERS[policy.role_of(arms.metric)] for arms in present if arms.coverage()[0]}
    if 3 in there and not problems:
        there.add(4)
    return [
        Finding("layers", "INCONCLUSIVE", f"Layer {layer} ({LAYERS[layer]}) is required and was skipped.")
        for layer in sorted(set(policy.required_layers) - there)
    ]


def _self_agreement(judge: JudgeEvidence, limit: float) -> Finding:
    if judge.self_agreement is None:
        return Finding("judge", "INCONCLUSIVE", "How often the judge agrees with itself was not measured.")
    said = f"The judge agrees with itself on {judge.self_agreement:.1%}; {limit:.0%} is the least."
    return Finding("judge", "PASS" if judge.self_agreement >= limit else "INCONCLUSIVE", said)
