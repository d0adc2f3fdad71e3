"""`assay search`: ask the release that serves, or another that stands."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from assay.errors import ConfigurationError
from assay.retrieval.hits import Hit, SearchResult
from assay.settings import load_settings

EXCERPT_CHARACTERS = 600


def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to search for.")],
    k: Annotated[int, typer.Option(help="How many hits.")] = 5,
    mode: Annotated[
        str | None, typer.Option(help="hybrid, dense or lexical; otherwise what the release's configuration says.")
    ] = None,
    rerank: Annotated[str, typer.Option(help="none; no reranker is built in yet.")] = "none",
    release: Annotated[
        str | None, typer.Option(help="Ask this release in place of the one that serves; see `assay release list`.")
    ] = None,
    principal: Annotated[
        list[str] | None, typer.Option(help="Ask as this principal; repeatable. Default: ASSAY_PRINCIPALS.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Only documents of this source.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> int:
    """Search the release that serves, as somebody who may see only what they may see."""
    from assay.retrieval import Searcher
    from assay.retrieval.serving import find_release

    settings = load_settings()
    if rerank != "none":
        raise ConfigurationError(
            f"There is no reranker `{rerank}`. Nothing was searched. Use `assay search TEXT --rerank none`."
        )
    asked = find_release(settings.releases_path, release) if release else None
    result = Searcher.open(settings, asked).search_with_timings(
        text,
        k=k,
        mode=mode,  # pyright: ignore[reportArgumentType]  checked by the searcher, with a message that names the modes
        filters={"source": source} if source else None,
        principals=tuple(principal) if principal else settings.principals,
    )
    if as_json:
        typer.echo(json.dumps(result.to_json(), ensure_ascii=False))
    else:
        show_hits(Console(), result)
    return 0


def show_hits(console: Console, result: SearchResult) -> None:
    """The hits for a person: where each stands, how it scored, what it says."""
    console.print(f"[bold]{escape(result.query)}[/]\n")
    for rank, hit in enumerate(result.hits, start=1):
        parts = ", ".join(f"{name} {value:.3f}" for name, value in hit.score_parts.items())
        console.print(f"[cyan]{rank}. {escape(_place(hit))}[/]  score {hit.score:.3f} ({parts})", highlight=False)
        excerpt = hit.text if len(hit.text) <= EXCERPT_CHARACTERS else f"{hit.text[:EXCERPT_CHARACTERS]} ..."
        console.print(escape(excerpt), style="dim" if rank > 1 else "", highlight=False)
        for other in hit.places[1:]:
            console.print(f"   also in {other.document_id}", markup=False, highlight=False)
        console.print()
    if not result.hits:
        console.print("Nothing was found that you may see.")
    timings = ", ".join(f"{step} {milliseconds:.0f} ms" for step, milliseconds in result.timings_ms.items())
    console.print(f"release {result.release}: {timings}", style="dim", markup=False, highlight=False)


def _place(hit: Hit) -> str:
    headings = " > ".join(hit.heading_path)
    return f"{hit.document_id} [{hit.start}:{hit.end}]" + (f"  {headings}" if headings else "")
