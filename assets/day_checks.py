"""Checks of the tables that are written by day: a verdict per source and day.

A blocking check would stop every day of a run for the sake of one. These do not block: the document state leaves out the
days that they refuse, the other days go on, and the run ends as failed and names the days.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import duckdb
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from assay.documents.bronze import FEED
from assay.documents.day_verdicts import observed_places, places_of, recorded, rules_of
from assay.documents.manifests import MANIFESTS
from assay.documents.silver import DOCUMENTS
from assay.documents.silver_texts import TEXT_TABLES
from assay.documents.volumes import VOLUMES
from assay.errors import CheckFailed
from assay.quality.expectations import Suite
from assay.quality.outcomes import OUTCOMES
from assay.quality.rules import Rule
from assay.quality.suites import SUITES
from assay.schema import Table
from assay.workspace import Workspace
from assets.partitions import days_of
from assets.resources import AssayHome, LakeEngine

# Keys named on the check's page; all of them are in the quarantine.
NAMED_KEYS = 20
# How far back a check's failures are looked for, so that a day that was mended is shown as mended.
REMEMBERED_FAILURES = 200
HOLDS_BACK = "assay/holds_back"


@dataclass(frozen=True)
class DayVerdict:
    """What one check said of a source and day."""

    source: str
    day: date
    passed: bool
    evaluated: int
    unexpected: int
    seen: str = ""
    keys: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"{self.source} {self.day}"


@dataclass(frozen=True)
class Stages:
    """How the stages that write by day are asked for their days.

    A place is a source, which has a `name`, and a day. `places_of` a run's days are those it derives, `all_places` all that
    stand. `consequence`: what becomes of a day that is held back, and what to do.
    """

    sources: Callable[[Workspace], list[str]]
    places_of: Callable[[Workspace, Sequence[date]], Sequence[tuple[Any, date]]]
    all_places: Callable[[Workspace], Sequence[tuple[Any, date]]]
    consequence: str


@dataclass(frozen=True)
class Invariants:
    """`recorded` is what invariants said of places when they were written, `rules_of` what they say of one now."""

    recorded: Callable[[Workspace, Table, Any], Mapping[tuple[str, date], list[Rule]]]
    rules_of: Callable[[Workspace, duckdb.DuckDBPyConnection, Table, Any, date], list[Rule]]


def _document_sources(workspace: Workspace) -> list[str]:
    return [source.name for source in workspace.settings.active_sources]


DOCUMENT_STAGES = Stages(
    sources=_document_sources,
    places_of=places_of,
    all_places=observed_places,
    consequence="Nothing of it reaches gold or the release; every other day goes on. See why with `assay documents "
    "quarantine`, mend the source, then run the day again.",
)
DOCUMENT_INVARIANTS = Invariants(recorded, rules_of)


def day_expectation_checks(suite: Suite, stages: Stages = DOCUMENT_STAGES) -> dg.AssetChecksDefinition:
    """The suite of a table as asset checks. The suite ran before each day was written; this reads what it said."""
    table = suite.table
    asset_key = dg.AssetKey(table.name.split("/"))

    @dg.multi_asset_check(
        name=f"{table.name.replace('/', '_')}_expectations",
        specs=[
            _spec(asset_key, one.name, one.description, one.severity == "blocking" and table is not VOLUMES)
            for one in suite.expectations
        ],
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext, home: AssayHome) -> Iterator[dg.AssetCheckResult]:
        workspace = home.workspace(context)
        # The run's own days too: one of which every row failed has no manifest, so nothing was derived of it.
        days = {day for _, day in _places(context, workspace, stages)}
        days |= set(days_of(context) if _is_of_days(context) else ())
        where = {"table_name": table.name, "source": stages.sources(workspace), "day": sorted(days)}
        said: dict[str, list[DayVerdict]] = {}
        for row in workspace.lake.read(OUTCOMES, where=where).to_pylist():
            counts = (row["evaluated"], row["unexpected"])
            said.setdefault(row["expectation"], []).append(
                DayVerdict(row["source"], row["day"], row["success"], *counts, keys=row["quarantined_keys"])
            )
        yield from _reported(context, asset_key, stages, {name: said.get(name, []) for name in suite.names})

    return checks


def day_invariant_checks(
    table: Table,
    rules: dict[str, str],
    stages: Stages = DOCUMENT_STAGES,
    invariants: Invariants = DOCUMENT_INVARIANTS,
) -> dg.AssetChecksDefinition:
    """The invariants of a table's days as asset checks: `rules` maps a rule's name to what it promises."""
    asset_key = dg.AssetKey(table.name.split("/"))

    @dg.multi_asset_check(
        name=f"{table.name.replace('/', '_')}_invariants",
        specs=[_spec(asset_key, name, text, True) for name, text in rules.items()],
        can_subset=True,
    )
    def checks(
        context: dg.AssetCheckExecutionContext, home: AssayHome, engine: LakeEngine
    ) -> Iterator[dg.AssetCheckResult]:
        workspace = home.workspace(context)
        places = _places(context, workspace, stages)
        if _is_of_days(context):  # the stage judged them when it had written them
            judged = invariants.recorded(workspace, table, places)
        else:
            with engine.get_connection() as connection:
                judged = {
                    (source.name, day): invariants.rules_of(workspace, connection, table, source, day)
                    for source, day in places
                }
        said: dict[str, list[DayVerdict]] = {name: [] for name in rules}
        for (source, day), found in judged.items():
            for rule in found:
                said[rule.name].append(DayVerdict(source, day, rule.passed, 1, rule.offenders, rule.detail))
        yield from _reported(context, asset_key, stages, said)

    return checks


def _places(context: dg.AssetCheckExecutionContext, workspace: Workspace, stages: Stages) -> Sequence[tuple[Any, date]]:
    """What the run derived; every source and day that stands when a check is executed by itself."""
    return stages.places_of(workspace, days_of(context)) if _is_of_days(context) else stages.all_places(workspace)


def _is_of_days(context: dg.AssetCheckExecutionContext) -> bool:
    return context.has_partition_key or context.has_partition_key_range


def _spec(asset_key: dg.AssetKey, name: str, description: str, holds_back: bool) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        name, asset=asset_key, description=description, metadata={HOLDS_BACK: "its day" if holds_back else "nothing"}
    )


def _reported(
    context: dg.AssetCheckExecutionContext, asset_key: dg.AssetKey, stages: Stages, said: dict[str, list[DayVerdict]]
) -> Iterator[dg.AssetCheckResult]:
    """A result per check over all days, each failing or mended day by itself; raises CheckFailed for days held back."""
    held_back: list[str] = []
    for name, verdicts in said.items():
        key = dg.AssetCheckKey(asset_key, name)
        if key not in context.selected_asset_check_keys:
            continue
        spec = context.job_def.asset_layer.asset_graph.get_check_spec(key)
        holds_back = spec.metadata[HOLDS_BACK] == "its day"
        severity = dg.AssetCheckSeverity.ERROR if holds_back else dg.AssetCheckSeverity.WARN
        _log_days(context, key, severity, verdicts)
        failed = [verdict for verdict in verdicts if not verdict.passed]
        if holds_back:
            held_back += [f"{one.day} of source `{one.source}` by `{name}`" for one in failed]
        yield dg.AssetCheckResult(
            asset_key=asset_key, check_name=name, passed=not failed, severity=severity,
            description=f"failed for {', '.join(one.place for one in failed)}" if failed else None,
            metadata=_seen(verdicts),
        )  # fmt: skip
    if held_back:
        raise CheckFailed(
            f"{asset_key.to_user_string()} holds back {'; '.join(sorted(held_back))}. {stages.consequence}"
        )


def _log_days(
    context: dg.AssetCheckExecutionContext,
    key: dg.AssetCheckKey,
    severity: dg.AssetCheckSeverity,
    verdicts: Iterable[DayVerdict],
) -> None:
    """Record the days that failed, and those that failed once and passed now: all of them would be thousands of events."""
    history = context.instance.event_log_storage.get_asset_check_execution_history(
        key, limit=REMEMBERED_FAILURES, status={AssetCheckExecutionRecordStatus.FAILED}
    )
    once_failed = {record.partition for record in history}
    by_day: dict[date, list[DayVerdict]] = {}
    for verdict in verdicts:
        by_day.setdefault(verdict.day, []).append(verdict)
    for day, of_day in by_day.items():
        passed = all(verdict.passed for verdict in of_day)
        if not passed or day.isoformat() in once_failed:
            context.op_execution_context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=key.asset_key, check_name=key.name, passed=passed, severity=severity,
                    partition=day.isoformat(), metadata=_seen(of_day),
                )
            )  # fmt: skip


def _seen(verdicts: list[DayVerdict]) -> dict[str, Any]:
    """What a check's page shows: counts over all days, and who failed."""
    return {
        "evaluated": sum(verdict.evaluated for verdict in verdicts),
        "unexpected": sum(verdict.unexpected for verdict in verdicts),
        "quarantined": sorted(key for verdict in verdicts for key in verdict.keys)[:NAMED_KEYS],
        "failed_for": sorted(verdict.place for verdict in verdicts if not verdict.passed),
        "seen": [f"{one.place}: {one.seen}" for one in verdicts if one.seen][-NAMED_KEYS:],
    }


DAY_CHECKS = [
    *(day_expectation_checks(SUITES[table.name]) for table in (MANIFESTS, FEED, *TEXT_TABLES, VOLUMES)),
    day_invariant_checks(
        MANIFESTS, {"files_are_conserved": "Every file that was refused or failed is in quarantine (invariant 2)."}
    ),
    day_invariant_checks(
        FEED,
        {
            "feed_follows_from_manifests": "Running a day again changes nothing (invariant 1).",
            "changes_are_conserved": "Known before + added - deleted == present now (invariant 2).",
        },
    ),
    day_invariant_checks(
        DOCUMENTS,
        {
            "documents_are_conserved": "Taken in == emitted + quarantined, per source and day (invariant 2).",
            "tables_and_words_belong_to_their_texts": "Every text has the tables and words it was written with (invariant 2).",
        },
    ),
]
