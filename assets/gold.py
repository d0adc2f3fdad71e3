"""Gold: what is used. Chunks of the current documents, and their vectors in LanceDB."""

import dagster as dg

from assay.documents.daily_texts import reconcile_daily_texts
from assay.documents.gold import CHUNKS, chunk_current, chunks_source
from assets.partitions import DAILY, ONE_RUN, days_of
from assets.reporting import clocked, column_schema, data_docs, log_days, sample_of, totals_of_run
from assets.resources import AssayHome, LakeEngine
from assets.retries import RETRIES, retried_on_storage_errors
from assets.silver import DUPLICATES_KEY


@dg.asset(
    key=["gold", "chunks"],
    deps=[DUPLICATES_KEY],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="gold",
    kinds={"python", "delta"},
    owners=["team:data-platform"],
    metadata={"dagster/column_schema": column_schema(CHUNKS)},
    retry_policy=RETRIES,
)
@retried_on_storage_errors
def chunks(context: dg.AssetExecutionContext, home: AssayHome, engine: LakeEngine) -> dg.MaterializeResult:
    """Passages of every current document that is no duplicate, cut where its author ended something, with exact character offsets.

    **Teaches:** reconcile, do not apply. The stage compares the standing documents with the standing chunks and changes
    what differs; it never replays a feed, so it cannot drift from it. Every chunk is `text[start:end]` of its document.
    While a candidate cuts otherwise than what serves, both ways to cut stand side by side.
    """
    from assay.retrieval.live_stages import find_live

    workspace, days = home.workspace(context), days_of(context)
    live = find_live(workspace)
    with engine.get_connection() as connection:
        wanted = [one.workspace.settings for one in live.by_chunker]
        report, seconds = clocked(chunk_current, workspace, connection, days[-1], wanted)
    reconcile_daily_texts(live.usable[0].workspace)
    log_days(context, totals_of_run(days, report, seconds))
    # Without the text: this page outlives deletions, and who reads it need not be who may find the document.
    columns = ["document_id", "ordinal", "start", "end", "token_count", "chunker"]
    sample = sample_of(workspace.lake.read(CHUNKS, columns=columns), columns)
    parts = [chunks_source(one.configuration.chunker) for one in live.by_chunker]
    docs = data_docs(workspace, CHUNKS, days[-1], parts)
    failed = [f"{chunker}: {why}" for chunker, why in report.failed.items()]
    return dg.MaterializeResult(
        metadata={"dagster/row_count": report.chunks, "failed": failed, "sample": sample, **docs}
    )


@dg.asset(
    key=["gold", "embeddings"],
    deps=[chunks],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="gold",
    kinds={"python", "lancedb"},
    owners=["team:data-platform"],
    retry_policy=RETRIES,
    pool="index",
)
@retried_on_storage_errors
def embeddings(context: dg.AssetExecutionContext, home: AssayHome) -> dg.MaterializeResult:
    """A vector for every current chunk, and for nothing else, in a LanceDB table per embedding model and chunker.

    **Teaches:** pay for what changed. Vectors are cached by model fingerprint and text, so an edit costs its changed
    chunks; a document is replaced in one commit, so a reader sees the old chunks or the new ones, never both. Every live
    configuration's table is brought up to date, so that a candidate can be compared and a rollback is never stale.
    """
    from assay.retrieval.live_stages import reconcile_live

    workspace, days = home.workspace(context), days_of(context)
    report, seconds = clocked(reconcile_live, workspace)
    log_days(context, totals_of_run(days, report, seconds, report.by_day))
    failed = [f"{table}: {why}" for table, why in report.failed.items()]
    return dg.MaterializeResult(metadata={"dagster/row_count": report.chunks, "failed": failed})


@dg.asset(
    key=["gold", "index_maintenance"],
    deps=[embeddings],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="gold",
    kinds={"lancedb"},
    owners=["team:data-platform"],
    retry_policy=RETRIES,
    pool="index",
)
@retried_on_storage_errors
def index_maintenance(context: dg.AssetExecutionContext, home: AssayHome) -> dg.MaterializeResult:
    """Fragments joined, rows indexed and old versions removed, each when its threshold is passed; tables dropped that no
    live configuration needs.

    **Teaches:** search cost follows fragments and unindexed rows, and both grow with every commit. One owner pays that
    back when it is due, before the gate, so that what serves is what was tidied. It never removes a version that a
    release still names.
    """
    from assay.retrieval.live_stages import maintain_live

    workspace, days = home.workspace(context), days_of(context)
    report, seconds = clocked(maintain_live, workspace)
    log_days(context, totals_of_run(days, report, seconds))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": report.rows,
            "optimized": list(report.optimized),
            "dropped": list(report.dropped),
        }
    )
