"""Gold: what is used. Chunks of the current documents, and their vectors in LanceDB."""

import dagster as dg

from assay.documents.gold import CHUNKS, chunk_current
from assets.partitions import DAILY, ONE_RUN, days_of
from assets.reporting import column_schema, numbers_of, sample_of
from assets.resources import AssayHome, LakeEngine
from assets.silver import document_state


@dg.asset(
    key=["gold", "chunks"],
    deps=[document_state],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="gold",
    kinds={"python", "delta"},
    owners=["team:data-platform"],
    metadata={"dagster/column_schema": column_schema(CHUNKS)},
)
def chunks(context: dg.AssetExecutionContext, home: AssayHome, engine: LakeEngine) -> dg.MaterializeResult:
    """Passages of every current document, cut where its author ended something, with exact character offsets.

    **Teaches:** reconcile, do not apply. The stage compares the standing documents with the standing chunks and changes
    what differs; it never replays a feed, so it cannot drift from it. Every chunk is `text[start:end]` of its document.
    """
    workspace = home.workspace(context)
    with engine.get_connection() as connection:
        report = chunk_current(workspace, connection, days_of(context)[-1])
    rows = workspace.lake.read(CHUNKS, columns=["document_id", "ordinal", "start", "end", "token_count"])
    # Without the text: this page outlives deletions, and who reads it need not be who may find the document.
    sample = sample_of(rows, ["document_id", "ordinal", "start", "end", "token_count"])
    return dg.MaterializeResult(metadata={**numbers_of(report), "dagster/row_count": report.chunks, "sample": sample})


@dg.asset(
    key=["gold", "embeddings"],
    deps=[chunks],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="gold",
    kinds={"python", "lancedb"},
    owners=["team:data-platform"],
    pool="index",
)
def embeddings(context: dg.AssetExecutionContext, home: AssayHome) -> dg.MaterializeResult:
    """A vector for every current chunk, and for nothing else, in a LanceDB table per embedding model and chunker.

    **Teaches:** pay for what changed. Vectors are cached by model fingerprint and text, so an edit costs its changed
    chunks; a document is replaced in one commit, so a reader sees the old chunks or the new ones, never both.
    """
    from assay.embeddings import Embedder
    from assay.retrieval.reconcile import reconcile_index

    workspace = home.workspace(context)
    report = reconcile_index(workspace, Embedder.open(workspace.settings))
    maintenance = numbers_of(report.maintenance)
    return dg.MaterializeResult(
        metadata={
            **maintenance,
            **numbers_of(report),
            "dagster/row_count": report.chunks,
            "dagster/table_name": report.table,
        }
    )
