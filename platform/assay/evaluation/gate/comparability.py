"""Step 0: whether both arms were measured on the same things, with the same judge."""

from collections.abc import Sequence

from assay.evaluation.gate.evidence import GateEvidence, Provenance
from assay.evaluation.gate.findings import Finding
from assay.evaluation.gate.item_scores import ItemScore
from assay.evaluation.gate.policy import GatePolicy
from assay.evaluation.quoted_names import quoted

RERUN = "Measure the baseline again, on the candidate's evaluation set and with its judge."


def comparability(
    candidate: Sequence[ItemScore], baseline: Sequence[ItemScore], policy: GatePolicy, evidence: GateEvidence
) -> Finding:
    """INCONCLUSIVE where a difference of the two would not be one of the candidate; SKIPPED without a baseline."""
    if not baseline:
        return Finding("comparable", "SKIPPED", "There is no baseline yet: the floors decide.")
    problems = [*_provenance(candidate, policy, evidence), *_moved_items(candidate, baseline)]
    if problems:
        return Finding("comparable", "INCONCLUSIVE", f"{' '.join(problems)} {RERUN}")
    if evidence.candidate is None:
        return Finding("comparable", "SKIPPED", "Of neither arm is it known on which evaluation set it was measured.")
    return Finding("comparable", "PASS", f"Both arms: evaluation set {evidence.candidate.evaluation_set}.")


def _provenance(candidate: Sequence[ItemScore], policy: GatePolicy, evidence: GateEvidence) -> list[str]:
    ours, theirs = evidence.candidate, evidence.baseline
    if ours is None and theirs is None:
        return (
            ["The policy wants the provenance of both arms, and neither is given."] if policy.require_provenance else []
        )
    if ours is None or theirs is None:
        return [f"The provenance of the {'candidate' if ours is None else 'baseline'} is not given."]
    problems: list[str] = []
    if ours.evaluation_set != theirs.evaluation_set:
        problems.append(f"The evaluation sets differ: {ours.evaluation_set} and {theirs.evaluation_set}.")
    if _judge(ours) != _judge(theirs) and any(policy.role_of(one.metric) == "judged" for one in candidate):
        problems.append(f"The judges or their prompts differ: {_judge(ours)} and {_judge(theirs)}.")
    return problems


def _judge(arm: Provenance) -> str:
    return f"{arm.judge} with prompt {arm.judge_prompt}"


def _moved_items(candidate: Sequence[ItemScore], baseline: Sequence[ItemScore]) -> list[str]:
    """Items that lie in another cluster or other slices in the other arm: it was not the same evaluation set."""
    places = {one.item_id: (one.cluster, frozenset(one.slices)) for one in candidate}
    moved = sorted(
        {
            one.item_id
            for one in baseline
            if places.get(one.item_id, (one.cluster, frozenset(one.slices))) != (one.cluster, frozenset(one.slices))
        }
    )
    return [f"{len(moved)} items, first {quoted(moved[0])}, have another cluster or other slices."] if moved else []
