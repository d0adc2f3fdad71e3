"""Steps 2 and 3: what the candidate's own scores must be, whatever the baseline's are."""

import numpy as np

from assay.evaluation.gate.arms import MetricArms
from assay.evaluation.gate.bounds import UNSEEN, items_needed, mean_score
from assay.evaluation.gate.findings import Finding
from assay.evaluation.quoted_names import quoted

_NAMED_ITEMS = 3


def zero_tolerance(arms: MetricArms) -> Finding | None:
    """FAIL for one item below the best score. None where there is no score, which is a matter of coverage."""
    scored = ~np.isnan(arms.candidate) & arms.expected
    if not scored.any():
        return None
    failed = np.flatnonzero(scored & (arms.candidate < arms.scale[1]))
    if len(failed):
        named = ", ".join(quoted(arms.items[int(at)]) for at in failed[:_NAMED_ITEMS])
        more = ", ..." if len(failed) > _NAMED_ITEMS else ""
        said = f"{len(failed)} of {scored.sum()} items failed: {named}{more}."
        return Finding("zero_tolerance", "FAIL", said, arms.metric)
    clusters = len(np.unique(arms.clusters[scored]))
    bound = min(1.0, UNSEEN / clusters)
    said = f"0 of {scored.sum()} items failed; in truth it may be up to {bound:.1%} (3/{clusters})."
    return Finding("zero_tolerance", "PASS", said, arms.metric)


def floor_held(arms: MetricArms, floor: float) -> Finding | None:
    """PASS where the mean surely lies above the floor, FAIL where it surely lies below, else INCONCLUSIVE."""
    scored = ~np.isnan(arms.candidate) & arms.expected
    if not scored.any():
        return None
    found = mean_score(arms.candidate[scored], arms.clusters[scored], arms.width)
    said = f"Mean {found.mean:.4f} of {found.items} items, surely above {found.lower:.4f}; the floor is {floor:g}."
    if found.lower > floor:
        return Finding("floors", "PASS", said, arms.metric)
    if found.upper < floor:
        return Finding("floors", "FAIL", f"{said} It surely lies below {found.upper:.4f}.", arms.metric)
    needed = items_needed(found, floor, arms.width)
    more = (
        "At this mean no number of items would be enough." if needed is None else f"It would need about {needed} items."
    )
    return Finding("floors", "INCONCLUSIVE", f"{said} {more}", arms.metric)
