"""From a stage's reports to metadata worth looking at: one set a day, numbers plotted by the UI."""

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, TypeAlias, TypeVar

import dagster as dg
import pyarrow as pa

from assay.documents.sources import place_of
from assay.quality.data_docs import page_path, page_url
from assay.schema import Table
from assay.workspace import Workspace

# Enough rows to judge a table by, few enough for the page to stay quick.
SAMPLE_ROWS = 8
SAMPLE_CHARACTERS = 120

Report = TypeVar("Report")
Numbers: TypeAlias = dict[date, dict[str, Any]]


def timed(reports: Iterable[Report]) -> Iterator[tuple[Report, float]]:
    """Each of a lazy iterable's reports with the seconds that its making took."""
    made, began = iter(reports), time.perf_counter()
    for report in made:
        yield report, time.perf_counter() - began
        began = time.perf_counter()


def clocked(stage: Callable[..., Report], *arguments: Any) -> tuple[Report, float]:
    """A stage's report, and the seconds it took."""
    began = time.perf_counter()
    return stage(*arguments), time.perf_counter() - began


def totals_by_day(reports: Iterable[tuple[Any, float]]) -> Numbers:
    """Per day the sums of the reports' whole numbers over the sources, and the seconds they took."""
    days: dict[date, dict[str, int | float]] = {}
    for report, seconds in reports:
        day = days.setdefault(report.day, {})
        for name, value in [*numbers_of(report).items(), *_counts_of(report), ("seconds", seconds)]:
            day[name] = day.get(name, 0) + value
    return days


def totals_of_run(
    days: list[date], report: Any, seconds: float, by_day: Mapping[date, Mapping[str, int]] | None = None
) -> Numbers:
    """What a stage of the present state did: what stands after the run is said of its last day alone.

    What it changed is counted under the day that brought it (`by_day`), or under the last one where that was not run.
    """
    changes = by_day or {}
    counted: dict[date, dict[str, int | float]] = {days[-1]: {**numbers_of(report), "seconds": seconds}}
    counted[days[-1]] |= dict.fromkeys({name for counts in changes.values() for name in counts}, 0)
    for day, counts in changes.items():
        numbers = counted.setdefault(day if day in days else days[-1], {})
        for name, count in counts.items():
            numbers[name] = numbers.get(name, 0) + count
    return counted


def log_days(
    context: dg.AssetExecutionContext,
    totals: Numbers,
    asset_key: dg.AssetKey | None = None,
    links: Callable[[date], Mapping[str, Any]] | None = None,
) -> None:
    """Attach each day's numbers and links to that day's materialization; days without numbers get neither."""
    for key in context.partition_keys:
        day = date.fromisoformat(key)
        if numbers := totals.get(day):
            linked = links(day) if links else {}
            context.add_asset_metadata(
                {**numbers, **linked}, asset_key=asset_key or context.asset_key, partition_key=key
            )


def numbers_of(report: Any) -> dict[str, int]:
    """The whole numbers of a report as metadata."""
    fields = ((field.name, getattr(report, field.name)) for field in dataclasses.fields(report))
    return {name: value for name, value in fields if isinstance(value, int) and not isinstance(value, bool)}


def _counts_of(report: Any) -> Iterator[tuple[str, int]]:
    """The counts that a report holds by kind."""
    for field in dataclasses.fields(report):
        if isinstance(counts := getattr(report, field.name), Mapping):
            yield from counts.items()


def data_docs(workspace: Workspace, table: Table, day: date, sources: Iterable[str] | None = None) -> dict[str, Any]:
    """Links to the pages of what was judged of a table's day, one per source that has one."""
    settings = workspace.settings
    names = [source.name for source in settings.active_sources] if sources is None else sources
    return {
        f"data docs: {name}": dg.MetadataValue.url(page_url(settings, table.name, name, day))
        for name in names
        if page_path(settings, table.name, name, day).exists()
    }


def places(workspace: Workspace, day: date) -> dict[str, Any]:
    """Where each source lay on a day: a URL, or a path to copy, for browsers open no files from a page."""
    found = {source.name: place_of(source, day) for source in workspace.settings.active_sources}
    return {
        f"source: {name}": dg.MetadataValue.url(place) if "://" in place else dg.MetadataValue.path(place)
        for name, place in found.items()
    }


def column_schema(table: Table) -> dg.TableSchema:
    """The table's columns with their meaning, from its row class."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                field.name,
                str(field.type),
                description=table.column_descriptions[field.name],
                constraints=dg.TableColumnConstraints(nullable=field.nullable),
            )
            for field in table.schema
        ]
    )


def sample_of(rows: pa.Table, columns: list[str]) -> dg.MarkdownMetadataValue:
    """A few rows as a Markdown table."""
    sample = rows.select(columns).slice(0, SAMPLE_ROWS).to_pylist()
    return markdown_table(columns, [[row[name] for name in columns] for row in sample])


def markdown_table(header: list[str], rows: list[list[Any]], *, limit: int = SAMPLE_ROWS) -> dg.MarkdownMetadataValue:
    """The header and the first `limit` of the rows as a Markdown table."""
    lines: list[str] = []
    for row in (header, *rows[:limit]):
        cells = (" ".join(str(cell).split()).replace("|", "\\|")[:SAMPLE_CHARACTERS] for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return dg.MetadataValue.md("\n".join([lines[0], f"|{'---|' * len(header)}", *lines[1:]]))
