"""Marts: tables that dbt makes of the lake for people and models to read. Its data tests become asset checks.

Two builds, for the documents' marts and the events' own, because neither should wait for the other: their models carry the
group's tag.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets

from assay.column_lineage import column_lineage
from assay.dbt import NodeResult, manifest_of
from assay.features.feature_gate import FeatureGate
from assay.marts import Group, MartsReport, refresh
from assay.model_tables import ModelTable, model_tables
from assay.settings import load_settings
from assay.workspace import Workspace
from assets.partitions import DAILY, ONE_RUN
from assets.reporting import Numbers, clocked, column_schema, log_days, sample_of
from assets.resources import AssayHome
from assets.retries import RETRIES, retried_on_storage_errors

PROJECT = Path(__file__).parents[1] / "dbt_project"
MANIFEST = manifest_of(PROJECT, load_settings().home)
MODELS = model_tables(MANIFEST)
INGESTION_DAILY = MODELS["gold/ingestion_daily"].table
INGESTION_KEY = dg.AssetKey(INGESTION_DAILY.name.split("/"))
# Plotted by the UI over the days, summed up over the sources.
PLOTTED = ("observed", "refused", "added", "changed", "moved", "deleted", "quarantined", "embedded", "reused")
GATE = FeatureGate(MANIFEST)
# Event days that a page names; a whole build has all of them.
NAMED_DAYS = 40


class MartTranslator(DagsterDbtTranslator):
    """What Dagster shows of a model and its tests. The keys are dbt-dagster's own: `[schema, model]`, `[source, table]`."""

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        teaches = dbt_resource_props["config"].get("meta", {}).get("teaches")
        return dbt_resource_props["description"] + (f"\n\n**Teaches:** {teaches}" if teaches else "")

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return dbt_resource_props["schema"]

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return ["team:data-platform"]

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> dict[str, Any]:
        model = MODELS.get(f"{dbt_resource_props['schema']}/{dbt_resource_props['name']}")
        readers = [MANIFEST["exposures"][one] for one in _children(dbt_resource_props) if one in MANIFEST["exposures"]]
        read_by = {f"read by: {one['name']}": dg.MetadataValue.md(one["description"]) for one in readers}
        return {**({"dagster/column_schema": column_schema(model.table)} if model else {}), **read_by}

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        description = manifest["nodes"][unique_id]["description"]
        # Not blocking: what serves does not wait for the marts, and a mart whose test fails is not published.
        return spec._replace(description=description, blocking=False) if spec else None


def _children(node: Mapping[str, Any]) -> list[str]:
    return MANIFEST["child_map"].get(node["unique_id"], [])


def _dbt_assets(name: str, group: Group) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dbt_assets` for the models with the group's tag."""
    return dbt_assets(
        name=name,
        manifest=MANIFEST,
        select=f"tag:{group}",
        dagster_dbt_translator=MartTranslator(
            DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True, enable_source_metadata=False)
        ),
        partitions_def=DAILY,
        backfill_policy=ONE_RUN,
        retry_policy=RETRIES,
        pool="warehouse",
    )


@_dbt_assets("document_marts", "documents")
@retried_on_storage_errors
def document_marts(
    context: dg.AssetExecutionContext, home: AssayHome
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """One dbt build for all days of the run, then its results into the lake; neither where nothing has changed."""
    workspace = home.workspace(context)
    report, seconds = clocked(refresh, workspace, PROJECT, "documents")
    days = workspace.lake.read(INGESTION_DAILY)
    if INGESTION_KEY in context.selected_asset_keys:
        log_days(context, _numbers_by_day(days), INGESTION_KEY)
    shown = {INGESTION_DAILY.name: {"last_days": _last_days(days)}}
    yield from _results(context, report, seconds, shown)


def _results(
    context: dg.AssetExecutionContext, report: MartsReport, seconds: float, shown: Mapping[str, Mapping[str, Any]]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """A result per mart that was published, with what is `shown` of it, and one per data test."""
    for name in report.rows:  # in the order of the build, which Dagster insists on
        key = dg.AssetKey(name.split("/"))
        if key in context.selected_asset_keys and name not in report.held_back:
            metadata = {**_told(report, name), **_lineage(MODELS[name]), "seconds": seconds, **shown.get(name, {})}
            yield dg.MaterializeResult(key, metadata=metadata)
    for result in report.results:
        for key in context.selected_asset_check_keys:
            if key.name == result.name:
                yield _check_result(key, result, report)


def _told(report: MartsReport, name: str) -> dict[str, Any]:
    """Whether dbt ran, and if not, whose results these are."""
    built_by = dg.MetadataValue.dagster_run(report.built_by)
    return {"dagster/row_count": report.rows[name], "unchanged": not report.was_built, "built_by": built_by}


def _lineage(model: ModelTable) -> dict[str, Any]:
    """Which columns the mart's columns are made of, for the UI's graph of columns."""
    traced = column_lineage(MANIFEST, model.node)
    if traced is None:
        return {}
    deps = {
        name: [dg.TableColumnDep(dg.AssetKey(table.split("/")), column) for table, column in columns]
        for name, columns in traced.items()
    }
    return {"dagster/column_lineage": dg.TableColumnLineage(deps)}


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


@_dbt_assets("event_marts", "events")
@retried_on_storage_errors
def event_marts(
    context: dg.AssetExecutionContext, home: AssayHome
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """One dbt build of the event days that arrivals touched, then the days that differ into the lake."""
    workspace = home.workspace(context)
    report, seconds = clocked(partial(refresh, prepare=GATE.days), workspace, PROJECT, "events")
    for name, days in report.rows_by_day.items():
        key = dg.AssetKey(name.split("/"))
        if key in context.selected_asset_keys:
            log_days(context, {day: {"rows": rows} for day, rows in days.items()}, key)
    restated = "all" if report.restated is None else [f"{day}" for day in report.restated][:NAMED_DAYS]
    shown = {
        name: {
            "changed": report.changed[name],
            "restated_event_days": restated,
            "days_held_back": [f"{day}" for day in report.held_back_days.get(name, ())],
            **_newest_rows(workspace, MODELS[name], report.rows_by_day.get(name, {}).keys()),
        }
        for name in report.rows
    }
    yield from _results(context, report, seconds, shown)


def _newest_rows(workspace: Workspace, model: ModelTable, days: Collection[date]) -> dict[str, Any]:
    """A few rows, of the newest day where there are days. None of a table about viewers: this page outlives them."""
    table = model.table
    if "viewer_id" in table.schema.names:
        return {}
    where = {model.day_column: max(days)} if model.day_column and days else {}
    return {"sample": sample_of(workspace.lake.read(table, where=where), table.schema.names)}
