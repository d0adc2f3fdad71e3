"""`assay features`: what feature views there are, and training sets of them that see nothing too early."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from assay.dbt import manifest_of
from assay.errors import ConfigurationError
from assay.settings import Settings, load_settings
from assay.workspace import Run, Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.features.registry import FeatureView
    from assay.features.training_sets import Manifest

PROJECT = Path("dbt_project")
MODES = ("as_served", "as_known")

app = typer.Typer(help="Feature views, and training sets that see nothing too early.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")]


@app.command("list")
def list_views(as_json: AsJson = False) -> int:
    """Every feature view: by which columns it is joined, for how long its values hold, what stands of it."""
    workspace = _workspace(load_settings())
    described = [_described(workspace, view) for view in _views(workspace)]
    if as_json:
        typer.echo(json.dumps(described, default=str, ensure_ascii=False))
        return 0
    table = Table("view", "entity", "ttl", "owner", "online", "rows", "newest event", "logic")
    for one in described:
        table.add_row(
            one["view"],
            ", ".join(one["entity"]),
            str(timedelta(seconds=one["ttl_seconds"])),
            one["owner"],
            "yes" if one["online"] else "no",
            str(one["rows"]),
            f"{one['newest_event_ts']:%Y-%m-%d %H:%M}" if one["newest_event_ts"] else "none yet",
            one["logic_version"],
        )
    Console().print(table)
    return 0


@app.command("training-set")
def training_set(
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="Parquet or CSV: entity columns and a time.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The Parquet file; its manifest is written beside it.")],
    views: Annotated[
        str | None, typer.Option(help="Comma-separated; all whose entity columns the labels have, unless named.")
    ] = None,
    mode: Annotated[str, typer.Option(help="as_served, or as_known: what was known at --known-at.")] = MODES[0],
    known_at: Annotated[
        str | None, typer.Option(metavar="T", help="For as_known: a time with its offset, 2026-11-10T00:00:00Z.")
    ] = None,
    embargo: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Leave out what came so shortly before a label.")
    ] = 0,
    label_time: Annotated[str, typer.Option(metavar="COLUMN", help="The labels' time.")] = "label_ts",
    rebuild: Annotated[
        Path | None, typer.Option(metavar="MANIFEST", help="Make the very bytes again that this manifest describes.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Join every label with the feature values that were known at its time; no label is lost, none sees the future."""
    from assay.features import training_sets
    from assay.features.training_set_files import manifest_path, read_labels, read_manifest, write_training_set

    if mode not in MODES:
        raise ConfigurationError(
            f"There is no mode `{mode}`: {' and '.join(MODES)} are what exists. Nothing was written. "
            f"Run `assay features training-set {labels} --out {out}`."
        )
    if (mode == "as_known") != (known_at is not None):
        raise ConfigurationError(
            "`--mode as_known` needs `--known-at T`, and `as_served` takes none. Nothing was written. Run "
            f"`assay features training-set {labels} --out {out} --mode as_known --known-at 2026-11-10T00:00:00Z`."
        )
    workspace = _workspace(load_settings())
    known = _views(workspace)
    described = read_manifest(rebuild) if rebuild else None
    rows_of_labels = read_labels(labels, known, described.label_time if described else label_time)
    if described:
        rows, manifest = training_sets.rebuild(workspace, known, described, rows_of_labels), described
    else:
        named = [name.strip() for name in views.split(",") if name.strip()] if views else None
        rows, manifest = training_sets.build_training_set(
            workspace,
            training_sets.views_for(rows_of_labels, known, named),
            rows_of_labels,
            mode=mode,  # pyright: ignore[reportArgumentType]  checked above, with a message that names the modes
            known_at=_moment(known_at) if known_at else None,
            embargo=timedelta(seconds=embargo),
            label_time=label_time,
        )
    write_training_set(out, rows, manifest)
    told = {
        "file": str(out),
        "manifest": str(manifest_path(out)),
        "rows": manifest.rows,
        "views": {name: pin.log_version for name, pin in manifest.views.items()},
        "mode": manifest.mode,
        "sha256": manifest.sha256,
        "found": _found(rows, manifest),
    }
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show(Console(), told)
    return 0


def _workspace(settings: Settings) -> Workspace:
    return Workspace(settings, Run("assay features", datetime.now(UTC)))


def _views(workspace: Workspace) -> "list[FeatureView]":
    if workspace.settings.events is None:
        raise ConfigurationError(
            "The events half is switched off by an empty `ASSAY_EVENTS`, and feature views are made of events. Nothing was "
            "written. Take it away with `unset ASSAY_EVENTS`, or out of `.env`."
        )
    from assay.features.registry import registry

    return list(registry(manifest_of(PROJECT, workspace.settings.home)).values())


def _described(workspace: Workspace, view: "FeatureView") -> dict[str, Any]:
    from pyarrow import compute

    pc: Any = compute  # its functions are made at import, where no type checker sees them
    times = workspace.lake.read(view.table, columns=["event_ts"])["event_ts"]
    return {
        "view": view.name,
        "entity": list(view.entity),
        "values": list(view.value_names),
        "ttl_seconds": view.ttl.total_seconds(),
        "owner": view.owner,
        "online": view.online,
        "rows": len(times),
        "newest_event_ts": pc.max(times).as_py(),
        "logic_version": view.logic_version,
    }


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigurationError(
            f"`--known-at {text}` is not a time with its offset. Nothing was written. Write it like "
            "`--known-at 2026-11-10T00:00:00Z`."
        )
    return moment


def _found(rows: "pa.Table", manifest: "Manifest") -> dict[str, int]:
    """For how many labels a view had any value."""
    found: dict[str, int] = {}
    for name, pin in manifest.views.items():
        present = [rows[f"{name}__{value}"].is_valid().to_pylist() for value in pin.values]
        found[name] = sum(map(any, zip(*present, strict=True)))
    return found


def _show(console: Console, told: dict[str, Any]) -> None:
    table = Table("view", "labels with a value", "log version")
    for name, version in told["views"].items():
        table.add_row(name, f"{told['found'][name]} of {told['rows']}", str(version))
    console.print(table)
    for line in (
        f"{told['rows']} labels in, {told['rows']} rows out ({told['mode']}): {told['file']}",
        f"sha256 {told['sha256']}",
        f"The very bytes again: `assay features training-set LABELS --out FILE --rebuild {told['manifest']}`.",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
