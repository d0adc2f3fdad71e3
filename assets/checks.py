"""Checks of the tables that hold the present state: they block, for nothing may be built on a state that is wrong.

One check per expectation of the table's suite, and the invariants on what was really materialized.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import dagster as dg

from assay.documents.duplicates import DUPLICATES, SIGNATURES
from assay.documents.gold import CHUNKS, chunks_source
from assay.documents.invariants import chunk_rules, duplicate_rules, state_rules
from assay.documents.state import STATE
from assay.quality.outcomes import ALL_SOURCES, OUTCOMES
from assay.quality.rules import Rule
from assay.quality.suites import SUITES
from assay.quality.verdicts import record_verdicts
from assay.schema import Table
from assay.workspace import Workspace
from assets.day_checks import NAMED_KEYS
from assets.gold import embeddings
from assets.releases import deny_list
from assets.resources import AssayHome, LakeEngine

# What is judged part by part, what serves first: the part's name as it is recorded, and the verdicts.
Judge: TypeAlias = Callable[[Workspace, Any], Iterable[tuple[str, Iterable[Rule]]]]


def state_expectation_checks(table: Table) -> dg.AssetChecksDefinition:
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
        recorded = workspace.lake.read(OUTCOMES, where={"table_name": table.name}).to_pylist()
        first = _first_part(workspace) if table is CHUNKS else ALL_SOURCES
        for one in suite.expectations:
            if dg.AssetCheckKey(asset_key, one.name) not in context.selected_asset_check_keys:
                continue
            outcomes = [outcome for outcome in recorded if outcome["expectation"] == one.name]
            yield _check_result(asset_key, one.name, one.severity == "blocking" and _stops(outcomes, first), outcomes)

    return checks


def _first_part(workspace: Workspace) -> str:
    """Under what is recorded what was judged of the chunks that serve."""
    from assay.retrieval.live_stages import find_live

    return chunks_source(find_live(workspace).usable[0].configuration.chunker)


def _stops(outcomes: list[dict[str, Any]], first: str) -> bool:
    """Whether a failure stops the run. What is wrong with a candidate's chunks alone stops that candidate, at the gate."""
    failed = {outcome["source"] for outcome in outcomes if not outcome["success"]}
    return not failed or first in failed


def _check_result(
    asset_key: dg.AssetKey, name: str, blocking: bool, outcomes: list[dict[str, Any]]
) -> dg.AssetCheckResult:
    keys = sorted(key for outcome in outcomes for key in outcome["quarantined_keys"])
    return dg.AssetCheckResult(
        asset_key=asset_key,
        check_name=name,
        passed=all(outcome["success"] for outcome in outcomes),
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        metadata={
            "evaluated": sum(outcome["evaluated"] for outcome in outcomes),
            "unexpected": sum(outcome["unexpected"] for outcome in outcomes),
            "quarantined": keys[:NAMED_KEYS],
        },
    )


def _invariants(
    asset_key: dg.AssetKey, rules: dict[str, str], judge: Judge, table: Table | None = None
) -> dg.AssetChecksDefinition:
    """Blocking checks of one asset: `rules` maps a rule's name to what it promises.

    Of a `table` the verdicts are kept: a failing check stops its own run only, and the gate asks for them.
    """

    @dg.multi_asset_check(
        name=f"{'_'.join(asset_key.path)}_invariants",
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
            parts = [(part, list(judged)) for part, judged in judge(workspace, connection)]
        for part, judged in parts if table else ():
            record_verdicts(workspace, table, part, workspace.settings.first_day, judged)
        for name in rules:
            if dg.AssetCheckKey(asset_key, name) in context.selected_asset_check_keys:
                of_rule = [(part, rule) for part, judged in parts for rule in judged if rule.name == name]
                yield _invariant_result(asset_key, name, of_rule)

    return checks


def _invariant_result(asset_key: dg.AssetKey, name: str, judged: list[tuple[str, Rule]]) -> dg.AssetCheckResult:
    """The rule over all parts. Only what was broken in the first, which is what serves, stops the run."""
    passed = all(rule.passed for _, rule in judged)
    [(_, first), *others] = judged
    seen = [first.detail, *(f"{part}: {rule.detail}" for part, rule in others)]
    return dg.AssetCheckResult(
        asset_key=asset_key,
        check_name=name,
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR if passed or not first.passed else dg.AssetCheckSeverity.WARN,
        metadata={"offenders": sum(rule.offenders for _, rule in judged), "seen": "; ".join(seen)},
    )


def _whole(judge: Callable[[Workspace, Any], Iterable[Rule]]) -> Judge:
    """Of a table that is judged as a whole."""
    return lambda workspace, connection: [(ALL_SOURCES, judge(workspace, connection))]


def _chunk_rules(workspace: Workspace, connection: Any) -> Iterator[tuple[str, Iterable[Rule]]]:
    from assay.retrieval.live_stages import find_live

    for one in find_live(workspace).by_chunker:
        yield chunks_source(one.configuration.chunker), chunk_rules(one.workspace, connection)


def _index_rules(workspace: Workspace, _connection: Any) -> Iterable[tuple[str, Iterable[Rule]]]:
    from assay.retrieval.live_stages import index_rules_of_live

    return index_rules_of_live(workspace)


def _deny_rules(workspace: Workspace, _connection: Any) -> Iterable[Rule]:
    from assay.retrieval.invariants import deny_rules

    return deny_rules(workspace)


STATE_CHECKS = [
    *(state_expectation_checks(table) for table in (STATE, SIGNATURES, DUPLICATES, CHUNKS)),
    _invariants(
        dg.AssetKey(STATE.name.split("/")),
        {
            "state_follows_from_feed": "The order in which days ran does not matter (invariant 1).",
            "every_document_stands": "Every document of the feed stands, was deleted or has no text (invariant 2).",
        },
        _whole(state_rules),
        STATE,
    ),
    _invariants(
        dg.AssetKey(DUPLICATES.name.split("/")),
        {
            "duplicates_follow_from_state": "Which documents are duplicates does not depend on earlier runs (invariant 1).",
            "canonicals_are_found_by_the_same": "Whoever may find a duplicate may find its canonical document (invariant 9).",
        },
        _whole(duplicate_rules),
        DUPLICATES,
    ),
    _invariants(
        dg.AssetKey(CHUNKS.name.split("/")),
        {
            "chunks_belong_to_current_documents": "No chunk outlives its document (invariant 3).",
            "current_documents_are_chunked": "Every current document is chunked, held back or a duplicate (invariant 2).",
            "duplicates_are_not_chunked": "No text is found a second time behind its canonical document.",
            "chunks_are_exact_slices": "A citation's offsets point at the very words (`text[start:end]`).",
        },
        _chunk_rules,
        CHUNKS,
    ),
    _invariants(
        embeddings.key,
        {
            "vectors_equal_current_chunks": "The set of vectors is the set of current chunks (invariant 3).",
            "documents_are_whole": "No document stands half old, half new (invariant 4).",
            "nothing_deleted_is_found": "What was deleted has no vector (invariant 9).",
            "vectors_come_from_the_cache": "An embedding is computed once per model and text (invariant 5).",
        },
        _index_rules,
    ),
    _invariants(
        deny_list.key,
        {
            "nothing_denied_is_found": "What was deleted or is no longer permitted is found under no release (invariant 9)."
        },
        _whole(_deny_rules),
    ),
]
