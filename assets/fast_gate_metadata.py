"""The fast gate's verdicts as metadata worth looking at: a row a rule, a row a live configuration."""

from typing import TYPE_CHECKING

import dagster as dg

from assets.reporting import markdown_table

if TYPE_CHECKING:
    from assay.retrieval.gate import GateReport
    from assay.retrieval.live_stages import LiveGateReport


def fast_gate_result(name: str, found: "LiveGateReport") -> dg.AssetCheckResult:
    """The check of the fast gate. It stops the run where what serves failed, or the candidate that the run is to evaluate.

    A retained configuration that failed or cannot be judged is a warning: it has no head, so it cannot be rolled back to.
    """
    stops = any(not one.passed and one.configuration not in found.retained for one in found.reports)
    rules = [
        [one.configuration, _held(rule.passed), rule.name, rule.detail] for one in found.reports for rule in one.rules
    ]
    missed = [canary.document_id for one in found.reports for canary, answered in one.canaries if not answered]
    return dg.AssetCheckResult(
        check_name=name,
        passed=not found.unusable and all(one.passed for one in found.reports),
        severity=dg.AssetCheckSeverity.ERROR if stops else dg.AssetCheckSeverity.WARN,
        metadata={
            "rules": markdown_table(["configuration", "held", "rule", "what was seen"], rules, limit=len(rules)),
            "missed": missed,
            "unusable": [f"{configuration}: {why}" for configuration, why in found.unusable.items()],
        },
    )


def configurations_table(found: "LiveGateReport") -> dg.MarkdownMetadataValue:
    """Every live configuration with its head, which is what a promotion or a rollback makes serve."""
    rows = [[one.configuration, one.head or "none", _held(one.passed), _answered(one)] for one in found.reports]
    rows += [[one, "none", "**not judged**", ""] for one in found.unusable]
    return markdown_table(["configuration", "head", "passed", "canary questions"], rows)


def _answered(report: "GateReport") -> str:
    return f"{sum(answered for _, answered in report.canaries)} of {len(report.canaries)}"


def _held(passed: bool) -> str:
    return "yes" if passed else "**no**"
