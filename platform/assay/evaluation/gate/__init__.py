"""The release gate: a candidate serves only after its item scores passed every step. See `decision.compare`."""

from assay.evaluation.gate.decision import GateDecision, compare
from assay.evaluation.gate.evidence import GateEvidence, JudgeEvidence, Operations, Provenance
from assay.evaluation.gate.findings import Finding, Verdict
from assay.evaluation.gate.item_scores import ItemScore, read_item_scores
from assay.evaluation.gate.metric_rows import MetricRow
from assay.evaluation.gate.policy import DEFAULT_POLICY_FILE, SMOKE_POLICY_FILE, GatePolicy, MetricPolicy, read_policy

__all__ = [
    "DEFAULT_POLICY_FILE",
    "SMOKE_POLICY_FILE",
    "Finding",
    "GateDecision",
    "GateEvidence",
    "GatePolicy",
    "ItemScore",
    "JudgeEvidence",
    "MetricPolicy",
    "MetricRow",
    "Operations",
    "Provenance",
    "Verdict",
    "compare",
    "read_item_scores",
    "read_policy",
]
