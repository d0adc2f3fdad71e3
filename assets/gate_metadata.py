"""The four-layer gate's record as metadata worth looking at: the verdict, its metrics, their plot, and the way back."""

import base64
from pathlib import Path
from typing import Any

import dagster as dg

from assay.releases.gate_record import HTML_REPORT_FILE, GateRecord
from assay.releases.measured_release import evaluation_folder
from assay.settings import Settings
from assets.reporting import markdown_table

NAMED_FINDINGS = 20
NAMED_WARNINGS = 20
NO_BASELINE = "nothing served"


def check_metadata(settings: Settings, record: GateRecord) -> dict[str, Any]:
    """What the check says: the verdict, and each finding that did not let the candidate pass, a sentence each."""
    stopped = [one for one in record.decision.findings if one.outcome in ("FAIL", "INCONCLUSIVE")]
    return {
        "verdict": record.decision.verdict,
        "decided_by": record.decision.decided_by or "every step",
        "candidate": record.candidate.release_id,
        "baseline": _baseline(record),
        "findings": [
            " ".join(filter(None, [one.outcome, one.rule, one.metric, one.slice])) + f": {one.detail}"
            for one in stopped[:NAMED_FINDINGS]
        ],
        "report": dg.MetadataValue.path(str(_report(settings, record))),
    }


def verdict_metadata(settings: Settings, record: GateRecord) -> dict[str, Any]:
    """What the materialization says. No answers and no passages: this page outlives deletions."""
    from assay.evaluation.gate_report import plot_svg

    picture = base64.b64encode(plot_svg(record.decision, is_smoke=record.is_smoke).encode()).decode()
    return {
        "verdict": record.decision.verdict,
        "decided_by": record.decision.decided_by or "every step",
        "smoke": "SMOKE: the questions were made from headings" if record.is_smoke else "no",
        "candidate": record.candidate.release_id,
        "baseline": _baseline(record),
        "candidate_run": record.candidate.run_id,
        "baseline_run": record.baseline.run_id if record.baseline else "",
        "judged_by_run": record.run_id,
        "golden_set": f"{record.golden} {record.evaluation_set}",
        "policy": record.policy.name,
        "metrics": _metrics(record),
        "plot": dg.MetadataValue.md(f"![differences](data:image/svg+xml;base64,{picture})"),
        "layers": markdown_table(["layer", "what it said"], [[number, said] for number, said in record.layers.items()]),
        "findings": _findings(record),
        "report": dg.MetadataValue.path(str(_report(settings, record))),
        "warnings": list(record.warnings[:NAMED_WARNINGS]),
        **_shadow(record),
    }


def _baseline(record: GateRecord) -> str:
    if record.unanswering:
        return f"none: {record.unanswering.release_id} serves and could not be asked"
    return record.baseline.release_id if record.baseline else NO_BASELINE


def _report(settings: Settings, record: GateRecord) -> Path:
    return evaluation_folder(settings.releases_path, record.candidate.release_id) / HTML_REPORT_FILE


def _metrics(record: GateRecord) -> dg.MarkdownMetadataValue:
    lines = ["| metric | items | candidate | baseline | difference, bounds | verdict |", "|---|---|---|---|---|---|"]
    for row in record.decision.metrics:
        means = ["" if mean is None else f"{mean:.3f}" for mean in (row.candidate, row.baseline)]
        change = "" if row.difference is None else f"{row.difference:+.3f} [{row.lower:+.3f}, {row.upper:+.3f}]"
        lines.append(f"| {row.metric} | {row.n} | {' | '.join(means)} | {change} | {row.verdict} |")
    return dg.MetadataValue.md("\n".join(lines))


def _findings(record: GateRecord) -> dg.MarkdownMetadataValue:
    lines = ["| step | rule | outcome | of | what was seen |", "|---|---|---|---|---|"]
    for one in record.decision.findings:
        about = " ".join(name for name in (one.metric, one.slice) if name)
        lines.append(f"| {one.step} | {one.rule} | {one.outcome} | {about} | {one.detail.replace('|', '/')} |")
    return dg.MetadataValue.md("\n".join(lines))


def _shadow(record: GateRecord) -> dict[str, Any]:
    shadow = record.shadow
    if shadow is None:
        return {}
    return {
        "overlap_at_10": shadow.overlap_at_10,
        "documents_overlap_at_10": shadow.documents_at_10,
        "search_p95_ms": shadow.candidate.p95,
        "baseline_search_p95_ms": shadow.baseline.p95,
    }
