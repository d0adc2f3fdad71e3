"""Steps 4 and 5: the candidate against the promoted baseline, over all items and slice by slice."""

from collections.abc import Sequence

import numpy as np

from assay.evaluation.gate.arms import Mask, MetricArms
from assay.evaluation.gate.bounds import UPPER_CONFIDENCE, Difference, holm, items_needed, paired_difference
from assay.evaluation.gate.findings import Finding
from assay.evaluation.gate.policy import GatePolicy
from assay.evaluation.quoted_names import quoted

_NAMED_SLICES = 5


def difference(arms: MetricArms, within: Mask | None = None) -> Difference | None:
    """Over the items with a score in both arms; None without a baseline, or without such an item."""
    paired = arms.scored if within is None else arms.scored & within
    if arms.baseline is None or not paired.any():
        return None
    return paired_difference(arms.candidate[paired], arms.baseline[paired], arms.clusters[paired], arms.width)


def non_inferiority(arms: MetricArms, policy: GatePolicy) -> Finding | None:
    """PASS where less than the margin was surely lost, FAIL where the loss is sure and material."""
    found = difference(arms)
    if found is None:
        return None
    margin, material = policy.margin_of(arms.metric), policy.material_loss_of(arms.metric)
    said = f"{_said(found)}; the margin is {margin:g}."
    if found.lower > -margin:
        return Finding("non_inferiority", "PASS", said, arms.metric)
    if found.upper < -margin or (found.upper < 0 and found.mean <= -material):
        return Finding("non_inferiority", "FAIL", said, arms.metric)
    needed = items_needed(found, -margin, arms.width)
    more = (
        "At this loss no number of items would be enough." if needed is None else f"It would need about {needed} items."
    )
    return Finding("non_inferiority", "INCONCLUSIVE", f"{said} {more}", arms.metric)


def slices_held(deciding: Sequence[MetricArms], policy: GatePolicy) -> list[Finding]:
    """FAIL for each slice with a material loss that is significant among all slices and metrics that were looked at.

    A slice is too small to prove that nothing was lost; so without a proven loss it passes. One with too few items warns.
    """
    looked_at: list[tuple[MetricArms, str, Difference]] = [
        (arms, name, found)
        for arms in deciding
        for name, within in arms.slices.items()
        if policy.registers(name) and (found := difference(arms, within)) is not None
    ]
    if not looked_at:
        return []
    large = [one for one in looked_at if one[2].items >= policy.min_slice_items]
    adjusted = holm([found.loss_p for _, _, found in large])
    findings: list[Finding] = []
    for (arms, name, found), p_value in zip(large, adjusted, strict=True):
        if p_value < 1 - UPPER_CONFIDENCE and found.mean <= -policy.material_loss_of(arms.metric):
            said = f"{_said(found)}; p = {p_value:.2g} after Holm over {len(large)}."
            findings.append(Finding("slices", "FAIL", said, arms.metric, name))
    findings += [one for arms in deciding if (one := _small_slices(arms, looked_at, policy)) is not None]
    if not any(finding.outcome == "FAIL" for finding in findings):
        findings.insert(0, Finding("slices", "PASS", f"No proven loss in {len(large)} slices with enough items."))
    return findings


def _small_slices(
    arms: MetricArms, looked_at: Sequence[tuple[MetricArms, str, Difference]], policy: GatePolicy
) -> Finding | None:
    """The metric's slices with too few items to decide that lost the margin or more, the greatest losses first."""
    lost = sorted(
        (found.mean, name, found.items)
        for of, name, found in looked_at
        if of is arms and found.items < policy.min_slice_items and found.mean <= -policy.margin_of(arms.metric)
    )
    if not lost:
        return None
    named = ", ".join(f"{quoted(name)} {mean:+.4f} over {items}" for mean, name, items in lost[:_NAMED_SLICES])
    more = f", and {len(lost) - _NAMED_SLICES} more" if len(lost) > _NAMED_SLICES else ""
    said = (
        f"Lost the margin, with fewer than {policy.min_slice_items} items, so that they do not decide: {named}{more}."
    )
    return Finding("slices", "WARN", said, arms.metric)


def _said(found: Difference) -> str:
    places = "" if np.isclose(found.items, found.clusters) else f" in {found.clusters} clusters"
    return f"{found.mean:+.4f} [{found.lower:+.4f}, {found.upper:+.4f}] over {found.items} items{places}"
