"""Bronze: what arrived, unchanged. A manifest of everything observed, and the feed that follows from it."""

import dagster as dg

from assay.documents.bronze import FEED, days_to_derive, land_manifest, write_feed
from assay.documents.manifests import MANIFESTS
from assay.errors import SourceError
from assets.partitions import DAILY, ONE_RUN, days_of
from assets.reporting import column_schema, log_days, totals_by_day
from assets.resources import AssayHome, LakeEngine

SOURCES_OBSERVED = "every_source_could_be_observed"


class ObserveConfig(dg.Config):
    """What an operator may say about an observation."""

    as_of: bool = False
    allow_mass_delete: bool = False


@dg.asset(
    key=["bronze", "manifests"],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="bronze",
    kinds={"python", "delta"},
    owners=["team:data-platform"],
    check_specs=[
        dg.AssetCheckSpec(
            SOURCES_OBSERVED, asset=["bronze", "manifests"], description="A source that is not there changes nothing."
        )
    ],
    metadata={"dagster/column_schema": column_schema(MANIFESTS)},
)
def manifests(context: dg.AssetExecutionContext, config: ObserveConfig, home: AssayHome) -> dg.MaterializeResult:
    """Everything observed of every source on a day: path, size, content hash, tenant and who may find it.

    **Teaches:** a folder is not a history. A live folder can be seen as it is today and never again, so what was seen
    is written down first, and everything after is derived from it. Running a past day again reads what was written.
    """
    workspace = home.workspace(context)
    reports, problems = [], []
    for day in days_of(context):
        for source in workspace.settings.active_sources:
            try:
                reports.append(
                    land_manifest(workspace, source, day, as_of=config.as_of, allow_empty=config.allow_mass_delete)
                )
            except SourceError as error:
                problems.append(str(error))
    log_days(context, totals_by_day(reports))
    check = dg.AssetCheckResult(passed=not problems, check_name=SOURCES_OBSERVED, metadata={"problems": problems})
    return dg.MaterializeResult(check_results=[check])


@dg.asset(
    key=["bronze", "documents"],
    deps=[manifests],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="bronze",
    kinds={"duckdb", "delta"},
    owners=["team:data-platform"],
    metadata={"dagster/column_schema": column_schema(FEED)},
)
def documents(context: dg.AssetExecutionContext, home: AssayHome, engine: LakeEngine) -> None:
    """The feed: what was added, edited, re-permitted or deleted on a day, one row per document.

    **Teaches:** change data capture without a change log. The feed of a day is the difference between its manifest and
    the one before it; running a day late therefore derives the next observed day again, and the order of runs cannot
    matter.
    """
    workspace = home.workspace(context)
    with engine.get_connection() as connection:
        reports = [
            write_feed(workspace, connection, source, day)
            for source in workspace.settings.active_sources
            for day in days_to_derive(workspace, source, days_of(context))
        ]
    log_days(context, totals_by_day(reports))
