"""Step 7: what a query of the candidate may take, in time and in money."""

from assay.evaluation.gate.evidence import Operations
from assay.evaluation.gate.findings import Finding
from assay.evaluation.gate.policy import GatePolicy


def budgets(policy: GatePolicy, measured: Operations | None) -> list[Finding]:
    """A finding for each limit of the policy; what has a limit and was not measured is INCONCLUSIVE."""
    found = measured or Operations()
    limits = (
        ("p95 in ms", policy.budgets.p95_ms, found.p95_ms),
        ("p99 in ms", policy.budgets.p99_ms, found.p99_ms),
        ("dollars per 1,000 queries", policy.budgets.usd_per_1k_queries, found.usd_per_1k_queries),
    )
    findings = [_held(name, limit, value) for name, limit, value in limits if limit is not None]
    return findings or [Finding("budgets", "SKIPPED", "The policy sets no limit for time or money.")]


def _held(name: str, limit: float, value: float | None) -> Finding:
    if value is None:
        return Finding("budgets", "INCONCLUSIVE", f"{name}: not measured; the limit is {limit:g}.")
    return Finding("budgets", "PASS" if value <= limit else "FAIL", f"{name}: {value:g}; the limit is {limit:g}.")
