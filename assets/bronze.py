"""Bronze: what arrived, unchanged. A manifest of everything observed, and the feed that follows from it."""

from collections.abc import Iterator
from functools import partial
from itertools import product

import dagster as dg
import duckdb

from assay.documents.bronze import FEED, ManifestReport, land_manifest, missed, write_feed
from assay.documents.day_verdicts import judge_day, places_of
from assay.documents.manifests import MANIFESTS
from assay.errors import SourceError
from assets.partitions import DAILY, ONE_RUN, days_of
from assets.reporting import column_schema, data_docs, log_days, places, timed, totals_by_day
from assets.resources import AssayHome, LakeEngine
from assets.retries import RETRIES, retried_on_storage_errors

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
    retry_policy=RETRIES,
)
@retried_on_storage_errors
def manifests(
    context: dg.AssetExecutionContext, config: ObserveConfig, home: AssayHome, engine: LakeEngine
) -> dg.MaterializeResult:
    """Everything observed of every source on a day: path, size, content hash, tenant and who may find it.

    **Teaches:** a folder is not a history. A live folder can be seen as it is today and never again, so what was seen
    is written down first, and everything after is derived from it. Running a past day again reads what was written.
    """
    workspace, days = home.workspace(context), days_of(context)
    problems: list[str] = []

    def reports(connection: duckdb.DuckDBPyConnection) -> Iterator[ManifestReport]:
        observe = partial(land_manifest, workspace, as_of=config.as_of, allow_mass_delete=config.allow_mass_delete)
        for day, source in product(days, workspace.settings.active_sources):
            judge = partial(judge_day, workspace, connection, MANIFESTS, source, day)
            try:
                yield observe(source, day, judge=judge)
            except SourceError as error:
                problems.append(str(error))

    with engine.get_connection() as connection:
        totals = totals_by_day(timed(reports(connection)))
    if len(days) == 1:  # a range goes over days before a source began; a day by itself is meant to be observed
        problems += missed(workspace, days[0])
    log_days(context, totals, links=lambda day: {**places(workspace, day), **data_docs(workspace, MANIFESTS, day)})
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
    retry_policy=RETRIES,
)
@retried_on_storage_errors
def documents(context: dg.AssetExecutionContext, home: AssayHome, engine: LakeEngine) -> None:
    """The feed: what was added, edited, re-permitted, moved or deleted on a day, one row per document.

    **Teaches:** change data capture without a change log. The feed of a day is the difference between its manifest and
    the one before it; running a day late therefore derives the next observed day again, and the order of runs cannot
    matter.
    """
    workspace = home.workspace(context)
    derived = places_of(workspace, days_of(context))
    with engine.get_connection() as connection:
        judge = partial(judge_day, workspace, connection, FEED)
        feeds = (write_feed(workspace, connection, *place, judge=partial(judge, *place)) for place in derived)
        totals = totals_by_day(timed(feeds))
    log_days(context, totals, links=lambda day: data_docs(workspace, FEED, day))
