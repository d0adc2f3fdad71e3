"""`assay eval`: how good the answers are, on questions whose answers are known."""

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assay.embeddings.models import ModelFiles
from assay.errors import ConfigurationError
from assay.settings import load_settings

if TYPE_CHECKING:
    from assay.evaluation import GateDecision, RetrievalReport

PRECISIONS = (ModelFiles.precision,)
_COLOURS = {"PASS": "green", "FAIL": "red", "INCONCLUSIVE": "yellow", "WARN": "yellow"}

app = typer.Typer(help="How good the answers are, on questions whose answers are known.", no_args_is_help=True)


@app.command()
def retrieval(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A BEIR folder: corpus.jsonl, queries.jsonl, qrels/test.tsv.")
    ],
    mode: Annotated[str, typer.Option(help="hybrid, dense or lexical.")] = "hybrid",
    precision: Annotated[
        str, typer.Option(help=f"Of the model's arithmetic: {', '.join(PRECISIONS)}.")
    ] = ModelFiles.precision,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> int:
    """Rank a judged corpus with the index and the search that serve, one vector per document. Touches no release."""
    if precision not in PRECISIONS:
        raise ConfigurationError(
            f"There is no precision `{precision}`: {', '.join(PRECISIONS)} is what exists. Nothing was evaluated. "
            f"Run `assay eval retrieval {folder} --precision {PRECISIONS[0]}`."
        )
    from assay.embeddings import Embedder
    from assay.evaluation import evaluate_retrieval, read_beir

    settings = load_settings()
    report = evaluate_retrieval(
        read_beir(folder),
        Embedder.open(settings),
        mode,  # pyright: ignore[reportArgumentType]  checked there, with a message that names the modes
        settings.evaluation_path,
    )
    if as_json:
        typer.echo(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        _show(Console(), folder, report)
    return 0


@app.command()
def compare(
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE.jsonl", help="Item scores of what wants to serve.")],
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE.jsonl", help="Item scores of what serves.")],
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What the candidate must show, as TOML; without it, the gate's own policy."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> int:
    """Judge a candidate against a baseline, item by item. Exit 0 it passes, 1 it fails, 2 it cannot be told.

    A line of either file: {"item_id", "cluster", "metric", "score", "status", "slices"}, whatever system wrote it.
    """
    from assay.evaluation import GatePolicy, read_item_scores, read_policy
    from assay.evaluation import compare as judge

    rules = GatePolicy() if policy is None else read_policy(policy)
    decision = judge(read_item_scores(candidate), read_item_scores(baseline), rules)
    if as_json:
        typer.echo(json.dumps(decision.to_json(), ensure_ascii=False, allow_nan=False))
    else:
        _show_decision(Console(), decision)
    return decision.exit_code


def _show_decision(console: Console, decision: "GateDecision") -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("metric", overflow="fold")
    for name in ("items", "candidate", "baseline", "difference, bounds"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in decision.metrics:
        means = ["" if mean is None else f"{mean:.3f}" for mean in (row.candidate, row.baseline)]
        change = "" if row.difference is None else f"{row.difference:+.3f} [{row.lower:+.3f}, {row.upper:+.3f}]"
        verdict = f"[{_COLOURS.get(row.verdict, 'dim')}]{row.verdict}[/]"
        table.add_row(escape(row.metric), str(row.n), *means, escape(change), verdict)
    console.print(table)
    for finding in decision.findings:
        about = " ".join(name for name in (finding.metric, finding.slice) if name)
        console.print(
            f"{finding.step} {finding.rule:<15} [{_COLOURS.get(finding.outcome, 'dim')}]{finding.outcome:<12}[/] "
            + escape(f"{about}: {finding.detail}" if about else finding.detail),
            highlight=False,
            soft_wrap=True,
        )
    due = f", decided by `{decision.decided_by}`" if decision.decided_by else ""
    said = (
        f"[bold {_COLOURS[decision.verdict]}]{decision.verdict}[/] under the policy `{escape(decision.policy)}`{due}."
    )
    console.print(said, highlight=False, soft_wrap=True)


def _show(console: Console, folder: Path, report: "RetrievalReport") -> None:
    model = "no model" if report.mode == "lexical" else report.model
    table = Table("measure", "value", title=f"{folder.resolve().name}, {report.mode}, {model}", title_justify="left")
    table.add_row("nDCG@10", f"{report.ndcg_at_10:.5f}")
    table.add_row("recall@100", f"{report.recall_at_100:.5f}")
    table.add_row("MRR of the first 100", f"{report.mrr:.5f}")
    console.print(table)
    queries = "1 judged query" if len(report.scores) == 1 else f"{len(report.scores)} judged queries"
    error = (
        f" The nDCG's standard error over queries is {report.ndcg_standard_error:.3f}."
        if len(report.scores) > 1
        else ""
    )
    lines = [
        f"{queries}, {report.documents} documents.{error}",
        _embedded(report),
        f"A search took {statistics.median(report.search_ms):.0f} ms (median), everything {report.seconds:.0f} s. "
        "What serves was not touched.",
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _embedded(report: "RetrievalReport") -> str:
    if report.mode == "lexical":
        return "Lexical: no text was embedded."
    said = f"{report.computed} texts embedded now, {report.reused} known from the vector cache."
    if not report.computed:
        return said
    rest = f" {report.truncated} of the new ones were longer than the model reads." if report.truncated else ""
    return f"{said}{rest} That took {report.embedding_seconds:.0f} s."
