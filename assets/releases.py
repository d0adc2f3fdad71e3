"""Releases: what serves. The fast gate judges every data change, the four-layer gate every changed configuration."""

import dagster as dg

from assets.bronze import documents as feed
from assets.fast_gate_metadata import configurations_table, fast_gate_result
from assets.gate_metadata import check_metadata, verdict_metadata
from assets.gold import index_maintenance
from assets.partitions import DAILY, ONE_RUN, days_of
from assets.reporting import clocked, log_days, totals_of_run
from assets.resources import AssayHome, LakeEngine
from assets.retries import RETRIES, retried_on_storage_errors

FAST_GATE = "fast_gate_passed"
SERVING_KEY = dg.AssetKey(["release", "serving"])
FOUR_LAYER_GATE = "four_layer_gate_passed"
EVALUATION_KEY = dg.AssetKey(["release", "evaluation"])
NO_CANDIDATE = "no candidate: the configured release serves already"


@dg.asset(
    key=["release", "deny_list"],
    deps=[feed],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="release",
    kinds={"python"},
    owners=["team:data-platform"],
    retry_policy=RETRIES,
    op_tags={"dagster/priority": "10"},  # before silver parses, which can take an hour
)
@retried_on_storage_errors
def deny_list(context: dg.AssetExecutionContext, home: AssayHome, engine: LakeEngine) -> dg.MaterializeResult:
    """Documents that no search may find, or not for everybody, under whatever release serves.

    **Teaches:** a deletion does not wait for a gate. It is known as soon as the feed is, long before a release without
    the document is built and judged; until then, and after a rollback, searches leave out what this list names.
    """
    from assay.releases.retention import forget_answers
    from assay.retrieval.deny_list import update_deny_list

    workspace = home.workspace(context)
    with engine.get_connection() as connection:
        report, seconds = clocked(update_deny_list, workspace, connection)
    log_days(context, totals_of_run(days_of(context), report, seconds))
    forgotten = list(forget_answers(workspace.settings))  # here already: a later stage may stop the run
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": report.denied + report.narrowed,
            "changed": report.changed,
            "answers_forgotten": forgotten,
        }
    )


@dg.asset(
    key=SERVING_KEY,
    deps=[index_maintenance, deny_list],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="release",
    kinds={"python", "lancedb"},
    owners=["team:data-platform"],
    retry_policy=RETRIES,
    pool="index",
    check_specs=[
        dg.AssetCheckSpec(
            FAST_GATE,
            asset=SERVING_KEY,
            blocking=True,
            description="Nothing serves untested: a failure leaves the old release.",
        )
    ],
)
@retried_on_storage_errors
def serving(context: dg.AssetExecutionContext, home: AssayHome) -> dg.MaterializeResult:
    """The release that searches read: a table, its version, its configuration.

    **Teaches:** publishing is one atomic pointer. The newest version of every live configuration is asked the canary
    questions and its invariants are checked while the old version serves; only then does its head move, and the serving
    pointer with that of the configuration that serves. Every open searcher follows within a search. A gate that says no
    changes nothing.
    """
    from assay.releases.retention import forget_answers
    from assay.retrieval.live_stages import release_live

    workspace, days = home.workspace(context), days_of(context)
    found, seconds = clocked(release_live, workspace)
    first = found.reports[0]
    told = {
        "release": first.release_id,
        "serving": first.serving or "nothing",
        "published": first.published,
        "smoke": first.smoke,
        "canaries": len(first.canaries),
        "canaries_answered": sum(answered for _, answered in first.canaries),
        "failed_rules": list(first.failures),
        "configurations": configurations_table(found),
        "answers_forgotten": list(forget_answers(workspace.settings)),
        "seconds": seconds,
    }
    log_days(context, {days[-1]: told})
    return dg.MaterializeResult(check_results=[fast_gate_result(FAST_GATE, found)])


@dg.asset(
    key=EVALUATION_KEY,
    deps=[serving],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="release",
    kinds={"python"},
    owners=["team:data-platform"],
    retry_policy=RETRIES,
    pool="index",
    check_specs=[
        dg.AssetCheckSpec(
            FOUR_LAYER_GATE,
            asset=EVALUATION_KEY,
            blocking=True,
            description="A changed configuration serves only after the golden questions: FAIL and INCONCLUSIVE leave the old release.",
        )
    ],
)
@retried_on_storage_errors
def evaluation(context: dg.AssetExecutionContext, home: AssayHome) -> dg.MaterializeResult:
    """The candidate's verdict: judged on the golden questions, against the release that serves.

    **Teaches:** a data change is judged in a second, a configuration change item by item. Both releases answer the same
    questions over the same documents; the gate compares them in pairs, with bounds, and says PASS, FAIL or INCONCLUSIVE.
    Where the configured release serves already there is nothing to judge, and where nothing changed, nothing is asked again.
    """
    from assay.releases.four_layer_gate import judge_candidate

    workspace = home.workspace(context)
    outcome, seconds = clocked(judge_candidate, workspace)
    if outcome is None:
        log_days(context, {days_of(context)[-1]: {"verdict": NO_CANDIDATE, "judged": 0, "seconds": seconds}})
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name=FOUR_LAYER_GATE, passed=True)])
    record = outcome.record
    gate = dg.AssetCheckResult(
        check_name=FOUR_LAYER_GATE, passed=record.passed, metadata=check_metadata(workspace.settings, record)
    )
    numbers = {"judged": int(outcome.is_new), "metric_count": len(record.decision.metrics), "seconds": seconds}
    log_days(context, {days_of(context)[-1]: {**verdict_metadata(workspace.settings, record), **numbers}})
    return dg.MaterializeResult(check_results=[gate])


@dg.asset(
    key=["release", "promotion"],
    deps=[evaluation],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="release",
    kinds={"python"},
    owners=["team:data-platform"],
    retry_policy=RETRIES,
    pool="index",
)
@retried_on_storage_errors
def promotion(context: dg.AssetExecutionContext, home: AssayHome) -> dg.MaterializeResult:
    """Which configuration serves. The first release that passed is promoted here; later ones wait for `assay release promote`.

    **Teaches:** passing the gate permits, promoting decides. A promotion is one atomic pointer to a table that stands
    already, so it takes milliseconds, and so does the rollback: the release before is kept up to date for as long.
    """
    from assay.releases.promotion import promote_where_due

    workspace = home.workspace(context)
    report, seconds = clocked(promote_where_due, workspace)
    told = {
        "promoted": report.promoted,
        "serving": report.serving or "nothing",
        "awaiting": report.awaiting or "nothing",
        "flip_ms": report.flip.flip_ms if report.flip else 0.0,
        "seconds": seconds,
    }
    log_days(context, {days_of(context)[-1]: told})
    return dg.MaterializeResult()
