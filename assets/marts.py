"""Marts: tables that dbt makes of the lake for people to read. Its data tests become asset checks."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets

from assay.dbt import NodeResult, manifest_of
from assay.marts import INGESTION_DAILY, MARTS, MartsReport, refresh
from assay.settings import load_settings
from assets.partitions import DAILY, ONE_RUN
from assets.reporting import Numbers, clocked, column_schema, log_days, sample_of
from assets.resources import AssayHome
from assets.retries import RETRIES, retried_on_storage_errors

PROJECT = Path(__file__).parents[1] / "dbt_project"
INGESTION_KEY = dg.AssetKey(INGESTION_DAILY.name.split("/"))
# Plotted by the UI over the days, summed up over the sources.
PLOTTED = ("observed", "refused", "added", "changed", "moved", "deleted", "quarantined", "embedded", "reused")


class MartTranslator(DagsterDbtTranslator):
    """What Dagster shows of a model and its tests. The keys are dbt-dagster's own: `[schema, model]`, `[source, table]`."""

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        teaches = dbt_resource_props["config"].get("meta", {}).get("teaches")
        return dbt_resource_props["description"] + (f"\n\n**Teaches:** {teaches}" if teaches else "")

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return "gold"

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return ["team:data-platform"]

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> dict[str, Any]:
        mart = MARTS.get(f"{dbt_resource_props['schema']}/{dbt_resource_props['name']}")
        return {"dagster/column_schema": column_schema(mart)} if mart else {}

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        description = manifest["nodes"][unique_id]["description"]
        # Not blocking: what serves does not wait for the marts, and a mart whose test fails is not published.
        return spec._replace(description=description, blocking=False) if spec else None


@dbt_assets(
    name="marts",
    manifest=manifest_of(PROJECT, load_settings().home),
    dagster_dbt_translator=MartTranslator(
        DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True, enable_source_metadata=False)
    ),
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    retry_policy=RETRIES,
    pool="warehouse",
)
@retried_on_storage_errors
def marts(context: dg.AssetExecutionContext, home: AssayHome) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """One dbt build for all days of the run, then its results into the lake; neither where nothing has changed."""
    workspace = home.workspace(context)
    report, seconds = clocked(refresh, workspace, PROJECT)
    days = workspace.lake.read(INGESTION_DAILY)
    if INGESTION_KEY in context.selected_asset_keys:
        log_days(context, _numbers_by_day(days), INGESTION_KEY)
    for name in sorted(MARTS):
        key = dg.AssetKey(name.split("/"))
        if key in context.selected_asset_keys and name not in report.held_back:
            sample = {"last_days": _last_days(days)} if key == INGESTION_KEY else {}
            yield dg.MaterializeResult(key, metadata={**_told(report, name), "seconds": seconds, **sample})
    for result in report.results:
        for key in context.selected_asset_check_keys:
            if key.name == result.name:
                yield _check_result(key, result, report)


def _told(report: MartsReport, name: str) -> dict[str, Any]:
    """Whether dbt ran, and if not, whose results these are."""
    built_by = dg.MetadataValue.dagster_run(report.built_by)
    return {"dagster/row_count": report.rows[name], "unchanged": not report.was_built, "built_by": built_by}


def _check_result(key: dg.AssetCheckKey, result: NodeResult, report: MartsReport) -> dg.AssetCheckResult:
    """What dbt said of a test: in this run, or in the one that built of the very same inputs."""
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=result.status == "pass",
        severity=dg.AssetCheckSeverity.WARN if result.status == "warn" else dg.AssetCheckSeverity.ERROR,
        metadata={
            "failures": result.failures,
            "message": result.message or "no row failed",
            "seconds": result.seconds,
            "judged_by": dg.MetadataValue.dagster_run(report.built_by),
            "judged_at": report.built_at.isoformat(),
        },
    )


def _numbers_by_day(days: pa.Table) -> Numbers:
    summed = days.group_by("day").aggregate([(name, "sum") for name in PLOTTED])
    return {row["day"]: {name: row[f"{name}_sum"] for name in PLOTTED} for row in summed.to_pylist()}


def _last_days(days: pa.Table) -> dg.MarkdownMetadataValue:
    newest_first = days.sort_by([("day", "descending"), ("source", "ascending")])
    return sample_of(newest_first, ["day", "source", *PLOTTED, "is_blocked"])
