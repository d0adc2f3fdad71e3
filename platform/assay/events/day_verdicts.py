"""Which arrival days hold together: the invariants of a source and day, judged while the day is written and kept in the lake.

A day that does not is held back: it is not listed in silver/event_days, and what dbt makes of events leaves it out.
"""

from collections.abc import Iterable, Sequence
from datetime import date

import duckdb

from assay.events.arrivals import LOG, EventSource, event_source
from assay.events.conservation import EVENT_DAY_RULES
from assay.quality.rules import Rule
from assay.quality.verdicts import VERDICTS, record_verdicts
from assay.schema import Table
from assay.workspace import Workspace

EventPlace = tuple[EventSource, date]


def landed_days(workspace: Workspace) -> list[date]:
    """The arrival days of which something is stored, in order; none while the events half is switched off."""
    source = event_source(workspace.settings)
    where = {"source": source.name if source else ""}
    days: list[date] = workspace.lake.read(LOG, where=where, columns=["day"])["day"].unique().to_pylist()
    return sorted(days)


def places_of(workspace: Workspace, days: Sequence[date]) -> list[EventPlace]:
    """The source with those of `days` of which something is stored."""
    source = event_source(workspace.settings)
    return [(source, day) for day in landed_days(workspace) if day in days] if source else []


def judge_day(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, table: Table, source: str, day: date
) -> list[Rule]:
    """Record what the invariants of a table say of a source and day.

    Called by the stage that writes the day, under its lock: in between, another run may have written half of it.
    """
    rules = rules_of(workspace, connection, table, source, day)
    record_verdicts(workspace, table, source, day, rules)
    return rules


def rules_of(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, table: Table, source: str, day: date
) -> list[Rule]:
    """What the invariants of a table say of a source and day now."""
    return EVENT_DAY_RULES[table.name](workspace, connection, source, day)


def recorded(workspace: Workspace, table: Table, places: Iterable[EventPlace]) -> dict[tuple[str, date], list[Rule]]:
    """What was said of each source and day when they were judged last."""
    wanted = {(source.name, day) for source, day in places}
    where = {"table_name": table.name, "day": sorted({day for _, day in wanted})}
    found: dict[tuple[str, date], list[Rule]] = {}
    for row in workspace.lake.read(VERDICTS, where=where).to_pylist():
        if (place := (row["source"], row["day"])) in wanted:
            rule = Rule(row["rule"], row["passed"], row["detail"], row["offenders"])
            found.setdefault(place, []).append(rule)
    return found
