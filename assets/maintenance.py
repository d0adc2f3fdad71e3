"""Upkeep of the lake, outside of the days: it runs by the calendar, not after every run."""

import dagster as dg

from assay.features.registry import registry
from assay.features.timelines import timeline_table
from assay.lake_maintenance import maintain_tables
from assay.model_tables import lake_tables
from assets.marts import MANIFEST
from assets.resources import AssayHome
from assets.retries import RETRIES, retried_on_storage_errors

# Early on Sunday (UTC), when the fewest runs write. A table grows by a file a run, so a week adds seven.
WEEKLY = "0 4 * * 0"


@dg.asset(
    key=["lake", "maintenance"],
    group_name="lake",
    kinds={"delta"},
    owners=["team:data-platform"],
    automation_condition=dg.AutomationCondition.on_cron(WEEKLY),
    retry_policy=RETRIES,
)
@retried_on_storage_errors
def lake_maintenance(context: dg.AssetExecutionContext, home: AssayHome) -> dg.MaterializeResult:
    """Small files of every Delta table joined where there are many, and files that no recent version needs deleted.

    **Teaches:** a table format keeps every version until somebody says which ones may go. The older ones stay for a week,
    so that readers, time travel and a second look at a bad day find them.
    """
    timelines = [timeline_table(view) for view in registry(MANIFEST).values()]
    reports = maintain_tables(home.workspace(context).lake, [*lake_tables(MANIFEST).values(), *timelines])
    rows = "\n".join(f"| {one.table} | {one.files_before} | {one.files} | {one.files_deleted} |" for one in reports)
    return dg.MaterializeResult(
        metadata={
            "tables": len(reports),
            "compacted": sum(one.compacted for one in reports),
            "files_deleted": sum(one.files_deleted for one in reports),
            "per_table": dg.MetadataValue.md(f"| table | files before | files | deleted |\n|---|---|---|---|\n{rows}"),
        }
    )
