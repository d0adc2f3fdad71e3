"""`assay documents`: what stands of a document, and what was held back."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assay.documents.gold import CHUNKS
from assay.documents.silver import STATE
from assay.errors import NotReady
from assay.lake import Lake
from assay.quality.quarantine import QUARANTINE
from assay.settings import load_settings

app = typer.Typer(help="What stands of a document, and what was held back.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")]


@app.command()
def show(
    document_id: Annotated[str, typer.Argument(metavar="ID", help="`source:path`, as search prints it.")],
    as_json: AsJson = False,
) -> int:
    """The standing version of a document, its chunks, and its quarantine if it has one."""
    lake = Lake(load_settings().lake_path)
    where = {"document_id": document_id}
    state = lake.read(STATE, where=where).to_pylist()
    if not state:
        raise NotReady(
            f"No document `{document_id}` was ever seen. Its id is `source:path`; find it with `assay search TEXT`."
        )
    chunks = lake.read(CHUNKS, where=where).sort_by("ordinal").to_pylist()
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
