"""`assay eval run`: ask a release every golden question and show what its answers score."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assay.cli.eval_golden import write_lines
from assay.errors import ConfigurationError, NotReady
from assay.settings import Settings, load_settings
from assay.workspace import Run, Workspace

if TYPE_CHECKING:
    from assay.evaluation.golden_set import GoldenSet
    from assay.evaluation.metric_summaries import AbstentionSummary, MetricSummary
    from assay.releases.measured_release import MeasuredRelease
    from assay.retrieval import ServingPointer

LAYERS = {1: "deterministic", 2: "heuristic", 3: "judge"}


def run(
    release: Annotated[
        str | None, typer.Option(metavar="ID", help="A release of `assay release list`; by default what serves.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the item scores as JSONL, for `assay eval compare`.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> int:
    """Ask a release every golden question and score the answers. Nothing that serves is touched."""
    from assay.evaluation.golden_set import golden_set_for
    from assay.evaluation.metric_summaries import abstention_summary, metric_summaries
    from assay.releases.measured_release import score_lines
    from assay.releases.measuring import Measurement
    from assay.retrieval.configurations import read_manifest

    settings = load_settings()
    workspace = Workspace(settings, Run("command line", datetime.now(UTC)))
    pointer = _pointer(settings, release)
    golden, warnings = golden_set_for(workspace)
    configuration = read_manifest(settings.releases_path, pointer.configuration)
    measured = Measurement.of(workspace, golden).measured(pointer, configuration)
    if out is not None:
        write_lines(out, score_lines(measured.scores))
    summaries = metric_summaries(measured.scores)
    abstentions = abstention_summary(measured.scores, golden.questions)
    if as_json:
        typer.echo(json.dumps(_record(golden, measured, summaries, abstentions, warnings), ensure_ascii=False))
    else:
        _show(Console(), golden, measured, summaries, abstentions, warnings)
        if out is not None:
            typer.echo(f"{len(measured.scores)} item scores were written to {out}.")
    return 0


def _pointer(settings: Settings, release: str | None) -> "ServingPointer":
    """The release of this id, or what serves. Raises NotReady before the first, ConfigurationError for an unknown id."""
    from assay.retrieval import read_pointer
    from assay.retrieval.serving import heads

    serving = read_pointer(settings.releases_path)
    if release is None:
        if serving is None:
            raise NotReady(
                "Nothing was released yet, so there is nothing to evaluate. Run the sample with `make demo`, or your own "
                "documents with `assay ingest DIR`; a release that waits to be promoted is evaluated by its id, see "
                "`assay release list`."
            )
        return serving
    known = [*([serving] if serving else []), *heads(settings.releases_path)]
    found = next((one for one in known if one.release_id == release), None)
    if found is None:
        raise ConfigurationError(
            f"`{release}` is neither what serves nor the newest release of a configuration that is kept. Nothing was evaluated. "
            "See the releases with `assay release list`."
        )
    return found


def _record(
    golden: "GoldenSet",
    measured: "MeasuredRelease",
    summaries: "tuple[MetricSummary, ...]",
    abstentions: "AbstentionSummary",
    warnings: tuple[str, ...],
) -> dict[str, Any]:
    operations = measured.operations
    return {
        "release": measured.release_id,
        "golden": golden.name,
        "is_smoke": golden.is_smoke,
        "evaluation_set": golden.sha256,
        "questions": len(golden.questions),
        "asked": len(measured.answered),
        "metrics": [one.to_json() for one in summaries],
        "abstention": abstentions.to_json(),
        "p95_ms": operations.p95_ms,
        "p99_ms": operations.p99_ms,
        "warnings": list(warnings),
    }


def _show(
    console: Console,
    golden: "GoldenSet",
    measured: "MeasuredRelease",
    summaries: "tuple[MetricSummary, ...]",
    abstentions: "AbstentionSummary",
    warnings: tuple[str, ...],
) -> None:
    asked, questions = len(measured.answered), len(golden.questions)
    title = f"release {measured.release_id}: {asked} of {questions} questions of {escape(golden.name)} asked"
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title=title, title_justify="left")
    table.add_column("layer", no_wrap=True)
    table.add_column("metric", overflow="fold")
    table.add_column("mean", justify="right", no_wrap=True)
    table.add_column("scored", justify="right", no_wrap=True)
    for one in summaries:
        mean = "" if one.mean is None else f"{one.mean:.4f}"
        scored = f"{one.ok}/{one.expected}" if one.expected else ", ".join(one.statuses)
        table.add_row(f"{one.layer} {LAYERS[one.layer]}", escape(one.metric), mean, scored)
    console.print(table)
    precision, recall = (
        "of nothing" if share is None else f"{share:.3f}" for share in (abstentions.precision, abstentions.recall)
    )
    lines = [
        f"Abstentions: precision {precision} ({abstentions.right} of {abstentions.abstained} were right), recall {recall} "
        f"({abstentions.right} of {abstentions.unanswerable} questions without an answer).",
        f"A search took {measured.operations.p95_ms} ms at p95, {measured.operations.p99_ms} ms at p99, embedding aside.",
        *(f"warning: {one}" for one in warnings),
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
