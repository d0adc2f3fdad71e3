"""Which days hold together: the invariants of a source and day, judged while the day is written and kept in the lake."""

from collections.abc import Iterable, Sequence
from datetime import date

import duckdb

from assay.documents.bronze import days_to_derive
from assay.documents.invariants import DAY_RULES
from assay.documents.manifests import observed_days
from assay.quality.rules import Rule
from assay.quality.verdicts import VERDICTS, record_verdicts
from assay.schema import Table
from assay.settings import SourceSettings
from assay.workspace import Workspace

Place = tuple[SourceSettings, date]


def places_of(workspace: Workspace, days: Sequence[date]) -> list[Place]:
    """The sources and days that a run of `days` derives: those observed, and the observed days after them."""
    sources = workspace.settings.active_sources
    return [(source, day) for source in sources for day in days_to_derive(workspace, source, list(days))]


def observed_places(workspace: Workspace) -> list[Place]:
    """Every source with every day on which it was observed."""
    sources = workspace.settings.active_sources
    return [(source, day) for source in sources for day in observed_days(workspace.lake, source)]


def judge_day(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, table: Table, source: SourceSettings, day: date
) -> None:
    """Record what the invariants of a table say of a source and day; the document state leaves out what breaks one.

    Called by the stage that writes the day, under its lock: in between, another run may have written half of it.
    """
    rules = rules_of(workspace, connection, table, source, day)
    record_verdicts(workspace, table, source.name, day, rules)


def rules_of(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, table: Table, source: SourceSettings, day: date
) -> list[Rule]:
    """What the invariants of a table say of a source and day now."""
    return DAY_RULES[table.name](workspace, connection, source, day)


def recorded(workspace: Workspace, table: Table, places: Iterable[Place]) -> dict[tuple[str, date], list[Rule]]:
    """What was said of each source and day when they were judged last."""
    wanted = {(source.name, day) for source, day in places}
    where = {"table_name": table.name, "day": sorted({day for _, day in wanted})}
    found: dict[tuple[str, date], list[Rule]] = {}
    for row in workspace.lake.read(VERDICTS, where=where).to_pylist():
        if (place := (row["source"], row["day"])) in wanted:
            rule = Rule(row["rule"], row["passed"], row["detail"], row["offenders"])
            found.setdefault(place, []).append(rule)
    return found
