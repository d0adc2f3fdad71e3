"""The report as Markdown for a pull request: short enough for a comment, and harmless whatever the texts in it say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assay.evaluation.gate.decision import GateDecision
from assay.evaluation.gate.findings import Finding
from assay.evaluation.gate.metric_rows import MetricRow
from assay.evaluation.gate_report import wording
from assay.evaluation.gate_report.context import ItemChange, ReportContext

# GitHub takes so much in a comment. What is left out stands in the page.
COMMENT_CHARACTERS = 65_536
_CUT_CHARACTERS = 300
_GRAVITY = {"FAIL": 0, "INCONCLUSIVE": 1, "WARN": 2}


@dataclass(frozen=True)
class _Shown:
    """How many of each at most."""

    metrics: int = 60
    findings: int = 60
    items: int = 10
    warnings: int = 15

    def halved(self) -> "_Shown":
        return _Shown(self.metrics // 2, self.findings // 2, self.items // 2, self.warnings // 2)


def render_markdown(decision: GateDecision, context: ReportContext) -> str:
    """GitHub's Markdown. Texts from data stand in code spans, where no mention, link or tag of theirs is read as one."""
    shown = _Shown()
    while len(text := _report(decision, context, shown)) > COMMENT_CHARACTERS and shown.findings:
        shown = shown.halved()
    return text


def _report(decision: GateDecision, context: ReportContext, shown: _Shown) -> str:
    smoke = f" · {wording.SMOKE}" if context.is_smoke else ""
    parts = [
        f"## {decision.verdict}: {_prose(context.title)}{smoke}",
        *([f"> {wording.SMOKE_SAID}"] if context.is_smoke else []),
        _summary(decision),
        "\n".join(f"- {_prose(name)}: {_code(value)}" for name, value in context.facts),
        f"### Layers{smoke}",
        _layers(context),
        f"### Metrics{smoke}",
        _metrics(decision.metrics, shown.metrics),
        f"### Findings, in the order of the steps{smoke}",
        _findings(decision.findings, shown.findings),
        f"### Slices{smoke}",
        _findings(wording.slice_findings(decision), shown.findings) or "No slice was looked at.",
        f"### Items that changed most{smoke}",
        _items(context.items, shown.items) or _unchanged(decision),
        f"### Warnings{smoke}",
        _warnings(context.warnings, shown.warnings) or "None.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(decision: GateDecision) -> str:
    because = wording.deciding_finding(decision)
    said = f"**{decision.verdict}** under the policy {_code(decision.policy)}. {wording.MEANINGS[decision.verdict]}"
    if because is None:
        return said
    about = "".join(f", {_code(name)}" for name in (because.metric, because.slice) if name)
    return f"{said}\n\nDecided by {_code(because.rule)}, step {because.step}{about}: {_prose(because.detail)}"


def _layers(context: ReportContext) -> str:
    lines = wording.layer_lines(context.layers)
    return "\n".join(
        f"- {line.number} {line.name}: **{_prose(line.status)}**{f' {_prose(line.said)}' if line.said else ''}"
        for line in lines
    )


def _metrics(metrics: Sequence[MetricRow], limit: int) -> str:
    rows = [
        [
            _code(row.metric, cell=True),
            wording.coverage(row),
            wording.mean(row.candidate),
            wording.mean(row.baseline),
            wording.change(row),
            row.verdict,
        ]
        for row in metrics[:limit]
    ]
    names = ["metric", "items", "candidate", "baseline", "difference, bounds", "verdict"]
    return _table(names, "lrrrrl", rows) + _more(len(metrics), limit)


def _findings(findings: Sequence[Finding], limit: int) -> str:
    """The gravest where not all fit, in their own order."""
    if not findings:
        return ""
    gravest = sorted(range(len(findings)), key=lambda at: (_GRAVITY.get(findings[at].outcome, 3), at))
    shown = [findings[at] for at in sorted(gravest[:limit])]
    rows = [
        [
            f"{one.step} {one.rule}",
            one.outcome,
            " ".join(_code(name, cell=True) for name in (one.metric, one.slice) if name),
            _prose(one.detail, cell=True),
        ]
        for one in shown
    ]
    return _table(["step", "outcome", "of", "what was found"], "llll", rows) + _more(len(findings), limit)


def _items(items: Sequence[ItemChange], limit: int) -> str:
    return "\n".join(map(_item, items[:limit])) + _more(len(items), limit)


def _unchanged(decision: GateDecision) -> str:
    compared = any(row.baseline is not None for row in decision.metrics)
    return "No item changed." if compared else "There is no baseline to have changed from."


def _item(item: ItemChange) -> str:
    scores = f"{wording.mean(item.baseline)} → {wording.mean(item.candidate)}"
    lines = [f"- {_code(item.item_id)} {_code(item.metric)} {scores}"]
    if item.question:
        lines.append(f"  - question: {_code(item.question)}")
    if item.baseline_answer or item.candidate_answer:
        lines.append(f"  - baseline: {_code(item.baseline_answer or 'no answer')}")
        lines.append(f"  - candidate: {_code(item.candidate_answer or 'no answer')}")
    return "\n".join(lines)


def _warnings(warnings: Sequence[str], limit: int) -> str:
    return "\n".join(f"- {_prose(one)}" for one in warnings[:limit]) + _more(len(warnings), limit)


def _table(names: Sequence[str], alignment: str, rows: Sequence[Sequence[str]]) -> str:
    rules = ["---:" if one == "r" else "---" for one in alignment]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [names, rules, *rows])


def _more(there: int, shown: int) -> str:
    return f"\n\nAnd {there - shown} more: see the page." if there > shown else ""


def _code(text: str, *, cell: bool = False) -> str:
    """A code span on one line, cut to a length. Its fence is longer than any run of backticks in it."""
    line = _line(text)
    if not line:
        return ""
    line = line.replace("|", r"\|") if cell else line
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if "`" in (line[0], line[-1]) else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _prose(text: str, *, cell: bool = False) -> str:
    """A sentence of ours on one line, its names in backticks as code; what else could be read as markup is not."""
    parts = re.split("`([^`]+)`", _line(text))
    said = "".join(_code(part, cell=cell) if at % 2 else _escaped(part) for at, part in enumerate(parts))
    # What begins a heading, a list or a rule. A signed number begins none.
    return re.sub(r"^(\d*)([#+=.)-])(?!\d)", r"\1\\\2", said)


def _escaped(text: str) -> str:
    text = re.sub(r"([\\`*_~|])", r"\\\1", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("](", "]\\(")
    return re.sub(r"(?<!\w)([@#])(?=\w)", r"\1<!-- -->", text)


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _CUT_CHARACTERS else f"{line[:_CUT_CHARACTERS]}…"
