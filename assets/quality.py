"""How much comes in and how much usually does: said beside the path, never in its way."""

import dagster as dg

from assay.documents.volumes import VOLUMES, write_volumes
from assets.partitions import DAILY, ONE_RUN, days_of
from assets.reporting import column_schema, data_docs, log_days, timed, totals_by_day
from assets.resources import AssayHome, LakeEngine
from assets.retries import RETRIES, retried_on_storage_errors
from assets.silver import DOCUMENTS_KEY, QUARANTINE_KEY


@dg.asset(
    key=["quality", "volumes"],
    deps=[DOCUMENTS_KEY, QUARANTINE_KEY],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="quality",
    kinds={"duckdb", "delta"},
    owners=["team:data-platform"],
    metadata={"dagster/column_schema": column_schema(VOLUMES)},
    retry_policy=RETRIES,
)
@retried_on_storage_errors
def volumes(context: dg.AssetExecutionContext, home: AssayHome, engine: LakeEngine) -> None:
    """What came from each source on a day, beside the median of the days before it.

    **Teaches:** a gate sees what is wrong in a row, not what is missing. Half the files, ten times the deletions or texts
    half as long are valid rows all of them; only the days before tell that something happened. They warn, and block
    nothing: what is unusual may be right.
    """
    workspace = home.workspace(context)
    with engine.get_connection() as connection:
        totals = totals_by_day(timed(write_volumes(workspace, connection, days_of(context))))
    log_days(context, totals, links=lambda day: data_docs(workspace, VOLUMES, day))
