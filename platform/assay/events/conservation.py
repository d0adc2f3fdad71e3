"""Invariant 2 for events, counted: every record that came stands typed or in quarantine, and most stand typed.

The rules read what stands and count it their own way, not by the query that wrote it.
"""

from collections.abc import Callable, Mapping
from datetime import date

import duckdb
import pyarrow as pa

from assay.event_tables import EventRow, LogRow, QuarantinedEventRow
from assay.quality.rules import Rule, none_of
from assay.schema import Table, table_of
from assay.warehouse import query, registered
from assay.workspace import Workspace

LOG = table_of(LogRow)
EVENTS = table_of(EventRow)
QUARANTINED_EVENTS = table_of(QuarantinedEventRow)

EventDayRules = Callable[[Workspace, duckdb.DuckDBPyConnection, str, date], list[Rule]]


def _log_rules(workspace: Workspace, connection: duckdb.DuckDBPyConnection, source: str, day: date) -> list[Rule]:
    """A place of the log holds one record, and a record stands under the day on which it arrived."""
    with registered(connection, {"log": _placed(workspace, LOG, source, day)}):
        found = query(connection, "assay.events", "log_faults.sql").to_pylist()
    faults = {kind: [one["place"] for one in found if one["fault"] == kind] for kind in ("doubled", "misplaced")}
    return [
        none_of("log_places_hold_one_record", faults["doubled"], "places of the log hold several records"),
        none_of("records_stand_under_their_day", faults["misplaced"], "records arrived on another day"),
    ]


def _event_rules(workspace: Workspace, connection: duckdb.DuckDBPyConnection, source: str, day: date) -> list[Rule]:
    """Records that came == typed + quarantined, each once; and no more are quarantined than settings bear."""
    tables = {
        "log": _placed(workspace, LOG, source, day),
        "typed": _placed(workspace, EVENTS, source, day),
        "quarantined": _placed(workspace, QUARANTINED_EVENTS, source, day),
    }
    with registered(connection, tables):
        offenders = query(connection, "assay.events", "unconserved_events.sql")["place"].to_pylist()
    came, typed, quarantined = (rows.num_rows for rows in tables.values())
    share, most = quarantined / max(came, 1), workspace.settings.max_quarantined_ratio
    return [
        none_of(
            "events_are_conserved",
            offenders,
            f"records are lost, doubled or in two places at once ({came} came, {typed} typed, {quarantined} quarantined)",
        ),
        Rule(
            "most_events_keep_their_contract",
            share <= most,
            f"{quarantined} of {came} records quarantined ({share:.1%}); `ASSAY_MAX_QUARANTINED_RATIO` bears {most:.1%}",
            quarantined if share > most else 0,
        ),
    ]


# The event tables that are written by day of arrival, with what judges a source and day of each.
EVENT_DAY_RULES: Mapping[str, EventDayRules] = {LOG.name: _log_rules, EVENTS.name: _event_rules}


def _placed(workspace: Workspace, table: Table, source: str, day: date) -> pa.Table:
    """Where the records of a source and day stand in the log, and when they arrived."""
    where = {"source": source, "day": day}
    return workspace.lake.read(table, where=where, columns=["day", "log_partition", "offset", "available_at"])
