"""Checks of the event tables, by the day of arrival: a day that they refuse stays out of everything that dbt makes."""

from collections.abc import Sequence
from datetime import date

import duckdb

from assay.events.arrivals import EventSource, event_source
from assay.events.conservation import EVENTS, LOG
from assay.events.day_verdicts import landed_days, places_of, recorded, rules_of
from assay.features.feature_gate import suites_of
from assay.quality.outcomes import ALL_SOURCES, OUTCOMES
from assay.quality.rules import Rule
from assay.quality.suites import SUITES
from assay.schema import Table
from assay.workspace import Workspace
from assets.day_checks import Invariants, Stages, day_expectation_checks, day_invariant_checks
from assets.marts import MANIFEST, MODELS


def _sources(workspace: Workspace) -> list[str]:
    source = event_source(workspace.settings)
    return [source.name] if source else []


def _all_places(workspace: Workspace) -> list[tuple[EventSource, date]]:
    return places_of(workspace, landed_days(workspace))


def _rules_of(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, table: Table, source: EventSource, day: date
) -> list[Rule]:
    return rules_of(workspace, connection, table, source.name, day)


EVENT_STAGES = Stages(
    sources=_sources,
    places_of=places_of,
    all_places=_all_places,
    consequence="Nothing of it reaches the marts or the features; every other day goes on. See why in `by_reason` and "
    "`held_back` of silver/quarantined_events in the UI (`make dev`), mend the source, then run the day again.",
)
EVENT_INVARIANTS = Invariants(recorded, _rules_of)


def _views(workspace: Workspace) -> list[str]:
    """Feature views are judged as a whole, whatever sources their events came from."""
    return [ALL_SOURCES]


def _run_days(workspace: Workspace, days: Sequence[date]) -> list[tuple[str, date]]:
    return [(ALL_SOURCES, day) for day in days]


def _judged_days(workspace: Workspace) -> list[tuple[str, date]]:
    """Every day of which a feature view was ever judged."""
    where = {"table_name": sorted(FEATURE_SUITES)}
    days = workspace.lake.read(OUTCOMES, where=where, columns=["day"])["day"].unique().to_pylist()
    return [(ALL_SOURCES, day) for day in sorted(days)]


FEATURE_STAGES = Stages(
    sources=_views,
    places_of=_run_days,
    all_places=_judged_days,
    consequence="What stood of it stands, and nothing of it is served or trained on; every other day goes on. See why in "
    "the checks of the view in the UI (`make dev`), mend the model or its bounds, then run the day again.",
)
FEATURE_SUITES = suites_of(MANIFEST)

EVENT_CHECKS = [
    day_expectation_checks(SUITES[EVENTS.name], EVENT_STAGES),
    *(day_expectation_checks(suite, FEATURE_STAGES) for name, suite in FEATURE_SUITES.items() if name in MODELS),
    day_invariant_checks(
        LOG,
        {
            "log_places_hold_one_record": "A place of the log holds one record (invariant 2).",
            "records_stand_under_their_day": "A record stands under the UTC day on which it arrived.",
        },
        EVENT_STAGES,
        EVENT_INVARIANTS,
    ),
    day_invariant_checks(
        EVENTS,
        {
            "events_are_conserved": "Records that came == typed + quarantined, each of them once (invariant 2).",
            "most_events_keep_their_contract": "A day of which more is quarantined than ASSAY_MAX_QUARANTINED_RATIO bears is held back.",
        },
        EVENT_STAGES,
        EVENT_INVARIANTS,
    ),
]
