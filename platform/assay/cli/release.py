"""`assay release`: which releases there are, whether they may serve, and which one does."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assay.cli.decisions import show_decision
from assay.errors import ConfigurationError
from assay.settings import Settings, load_settings
from assay.workspace import Run, Workspace

if TYPE_CHECKING:
    from assay.releases.gate_record import GateRecord
    from assay.releases.promotion import Flip
    from assay.releases.release_list import ReleaseList

LAYERS = (1, 2, 3, 4)
# What the record names where no run of the pipeline judged.
COMMAND_LINE = "command line"

app = typer.Typer(help="Which releases there are, whether they may serve, and which one does.", no_args_is_help=True)


@app.command("list")
def list_releases(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> int:
    """Every release that serves or could, what the gate said of it, and what served when."""
    from assay.releases.release_list import release_list

    found = release_list(load_settings())
    if as_json:
        typer.echo(json.dumps(found.to_json(), ensure_ascii=False))
    else:
        _show_list(Console(), found)
    return 0


@app.command()
def gate(
    require_layers: Annotated[
        str | None, typer.Option(metavar="N,N", help="Without these layers there is no verdict; 3 is the judge.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> int:
    """Judge the release that the settings name against the one that serves. Exit 0 it passes, 1 it fails, 2 it cannot be told."""
    from assay.releases.four_layer_gate import judge_configured

    layers = _layers(require_layers)
    settings = load_settings()
    outcome = judge_configured(_workspace(settings), required_layers=layers)
    if as_json:
        typer.echo(outcome.record.to_json().rstrip())
    else:
        console = Console()
        show_decision(console, outcome.record.decision)
        show_verdict(console, settings, outcome.record)
        if not outcome.is_new:
            console.print("Nothing changed since: the verdict is the one that was reached then.", style="dim")
    return outcome.record.decision.exit_code


@app.command()
def promote(
    release_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="A release of `assay release list`; by default the configured one."),
    ] = None,
) -> int:
    """Make a release serve that passed the gate. Searches that are open follow within their next query."""
    from assay.releases.promotion import promote as make_serve

    settings = load_settings()
    _show_flip(Console(), make_serve(_workspace(settings), release_id))
    return 0


@app.command()
def rollback(
    to: Annotated[
        str | None, typer.Option(metavar="ID", help="Another release that served before than the last one.")
    ] = None,
) -> int:
    """Make the release serve again that served before the last promotion, with today's documents."""
    from assay.releases.promotion import rollback as go_back

    _show_flip(Console(), go_back(load_settings(), to))
    return 0


@app.command()
def estimate(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> int:
    """What building the configured release will take, before anything is built: texts, time and money of embedding."""
    from assay.releases.migration_estimate import estimate as count
    from assay.retrieval.configurations import configured_release

    settings = load_settings()
    configuration = configured_release(settings)
    found = count(_workspace(settings), configuration)
    if as_json:
        typer.echo(json.dumps({"configuration": configuration.configuration_id, **asdict(found)}))
        return 0
    known = "" if found.is_exact else " At least: the cuts of `semantic` are known once its sentences are embedded."
    measured = f", from {found.seconds_measured_on} of them timed here" if found.seconds_measured_on else ""
    lines = [
        f"Configuration {configuration.configuration_id}: {configuration.model}, {configuration.precision}, {configuration.chunker}.",
        f"{found.texts} texts, {found.cached} of them known from the vector cache; {found.to_embed} to embed, and "
        f"{found.sentences} sentences: {found.tokens} tokens.{known}",
        f"That takes some {found.seconds:.0f} s ({found.cpu_seconds:.0f} CPU seconds){measured}, and {found.usd:.2f} dollars. "
        "Nothing was built; what serves goes on serving.",
    ]
    for line in lines:
        Console().print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


def show_verdict(console: Console, settings: Settings, record: "GateRecord") -> None:
    """The verdict in a few lines: layers, warnings, and where the report lies."""
    from assay.releases.gate_record import HTML_REPORT_FILE
    from assay.releases.measured_release import evaluation_folder

    for number, said in sorted(record.layers.items()):
        console.print(f"layer {number}: {said}", markup=False, highlight=False, soft_wrap=True)
    if record.is_smoke:
        console.print(
            "[bold yellow]SMOKE[/]: the questions were made from headings, for want of golden ones. See docs/evaluation.md.",
            highlight=False,
            soft_wrap=True,
        )
    for warning in record.warnings:
        console.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)
    report = evaluation_folder(settings.releases_path, record.candidate.release_id) / HTML_REPORT_FILE
    console.print(f"report: {report}", markup=False, highlight=False, soft_wrap=True)


def _show_flip(console: Console, flip: "Flip") -> None:
    before = f"; before it, {flip.replaced.release_id} did" if flip.replaced else ""
    console.print(
        f"[green]{flip.released.release_id}[/] serves{before}. The {flip.act} took {flip.total_ms:.0f} ms, "
        f"the flip itself {flip.flip_ms:.1f} ms.",
        highlight=False,
        soft_wrap=True,
    )


def _show_list(console: Console, found: "ReleaseList") -> None:
    table = Table("release", "is", "model and chunker", "gate", header_style="bold")
    for one in found.releases:
        table.add_row(
            one.release_id,
            ", ".join(one.roles),
            escape(f"{one.configuration.model}, {one.configuration.chunker}"),
            one.gate,
        )
    console.print(table)
    for act in found.history[-10:]:
        console.print(
            f"{act.at[:19]} UTC  {act.act:<8}  {act.release_id}  run {act.run_id}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _layers(given: str | None) -> tuple[int, ...]:
    parts = [part.strip() for part in given.split(",")] if given else []
    if unknown := [part for part in parts if part not in map(str, LAYERS)]:
        raise ConfigurationError(
            f"There is no layer `{unknown[0]}`: 1 is deterministic, 2 heuristic, 3 the judge, 4 human calibration. Nothing was "
            "judged. Run `assay release gate --require-layers 3`."
        )
    return tuple(sorted({int(part) for part in parts}))


def _workspace(settings: Settings) -> Workspace:
    return Workspace(settings, Run(COMMAND_LINE, datetime.now(UTC)))
