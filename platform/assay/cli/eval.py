"""`assay eval`: how good the answers are, on questions whose answers are known."""

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.console import Console
from rich.table import Table

from assay.cli import labels
from assay.cli.decisions import show_decision
from assay.cli.eval_golden import check, draft
from assay.cli.eval_report import report as show_report
from assay.cli.eval_report import write_comparison
from assay.cli.eval_run import run as run_release
from assay.errors import ConfigurationError
from assay.settings import PrecisionName, load_settings

if TYPE_CHECKING:
    from assay.evaluation import RetrievalReport

PRECISIONS: tuple[PrecisionName, ...] = get_args(PrecisionName)

app = typer.Typer(help="How good the answers are, on questions whose answers are known.", no_args_is_help=True)
app.command("run")(run_release)
app.command("report")(show_report)
app.command()(draft)
app.command()(check)
app.add_typer(labels.app, name="labels")
app.command()(labels.calibrate)


@app.command()
def retrieval(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A BEIR folder: corpus.jsonl, queries.jsonl, qrels/test.tsv.")
    ],
    mode: Annotated[str, typer.Option(help="hybrid, dense or lexical.")] = "hybrid",
    precision: Annotated[str, typer.Option(help=f"Of the model's arithmetic: {', '.join(PRECISIONS)}.")] = "fp32",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> int:
    """Rank a judged corpus with the index and the search that serve, one vector per document. Touches no release."""
    if precision not in PRECISIONS:
        raise ConfigurationError(
            f"There is no precision `{precision}`: {' and '.join(PRECISIONS)} are what exists. Nothing was evaluated. "
            f"Run `assay eval retrieval {folder} --precision {PRECISIONS[0]}`."
        )
    from assay.embeddings import Embedder
    from assay.evaluation import evaluate_retrieval, read_beir

    settings = load_settings().model_copy(update={"embedding_precision": precision})
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
    recorded: Annotated[
        bool,
        typer.Option(
            "--recorded",
            help="Go by the gate's decision.json beside each file: the same evaluation set, the candidate's policy but budgets.",
        ),
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write report.html and report.md into this folder too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> int:
    """Judge a candidate against a baseline, item by item. Exit 0 it passes, 1 it fails, 2 it cannot be told.

    A line of either file: {"item_id", "cluster", "metric", "score", "status", "slices"}, whatever system wrote it.
    """
    from assay.evaluation import GatePolicy, read_item_scores, read_policy
    from assay.evaluation import compare as judge
    from assay.evaluation.gate import GateEvidence
    from assay.evaluation.gate.recorded_arms import recorded_policy, recorded_provenance

    rules = read_policy(policy) if policy else recorded_policy(candidate) if recorded else GatePolicy()
    evidence = GateEvidence()
    if recorded:
        # Without the one record or the other it is not known what was asked, so that nothing is told.
        rules = rules.model_copy(update={"require_provenance": True})
        evidence = GateEvidence(recorded_provenance(candidate), recorded_provenance(baseline))
    ours, theirs = read_item_scores(candidate), read_item_scores(baseline)
    decision = judge(ours, theirs, rules, evidence=evidence)
    page = write_comparison(report, decision, rules, (candidate, ours), (baseline, theirs)) if report else None
    if as_json:
        typer.echo(json.dumps(decision.to_json(), ensure_ascii=False, allow_nan=False))
    else:
        show_decision(Console(), decision)
        if page:
            typer.echo(f"report: {page}")
    return decision.exit_code


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
