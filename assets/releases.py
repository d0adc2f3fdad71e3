"""Releases: what serves. The fast gate judges the newest index version and moves the serving pointer."""

import dagster as dg

from assets.gold import embeddings
from assets.partitions import DAILY, ONE_RUN
from assets.resources import AssayHome

FAST_GATE = "fast_gate_passed"
SERVING_KEY = dg.AssetKey(["release", "serving"])


@dg.asset(
    key=SERVING_KEY,
    deps=[embeddings],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="release",
    kinds={"python", "lancedb"},
    owners=["team:data-platform"],
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
def serving(context: dg.AssetExecutionContext, home: AssayHome) -> dg.MaterializeResult:
    """The release that searches read: a table, its version, its configuration.

    **Teaches:** publishing is one atomic pointer. The candidate is asked the canary questions and its invariants are
    checked while the old version serves; only then does the pointer move, and every open searcher follows within a
    search. A gate that says no changes nothing.
    """
    from assay.embeddings import Embedder
    from assay.retrieval.gate import release_newest

    workspace = home.workspace(context)
    report = release_newest(workspace, Embedder.open(workspace.settings))
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
    return dg.MaterializeResult(
        metadata={
            "release": report.release_id,
            "serving": report.serving or "nothing",
            "published": report.published,
            "smoke": report.smoke,
            "canaries": len(report.canaries),
            "canaries_answered": sum(answered for _, answered in report.canaries),
            "failed_rules": list(report.failures),
        },
        check_results=[gate],
    )
