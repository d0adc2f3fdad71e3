"""Releases: what serves. The fast gate judges the newest index version and moves the serving pointer."""

import dagster as dg

from assets.bronze import documents as feed
from assets.gold import index_maintenance
from assets.partitions import DAILY, ONE_RUN, days_of
from assets.reporting import clocked, log_days, totals_of_run
from assets.resources import AssayHome, LakeEngine
from assets.retries import RETRIES, retried_on_storage_errors

FAST_GATE = "fast_gate_passed"
SERVING_KEY = dg.AssetKey(["release", "serving"])


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
    from assay.retrieval.deny_list import update_deny_list

    workspace = home.workspace(context)
    with engine.get_connection() as connection:
        report, seconds = clocked(update_deny_list, workspace, connection)
    log_days(context, totals_of_run(days_of(context), report, seconds))
    return dg.MaterializeResult(
        metadata={"dagster/row_count": report.denied + report.narrowed, "changed": report.changed}
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

    **Teaches:** publishing is one atomic pointer. The candidate is asked the canary questions and its invariants are
    checked while the old version serves; only then does the pointer move, and every open searcher follows within a
    search. A gate that says no changes nothing.
    """
    from assay.embeddings import Embedder
    from assay.retrieval.gate import release_newest

    workspace = home.workspace(context)
    report, seconds = clocked(release_newest, workspace, Embedder.open(workspace.settings))
    rules = "\n".join(
        f"| {'yes' if rule.passed else '**no**'} | {rule.name} | {rule.detail} |" for rule in report.rules
    )
    missed = [canary.document_id for canary, answered in report.canaries if not answered]
    gate = dg.AssetCheckResult(
        check_name=FAST_GATE,
        passed=report.passed,
        metadata={
            "rules": dg.MetadataValue.md(f"| held | rule | what was seen |\n|---|---|---|\n{rules}"),
            "missed": missed,
        },
    )
    told = {
        "release": report.release_id,
        "serving": report.serving or "nothing",
        "published": report.published,
        "smoke": report.smoke,
        "canaries": len(report.canaries),
        "canaries_answered": sum(answered for _, answered in report.canaries),
        "failed_rules": list(report.failures),
        "seconds": seconds,
    }
    log_days(context, {days_of(context)[-1]: told})
    return dg.MaterializeResult(check_results=[gate])
