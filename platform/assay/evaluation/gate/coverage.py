"""Step 1: whether enough of the items have a score in both arms, and whether those without one could turn the verdict."""

from collections.abc import Callable, Sequence

from assay.evaluation.gate.arms import MetricArms
from assay.evaluation.gate.findings import Finding, Outcome, worst
from assay.evaluation.gate.policy import GatePolicy


def coverage(deciding: Sequence[MetricArms], policy: GatePolicy, *, floors: bool = True) -> list[Finding]:
    """A finding for each metric that decides, and for each of its slices that lacks items.

    `floors`: whether a metric with a floor must be among them.
    """
    named = {arms.metric for arms in deciding}
    lacking = [name for name, own in policy.metrics.items() if floors and own.floor is not None and name not in named]
    return [
        *(_no_score(name) for name in lacking),
        *(_of_metric(arms, policy) for arms in deciding),
        *(found for arms in deciding for found in _of_slices(arms, policy)),
    ]


def errors(
    deciding: Sequence[MetricArms], judged: Sequence[Finding], judge: Callable[[Sequence[MetricArms]], list[Finding]]
) -> Finding:
    """Whether the verdict of the scores holds when every item without one counts against the candidate.

    `judged`: what the steps after this one found on the scores; `judge` runs them again.
    """
    missing = sum(expected - scored for scored, expected in (arms.coverage() for arms in deciding))
    if not missing:
        return Finding("errors", "PASS", "No item lacks a score.")
    before, after = worst(list(judged)), worst(judge([arms.against_candidate() for arms in deciding]))
    said = f"Counting {missing} missing scores against the candidate"
    if before == after:
        return Finding("errors", "PASS", f"{said} leaves the scores' verdict at {before}.")
    return Finding("errors", "INCONCLUSIVE", f"{said} turns the scores' verdict from {before} to {after}.")


def _no_score(metric: str) -> Finding:
    return Finding("coverage", "INCONCLUSIVE", "The policy sets a floor for it, and no score decides on it.", metric)


def _of_metric(arms: MetricArms, policy: GatePolicy) -> Finding:
    scored, expected = arms.coverage()
    enough = scored > 0 and _share(scored, expected) >= policy.min_coverage
    return Finding(
        "coverage", "PASS" if enough else "INCONCLUSIVE", _said(scored, expected, policy.min_coverage), arms.metric
    )


def _of_slices(arms: MetricArms, policy: GatePolicy) -> list[Finding]:
    found: list[Finding] = []
    for name, within in arms.slices.items():
        scored, expected = arms.coverage(within)
        if not policy.registers(name) or _share(scored, expected) >= policy.min_slice_coverage:
            continue
        outcome: Outcome = "INCONCLUSIVE" if expected >= policy.min_slice_items else "WARN"
        found.append(
            Finding("coverage", outcome, _said(scored, expected, policy.min_slice_coverage), arms.metric, name)
        )
    return found


def _share(scored: int, expected: int) -> float:
    """Of items that were due; nothing due is nothing lacking."""
    return scored / expected if expected else 1.0


def _said(scored: int, expected: int, limit: float) -> str:
    return f"{scored} of {expected} items have a score in both arms; {limit:.0%} must."
