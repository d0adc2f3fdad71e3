"""Asset checks: one per expectation of every suite, and the invariants on what was really materialized."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

import dagster as dg

from assay.documents.bronze import FEED
from assay.documents.gold import CHUNKS
from assay.documents.invariants import chunk_rules, conservation_rules, feed_rules, state_rules
from assay.documents.manifests import MANIFESTS, observed_days
from assay.documents.silver import DOCUMENTS, STATE
from assay.quality.outcomes import OUTCOMES
from assay.quality.rules import Rule
from assay.quality.suites import SUITES
from assay.schema import Table
from assay.workspace import Workspace
from assets.gold import embeddings
from assets.partitions import days_of
from assets.resources import AssayHome, LakeEngine

# Keys named on the check's page; all of them are in the quarantine.
NAMED_KEYS = 20
_STATE_TABLES = (STATE.name, CHUNKS.name)


def expectation_checks(table: Table) -> dg.AssetChecksDefinition:
    """The suite of a table as asset checks. The suite ran once, before its batch was written; this reads what it said."""
    suite, asset_key = SUITES[table.name], dg.AssetKey(table.name.split("/"))

    @dg.multi_asset_check(
        name=f"{table.name.replace('/', '_')}_expectations",
        specs=[
            dg.AssetCheckSpec(
                one.name, asset=asset_key, description=one.description, blocking=one.severity == "blocking"
            )
            for one in suite.expectations
        ],
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext, home: AssayHome) -> Iterator[dg.AssetCheckResult]:
        workspace = home.workspace(context)
        where: dict[str, object] = {"table_name": table.name}
        if table.name not in _STATE_TABLES:
            where["day"] = _judged_days(context, workspace)
        recorded = workspace.lake.read(OUTCOMES, where=where).to_pylist()
        for one in suite.expectations:
            if dg.AssetCheckKey(asset_key, one.name) not in context.selected_asset_check_keys:
                continue
            outcomes = [outcome for outcome in recorded if outcome["expectation"] == one.name]
            yield _check_result(asset_key, one.name, one.severity == "blocking", outcomes)

    return checks


def _check_result(
    asset_key: dg.AssetKey, name: str, blocking: bool, outcomes: list[dict[str, Any]]
) -> dg.AssetCheckResult:
    keys = sorted(key for outcome in outcomes for key in outcome["quarantined_keys"])
    failed = sorted({f"{outcome['source']} {outcome['day']}" for outcome in outcomes if not outcome["success"]})
    return dg.AssetCheckResult(
        asset_key=asset_key,
        check_name=name,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        metadata={
            "evaluated": sum(outcome["evaluated"] for outcome in outcomes),
            "unexpected": sum(outcome["unexpected"] for outcome in outcomes),
            "quarantined": keys[:NAMED_KEYS],
            "failed_for": failed,
        },
    )


def _judged_days(context: dg.AssetCheckExecutionContext, workspace: Workspace) -> list[date]:
    """The days of the run; every observed day when a check is executed by itself."""
    if context.has_partition_key or context.has_partition_key_range:
        return days_of(context)
    return sorted(
        {day for source in workspace.settings.active_sources for day in observed_days(workspace.lake, source)}
    )


def _invariants(
    table_name: str, rules: dict[str, str], judge: Callable[[Workspace, Any, list[Any]], Iterable[Rule]]
) -> dg.AssetChecksDefinition:
    """Blocking checks of one asset: `rules` maps a rule's name to what it promises."""
    asset_key = dg.AssetKey(table_name.split("/"))

    @dg.multi_asset_check(
        name=f"{table_name.replace('/', '_')}_invariants",
        specs=[
            dg.AssetCheckSpec(name, asset=asset_key, description=text, blocking=True) for name, text in rules.items()
        ],
        can_subset=True,
    )
    def checks(
        context: dg.AssetCheckExecutionContext, home: AssayHome, engine: LakeEngine
    ) -> Iterator[dg.AssetCheckResult]:
        workspace = home.workspace(context)
        with engine.get_connection() as connection:
            for rule in judge(workspace, connection, _judged_days(context, workspace)):
                if dg.AssetCheckKey(asset_key, rule.name) in context.selected_asset_check_keys:
                    yield dg.AssetCheckResult(
                        asset_key=asset_key,
                        check_name=rule.name,
                        passed=rule.passed,
                        metadata={"offenders": rule.offenders, "seen": rule.detail},
                    )

    return checks


def _index_rules(workspace: Workspace) -> Iterator[Rule]:
    from assay.embeddings import Embedder
    from assay.retrieval.invariants import cache_rules, index_rules
    from assay.retrieval.reconcile import open_index

    embedder = Embedder.open(workspace.settings)
    index = open_index(workspace, embedder)
    yield from index_rules(workspace, index)
    yield from cache_rules(index, embedder)


CHECKS = [
    *(expectation_checks(table) for table in (MANIFESTS, FEED, DOCUMENTS, STATE, CHUNKS)),
    _invariants(
        FEED.name,
        {"feed_follows_from_manifests": "Running a day again changes nothing (invariant 1)."},
        feed_rules,
    ),
    _invariants(
        DOCUMENTS.name,
        {"documents_are_conserved": "Taken in == emitted + quarantined, per source and day (invariant 2)."},
        lambda workspace, _, days: conservation_rules(workspace, days),
    ),
    _invariants(
        STATE.name,
        {"state_follows_from_feed": "The order in which days ran does not matter (invariant 1)."},
        lambda workspace, connection, _: state_rules(workspace, connection),
    ),
    _invariants(
        CHUNKS.name,
        {
            "chunks_belong_to_current_documents": "No chunk outlives its document (invariant 3).",
            "current_documents_are_chunked": "Every document that can be served is chunked or held back (invariant 2).",
            "chunks_are_exact_slices": "A citation's offsets point at the very words (`text[start:end]`).",
        },
        lambda workspace, connection, _: chunk_rules(workspace, connection),
    ),
    _invariants(
        "/".join(embeddings.key.path),
        {
            "vectors_equal_current_chunks": "The set of vectors is the set of current chunks (invariant 3).",
            "documents_are_whole": "No document stands half old, half new (invariant 4).",
            "nothing_deleted_is_found": "What was deleted has no vector (invariant 9).",
            "vectors_come_from_the_cache": "An embedding is computed once per model and text (invariant 5).",
        },
        lambda workspace, _connection, _days: _index_rules(workspace),
    ),
]
