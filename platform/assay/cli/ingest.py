"""`assay ingest`: a folder, glob or URI through every stage to the gate."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer
from rich.console import Console

from assay.cli.gate_verdict import exit_code, show_gate_verdict
from assay.cli.launching import (
    PipelineResult,
    Results,
    prepare_dagster_home,
    run_pipeline,
    show_problems,
)
from assay.cli.stages import show_document_stages
from assay.documents.sources import available_days
from assay.errors import ConfigurationError, SourceError
from assay.settings import Settings, folder_root, load_settings


def ingest(
    place: Annotated[
        str, typer.Argument(metavar="DIR|URI", help="A folder, a glob, an fsspec URI, or a Parquet table of snapshots.")
    ],
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Take what is there now for how it stood on this day (UTC)."),
    ] = None,
    allow_mass_delete: Annotated[
        bool, typer.Option(help="Accept that all or most of the files are gone: they were meant to be deleted.")
    ] = False,
) -> int:
    """Take documents in, through to the gate; say what was added, changed, moved, deleted, quarantined, embedded, reused."""
    settings = load_settings().model_copy(update={"documents": place})
    refuse_to_widen(settings)
    console = Console()
    result = ingest_documents(
        settings, as_of=as_of.date() if as_of else None, allow_mass_delete=allow_mass_delete
    ).documents
    show_document_stages(console, result)
    show_counts(console, result)
    show_problems(console, result)
    show_gate_verdict(console, settings, result)
    return exit_code(result)


def refuse_to_widen(settings: Settings) -> None:
    """A place that a configured source already covers keeps that source's rules.

    Raises ConfigurationError: as a source of its own it would have none, and everybody could find all of it.
    """
    place = folder_root(settings.documents or "")
    for source in settings.sources:
        covered = folder_root(source.uri)
        if source.rules and (place.is_relative_to(covered) or covered.is_relative_to(place)):
            raise ConfigurationError(
                f"`{settings.documents}` overlaps source `{source.name}` (`{source.uri}`), whose path rules say who may "
                "find what. Taken in by itself it would be public. Nothing was run. Run the configured sources with "
                "`assay demo`, or copy the folder elsewhere."
            )


def ingest_documents(
    settings: Settings, *, as_of: date | None = None, allow_mass_delete: bool = False, with_events: bool = False
) -> Results:
    """Run the pipeline over the days that the sources of `settings` can show; `as_of` is the one day to run instead.

    `with_events`: and after it the events, over all days of their log.

    Raises SourceError when no source holds a day, ConfigurationError for a day before the first partition.
    """
    prepare_dagster_home(settings)
    today = datetime.now(UTC).date()
    days = (
        [as_of]
        if as_of
        else sorted({day for source in settings.active_sources for day in available_days(source, today)})
    )
    if not days:
        places = ", ".join(f"`{source.uri}`" for source in settings.active_sources)
        raise SourceError(
            f"{places} holds no folder of a day. Nothing was written. Look with `ls`, then run this again."
        )
    if days[0] < settings.first_day:
        raise ConfigurationError(
            f"{days[0]} lies before the first partition, {settings.first_day}. Nothing was run. "
            f"Set it with `export ASSAY_FIRST_DAY={days[0]}`, then run this again."
        )
    if days[-1] > today:
        raise ConfigurationError(
            f"{days[-1]} lies in the future; today is {today} (UTC). Nothing was run. See `assay ingest --help`."
        )
    return run_pipeline(
        settings,
        days[0],
        days[-1],
        as_of=as_of is not None,
        allow_mass_delete=allow_mass_delete,
        with_events=with_events,
    )


def show_counts(console: Console, result: PipelineResult) -> None:
    """The one line that scripts and people look for."""
    number = result.number
    counts = {
        **{name: number("silver/document_state", name) for name in ("added", "changed", "moved", "deleted")},
        "quarantined": number("silver/documents", "quarantined") + number("bronze/manifests", "refused"),
        "embedded": number("gold/embeddings", "embedded"),
        "reused": number("gold/embeddings", "reused"),
    }
    console.print(", ".join(f"{name} {count}" for name, count in counts.items()))
