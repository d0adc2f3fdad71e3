"""`assay demo`: both halves on the samples, or the documents of a folder of one's own, then one answered question."""

from typing import Annotated

import typer
from rich.console import Console

from assay.cli.gate_verdict import exit_code, show_gate_verdict
from assay.cli.ingest import ingest_documents, refuse_to_widen
from assay.cli.launching import PipelineResult, show_problems
from assay.cli.search import show_hits
from assay.cli.stages import show_document_stages, show_event_stages
from assay.documents.gold import CHUNKS
from assay.errors import NotReady
from assay.lake import Lake
from assay.retrieval.canaries import Canary, canaries_for
from assay.retrieval.hits import SearchResult
from assay.settings import Settings, load_settings

HITS_SHOWN = 3


def demo(
    documents: Annotated[
        str | None,
        typer.Option(help="A folder, glob or URI of your own instead of the samples; the events are left out then."),
    ] = None,
    allow_mass_delete: Annotated[
        bool, typer.Option(help="Accept that all or most of the files are gone: they were meant to be deleted.")
    ] = False,
) -> int:
    """Run the whole pipeline, then answer one question and say what each stage did."""
    settings = load_settings()
    if documents:
        settings = settings.model_copy(update={"documents": documents})
        refuse_to_widen(settings)
    console = Console()
    with_events = settings.events is not None and not documents
    results = ingest_documents(settings, allow_mass_delete=allow_mass_delete, with_events=with_events)
    _show_documents(console, results.documents)
    if results.events:
        _show_events(console, results.events)
    ran = [results.documents, *([results.events] if results.events else [])]
    if not results.documents.success:
        show_gate_verdict(console, settings, results.documents)
        console.print("The gate or a blocking check said no: what served before goes on serving.")
        return exit_code(*ran)
    canary = _question(settings)
    console.rule("One question, answered from the release that serves")
    show_hits(console, _ask(settings, canary))
    show_gate_verdict(console, settings, results.documents)
    console.print("\nTwo commands to try next:")
    console.print(f'  .venv/bin/assay search "{canary.question}" --mode lexical', markup=False, soft_wrap=True)
    console.print(
        "  make dev     # the asset graph, the checks and this run in the Dagster UI", markup=False, soft_wrap=True
    )
    return exit_code(*ran)


def _show_documents(console: Console, result: PipelineResult) -> None:
    console.rule("What each stage did to the documents")
    show_document_stages(console, result)
    if result.success and result.changed_no_document:
        console.print(
            "[green]Nothing changed[/] since the last run: no document was parsed, no text embedded, no release made."
        )
    show_problems(console, result)


def _show_events(console: Console, result: PipelineResult) -> None:
    console.rule("What each stage did to the events")
    show_event_stages(console, result)
    if result.success and result.changed_no_event:
        console.print("[green]Nothing changed[/] in the log: no event was typed, no mart or feature built.")
    show_problems(console, result)


def _question(settings: Settings) -> Canary:
    """The first canary question that applies to the documents at hand."""
    from assay.retrieval.configurations import served_chunker

    sources = [source.name for source in settings.active_sources]
    where: dict[str, object] = {"source": sources, "chunker": served_chunker(settings)}
    chunks = Lake(settings.lake_path).read(CHUNKS, where=where)
    found = canaries_for(chunks, settings.canaries).canaries
    if not found:
        raise NotReady(
            "No question could be made of these documents: none has a heading of its own. They are indexed; "
            'search them with `assay search "YOUR QUESTION"`.'
        )
    return found[0]


def _ask(settings: Settings, canary: Canary) -> SearchResult:
    from assay.retrieval import Searcher

    return Searcher.open(settings).search_with_timings(canary.question, k=HITS_SHOWN, principals=canary.principals)
