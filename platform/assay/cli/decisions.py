"""A decision of the gate on a terminal."""

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from assay.evaluation.gate import GateDecision, MetricRow

COLOURS = {"PASS": "green", "FAIL": "red", "INCONCLUSIVE": "yellow", "WARN": "yellow"}


def show_decision(console: Console, decision: "GateDecision") -> None:
    """A row per metric, then every finding in the order of the steps, then the verdict."""
    show_metrics(console, decision)
    for finding in decision.findings:
        about = " ".join(name for name in (finding.metric, finding.slice) if name)
        console.print(
            f"{finding.step} {finding.rule:<15} [{COLOURS.get(finding.outcome, 'dim')}]{finding.outcome:<12}[/] "
            + escape(f"{about}: {finding.detail}" if about else finding.detail),
            highlight=False,
            soft_wrap=True,
        )
    due = f", decided by `{decision.decided_by}`" if decision.decided_by else ""
    said = f"[bold {COLOURS[decision.verdict]}]{decision.verdict}[/] under the policy `{escape(decision.policy)}`{due}."
    console.print(said, highlight=False, soft_wrap=True)


def show_metrics(console: Console, decision: "GateDecision", *, short: bool = False) -> None:
    """A row per metric; `short`: only those that decided, and of rules without tolerance those that were broken.

    Columns of a baseline are there where one is.
    """
    compared = any(row.baseline is not None for row in decision.metrics)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("metric", overflow="fold", min_width=16)  # all of it fits into 80 columns
    for name in ("n", "candidate", *(("baseline", "difference, bounds") if compared else ())):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in decision.metrics:
        if short and not _is_telling(row):
            continue
        means = ["" if mean is None else f"{mean:.3f}" for mean in (row.candidate, row.baseline)]
        change = "" if row.difference is None else f"{row.difference:+.3f} [{row.lower:+.3f}, {row.upper:+.3f}]"
        figures = [*means, escape(change)] if compared else means[:1]
        verdict = f"[{COLOURS.get(row.verdict, 'dim')}]{row.verdict}[/]"
        table.add_row(escape(row.metric), str(row.n), *figures, verdict)
    console.print(table)


def _is_telling(row: "MetricRow") -> bool:
    if row.margin is None:
        return row.verdict != "PASS"
    return row.verdict in ("PASS", "FAIL", "INCONCLUSIVE")
