"""Events: the log as it came, and what it says by its contracts. A record that breaks one is kept with the reason."""

from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Any

import dagster as dg

from assay.errors import SourceError
from assay.events.arrivals import LOG, event_source
from assay.events.bronze import EventsReport, land_events
from assay.events.conservation import EVENTS, QUARANTINED_EVENTS
from assay.events.silver import EVENT_DAYS, type_events
from assay.schema import Table
from assay.workspace import Workspace
from assets.partitions import DAILY, ONE_RUN, days_of
from assets.reporting import column_schema, data_docs, log_days, sample_of, timed, totals_by_day
from assets.resources import AssayHome, LakeEngine
from assets.retries import RETRIES, retried_on_storage_errors

LOGS_READ = "every_log_could_be_read"
LOG_KEY = dg.AssetKey(["bronze", "events"])
EVENTS_KEY = dg.AssetKey(["silver", "events"])
QUARANTINE_KEY = dg.AssetKey(["silver", "quarantined_events"])


@dg.asset(
    key=LOG_KEY,
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="bronze",
    kinds={"python", "delta"},
    owners=["team:data-platform"],
    check_specs=[
        dg.AssetCheckSpec(
            LOGS_READ, asset=LOG_KEY, description="A log that cannot be read, or has shrunk, changes nothing."
        )
    ],
    metadata={"dagster/column_schema": column_schema(LOG)},
    retry_policy=RETRIES,
)
@retried_on_storage_errors
def event_log(context: dg.AssetExecutionContext, home: AssayHome) -> dg.MaterializeResult:
    """The event log as it came: every record under the UTC day on which it arrived, whatever it says.

    **Teaches:** keep what came, twice if it came twice. The day of arrival never changes, so a day is written once and a
    late event costs nothing here; on which day it happened is asked later, and that day is built again.
    """
    workspace = home.workspace(context)
    problems: list[str] = []

    def reports() -> Iterator[EventsReport]:
        for day in days_of(context):
            try:
                if report := land_events(workspace, day):
                    yield report
            except SourceError as error:
                problems.append(str(error))

    log_days(context, totals_by_day(timed(reports())), links=partial(_place, workspace))
    check = dg.AssetCheckResult(passed=not problems, check_name=LOGS_READ, metadata={"problems": problems})
    return dg.MaterializeResult(check_results=[check])


@dg.multi_asset(
    name="silver_events",
    specs=[
        dg.AssetSpec(
            EVENTS_KEY,
            deps=[event_log],
            group_name="silver",
            owners=["team:data-platform"],
            kinds={"duckdb", "delta"},
            metadata={"dagster/column_schema": column_schema(EVENTS)},
            description=(
                "Every record that keeps its contract, typed and by its newest names.\n\n"
                "**Teaches:** producers change without asking. What changes is declared per event type and version: a field "
                "that was renamed is adapted, a new one is taken, one that nobody knows is kept beside the row, and what "
                "breaks the contract is quarantined. None of it is dropped silently."
            ),
        ),
        dg.AssetSpec(
            QUARANTINE_KEY,
            deps=[event_log],
            group_name="silver",
            owners=["team:data-platform"],
            kinds={"duckdb", "delta"},
            metadata={"dagster/column_schema": column_schema(QUARANTINED_EVENTS)},
            description=(
                "Records that break their contract or whose clock runs ahead, whole, with the reason.\n\n"
                "**Teaches:** a wrong clock is worse than a missing event. An event from the future would move every window "
                "it falls into; a little skew is borne and clamped later, more of it is held back here, and both are counted."
            ),
        ),
    ],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    retry_policy=RETRIES,
)
@retried_on_storage_errors
def silver_events(context: dg.AssetExecutionContext, home: AssayHome, engine: LakeEngine):
    """Type each day's records; write what keeps its contract, quarantine the rest, and note which event days they touch."""
    workspace, days = home.workspace(context), days_of(context)
    with engine.get_connection() as connection:
        reports = (type_events(workspace, connection, day) for day in days)
        totals = totals_by_day(timed(report for report in reports if report))
    for asset_key, table in ((EVENTS_KEY, EVENTS), (QUARANTINE_KEY, QUARANTINED_EVENTS)):
        log_days(context, totals, asset_key, links=partial(_docs, workspace, table))
    arrived = workspace.lake.read(EVENT_DAYS, where={"day": days}).sort_by(
        [("day", "descending"), ("event_day", "ascending")]
    )
    held_back = workspace.lake.read(QUARANTINED_EVENTS, where={"day": days}, columns=["reason", "event_type", "detail"])
    reasons = held_back.group_by("reason").aggregate([("reason", "count")]).sort_by([("reason_count", "descending")])
    yield dg.MaterializeResult(
        EVENTS_KEY, metadata={"event_days_by_arrival": sample_of(arrived, ["day", "event_day", "events"])}
    )
    yield dg.MaterializeResult(
        QUARANTINE_KEY,
        metadata={
            "by_reason": sample_of(reasons, ["reason", "reason_count"]),
            "held_back": sample_of(held_back, ["reason", "event_type", "detail"]),
        },
    )


def _place(workspace: Workspace, day: date) -> dict[str, Any]:
    """Where the log of a day lies."""
    source = event_source(workspace.settings)
    return {f"source: {source.name}": dg.MetadataValue.path(source.folder_of(day))} if source else {}


def _docs(workspace: Workspace, table: Table, day: date) -> dict[str, Any]:
    source = event_source(workspace.settings)
    return data_docs(workspace, table, day, [source.name]) if source else {}
