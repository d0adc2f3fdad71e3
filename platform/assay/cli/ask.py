"""`assay ask`: an answer out of the release that serves, with the places it was quoted from, or why there is none."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from assay.errors import NotReady
from assay.retrieval.hits import Hit, SearchResult
from assay.settings import load_settings

if TYPE_CHECKING:
    from assay.answering import Answer


def ask(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The question.")],
    principal: Annotated[
        list[str] | None, typer.Option(help="Ask as this principal; repeatable. Default: ASSAY_PRINCIPALS.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> int:
    """Ask the release that serves: quotes with their places, or an abstention. Both end with 0."""
    from assay.answering import open_answerer
    from assay.retrieval import Searcher, read_pointer
    from assay.retrieval.configurations import embedder_of, read_manifest

    settings = load_settings()
    serving = read_pointer(settings.releases_path)
    if serving is None:
        raise NotReady(
            "Nothing was released yet, so there is nothing to ask. Run the sample with `make demo`, or your own documents "
            "with `assay ingest DIR`."
        )
    configuration = read_manifest(settings.releases_path, serving.configuration)
    principals = tuple(principal) if principal else settings.principals
    found = Searcher.open(settings, serving).search_with_timings(text, k=configuration.passages, principals=principals)
    began = time.perf_counter()
    own = configuration.settings(settings)
    answer = open_answerer(own, embedder_of(configuration, settings), configuration)(text, found.hits)
    answer_ms = round(1000 * (time.perf_counter() - began), 3)
    timings_ms = {**found.timings_ms, "answer": answer_ms, "total": round(found.timings_ms["total"] + answer_ms, 3)}
    if as_json:
        typer.echo(json.dumps(_as_json(answer, found, timings_ms), ensure_ascii=False))
    else:
        _show(Console(), answer, found, timings_ms)
    return 0


def _as_json(answer: "Answer", found: SearchResult, timings_ms: Mapping[str, float]) -> dict[str, Any]:
    return {
        "question": answer.question,
        "release": found.release,
        "answer": None if answer.abstained else answer.text,
        "abstained": answer.abstained,
        "reason": answer.reason,
        "citations": [
            {name: getattr(one, name) for name in ("chunk_id", "document_id", "uri", "start", "end", "quote")}
            | {"page": hit.page, "heading_path": list(hit.heading_path)}
            for one, hit in zip(answer.citations, _cited(answer, found.hits), strict=True)
        ],
        "timings_ms": timings_ms,
    }


def _show(console: Console, answer: "Answer", found: SearchResult, timings_ms: Mapping[str, float]) -> None:
    console.print(f"[bold]{escape(answer.question)}[/]\n")
    if answer.abstained:
        console.print(f"[yellow]No answer.[/] {escape(answer.reason or '')}", highlight=False)
        console.print("See what was found with `assay search TEXT`.", markup=False, highlight=False)
    else:
        console.print(answer.text, markup=False, highlight=False)
    for number, (one, hit) in enumerate(zip(answer.citations, _cited(answer, found.hits), strict=True), start=1):
        headings = f"  {' > '.join(hit.heading_path)}" if hit.heading_path else ""
        place = f"[{number}] {one.uri}  page {hit.page}{headings}  characters {one.start} to {one.end}"
        console.print(f"\n{place}", style="cyan", markup=False, highlight=False, soft_wrap=True)
        console.print(one.quote, style="dim", markup=False, highlight=False)
    timings = ", ".join(f"{step} {milliseconds:.0f} ms" for step, milliseconds in timings_ms.items())
    console.print(f"\nrelease {found.release}: {timings}", style="dim", markup=False, highlight=False)


def _cited(answer: "Answer", hits: Sequence[Hit]) -> list[Hit]:
    """The hit of each citation."""
    by_chunk = {hit.chunk_id: hit for hit in hits}
    return [by_chunk[one.chunk_id] for one in answer.citations]
