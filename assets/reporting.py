"""From a stage's reports to metadata worth looking at: one set a day, numbers plotted by the UI."""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa

from assay.schema import Table

# Enough rows to judge a table by, few enough for the page to stay quick.
SAMPLE_ROWS = 8
SAMPLE_CHARACTERS = 120


def totals_by_day(reports: Iterable[Any]) -> dict[date, dict[str, int]]:
    """Per day the sums of the reports' whole numbers over the sources."""
    days: dict[date, dict[str, int]] = {}
    for report in reports:
        day = days.setdefault(report.day, {})
        for name, value in dataclasses.asdict(report).items():
            if isinstance(value, int) and not isinstance(value, bool):
                day[name] = day.get(name, 0) + value
            elif isinstance(value, Mapping):
                for kind, count in value.items():
                    day[kind] = day.get(kind, 0) + count
    return days


def log_days(
    context: dg.AssetExecutionContext, totals: Mapping[date, Mapping[str, int]], asset_key: dg.AssetKey | None = None
) -> None:
    """Attach each day's numbers to that day's materialization; days without any get none."""
    for key in context.partition_keys:
        if numbers := totals.get(date.fromisoformat(key)):
            context.add_asset_metadata(dict(numbers), asset_key=asset_key or context.asset_key, partition_key=key)


def numbers_of(report: Any) -> dict[str, int]:
    """The whole numbers of a report as metadata."""
    fields = dataclasses.asdict(report).items()
    return {name: value for name, value in fields if isinstance(value, int) and not isinstance(value, bool)}


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
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for row in rows.select(columns).slice(0, SAMPLE_ROWS).to_pylist():
        cells = (" ".join(str(row[name]).split()).replace("|", "\\|")[:SAMPLE_CHARACTERS] for name in columns)
        lines.append(f"| {' | '.join(cells)} |")
    return dg.MetadataValue.md("\n".join(lines))
