"""`assay documents`: what stands of a document, and what was held back."""

import json
from datetime import date
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assay.cli.launching import EXIT_CHECK_FAILED, run_pipeline, show_problems
from assay.cli.stages import show_document_stages
from assay.documents.gold import CHUNKS
from assay.documents.inbox import ranges
from assay.documents.state import STATE
from assay.errors import NotReady
from assay.lake import Lake
from assay.quality.outcomes import is_present_state
from assay.quality.quarantine import QUARANTINE
from assay.settings import Settings, load_settings

app = typer.Typer(help="What stands of a document, and what was held back.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")]


@app.command()
def show(
    document_id: Annotated[str, typer.Argument(metavar="ID", help="`source:path`, as search prints it.")],
    as_json: AsJson = False,
) -> int:
    """The standing version of a document, its chunks, and its quarantine if it has one."""
    from assay.retrieval.configurations import served_chunker

    settings = load_settings()
    lake = Lake(settings.lake_path)
    where = {"document_id": document_id}
    state = lake.read(STATE, where=where).to_pylist()
    if not state:
        raise NotReady(
            f"No document `{document_id}` was ever seen. Its id is `source:path`; find it with `assay search TEXT`."
        )
    of_served: dict[str, object] = {**where, "chunker": served_chunker(settings)}
    chunks = lake.read(CHUNKS, where=of_served).sort_by("ordinal").to_pylist()
    held_back = lake.read(QUARANTINE, where=where).to_pylist()
    if as_json:
        typer.echo(
            json.dumps({"state": state[0], "chunks": chunks, "quarantine": held_back}, default=str, ensure_ascii=False)
        )
        return 0
    console = Console()
    for name, value in state[0].items():
        console.print(f"{name:<20} {value}", markup=False, highlight=False)
    for row in held_back:
        console.print(f"[yellow]quarantined[/] {row['day']} {row['reason']}: {escape(row['detail'])}")
    table = Table("chunk", "characters", "tokens", "headings", "text")
    for chunk in chunks:
        headings = " > ".join(chunk["heading_path"])
        table.add_row(
            str(chunk["ordinal"]),
            f"{chunk['start']}:{chunk['end']}",
            str(chunk["token_count"]),
            escape(headings),
            escape(chunk["text"][:120]),
        )
    console.print(table)
    return 0


@app.command()
def retry() -> int:
    """Take everything that is held back through the pipeline again, after what held it back was mended."""
    settings, console = load_settings(), Console()
    before, strangers = _held_back(settings)
    if strangers:
        console.print(f"Left alone, for their source is not configured here: {', '.join(strangers)}", markup=False)
    if not before:
        console.print("Nothing is in quarantine that could be tried again.")
        return 0
    success = True
    for first_day, last_day in ranges(day for day, _ in before):
        result = run_pipeline(settings, first_day, last_day, retry_quarantined=True).documents
        show_document_stages(console, result)
        show_problems(console, result)
        success = success and result.success and not result.failed_checks
    after, _ = _held_back(settings)
    console.print(f"{len(before - after)} of {len(before)} are held back no longer, {len(after)} are.")
    if after:
        console.print("See why with `assay documents quarantine`.")
    return 0 if success else EXIT_CHECK_FAILED


def _held_back(settings: Settings) -> tuple[set[tuple[date, str]], list[str]]:
    """What is in quarantine, as day and document, and the sources of it that are not configured."""
    rows = Lake(settings.lake_path).read(QUARANTINE, columns=["source", "day", "document_id"]).to_pylist()
    ours = {source.name for source in settings.active_sources}
    ours |= {source for row in rows if is_present_state(source := row["source"])}
    held_back = {(row["day"], row["document_id"]) for row in rows if row["source"] in ours}
    return held_back, sorted({row["source"] for row in rows} - ours)


@app.command()
def quarantine(as_json: AsJson = False) -> int:
    """Every document version that was held back, with the reason."""
    rows = (
        Lake(load_settings().lake_path)
        .read(QUARANTINE)
        .sort_by([("day", "descending"), ("document_id", "ascending")])
        .to_pylist()
    )
    if as_json:
        typer.echo(json.dumps(rows, default=str, ensure_ascii=False))
        return 0
    table = Table("day", "stage", "document", "reason", "what was seen")
    for row in rows:
        table.add_row(str(row["day"]), row["stage"], escape(row["document_id"]), row["reason"], escape(row["detail"]))
    Console().print(table if rows else "Nothing is in quarantine.")
    return 0
