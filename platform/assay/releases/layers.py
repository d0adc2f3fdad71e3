"""What each of the gate's four layers said, in words; a layer that had nothing to say, says why."""

from collections.abc import Sequence

from assay.evaluation.gate import Finding, GateDecision, GatePolicy, MetricRow
from assay.evaluation.gate.findings import worst
from assay.evaluation.quoted_names import quoted

_ORDER = ("FAIL", "INCONCLUSIVE", "PASS")


def layers_of(decision: GateDecision, policy: GatePolicy) -> dict[int, str]:
    """Layer -> a sentence that begins with PASS, FAIL, INCONCLUSIVE, UNCALIBRATED or SKIPPED."""
    present = [row for row in decision.metrics if row.verdict != "SKIPPED" and row.expected]
    rules = [row for row in present if policy.role_of(row.metric) == "zero_tolerance"]
    heuristic = [row for row in present if policy.role_of(row.metric) == "deciding"]
    judged = [row for row in present if policy.role_of(row.metric) == "judged"]
    judge = [one for one in decision.findings if one.rule == "judge"]
    return {
        1: _said(rules, decision.findings, "rules without tolerance"),
        2: _undecided(decision) or _said(heuristic, decision.findings, "metrics"),
        3: _said(judged, decision.findings, "metrics of a judge") if judged else "SKIPPED: no judge is configured.",
        4: _calibration(judged, judge),
    }


def _said(rows: Sequence[MetricRow], findings: Sequence[Finding], what: str) -> str:
    if not rows:
        return f"SKIPPED: there is no score of {what}."
    verdicts = [row.verdict for row in rows]
    if "UNCALIBRATED" in verdicts:
        return f"UNCALIBRATED: {len(rows)} {what} advise and do not decide."
    names = {row.metric for row in rows}
    outcome = worst([one for one in findings if one.metric in names])
    of_outcome = [row.metric for row in rows if row.verdict == outcome]
    named = "" if outcome == "PASS" or not of_outcome else f": {', '.join(map(quoted, of_outcome))}"
    count = f"{len(rows)} {what}" if outcome == "PASS" or not of_outcome else f"{len(of_outcome)} of {len(rows)} {what}"
    return f"{outcome}: {count}{named}."


def _undecided(decision: GateDecision) -> str | None:
    """Where no metric had anything to be judged by."""
    found = (one for one in decision.findings if one.rule == "undecided" and one.outcome == "INCONCLUSIVE")
    return next((f"INCONCLUSIVE: {one.detail}" for one in found), None)


def _calibration(judged: Sequence[MetricRow], judge: Sequence[Finding]) -> str:
    if not judged:
        return "SKIPPED: there is no judge to calibrate."
    return " ".join(f"{one.outcome}: {one.detail}" for one in judge)
