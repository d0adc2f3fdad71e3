"""The gate between dbt and the lake: the rows of feature views are judged, and only what passed is published.

Rows that fail an expectation go to silver/quarantined_features, a day that a blocking expectation refuses is held back
whole and what stood of it stands. All days of a view that changed are judged in one pass; a day that did not change is not
judged. Drift is measured and warned of, and holds nothing back.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from assay.event_tables import QuarantinedFeatureRow
from assay.features.drift import drift_suite, write_drift
from assay.features.feature_suites import feature_suite
from assay.features.registry import FeatureView, registry
from assay.model_tables import ModelTable
from assay.quality.day_batches import check_days
from assay.quality.expectations import Suite
from assay.quality.outcomes import ALL_SOURCES, CheckedBatch, row_keys
from assay.quality.shared_expectations import Limits
from assay.schema import table_of
from assay.workspace import Workspace

QUARANTINED_FEATURES = table_of(QuarantinedFeatureRow)


class FeatureGate:
    """The gate of a manifest's views; its `days` is what `marts.refresh` prepares them with."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._views = registry(manifest)

    def days(
        self, workspace: Workspace, model: ModelTable, batches: Mapping[date, pa.Table]
    ) -> Mapping[date, pa.Table | None]:
        """The rows of each day as they go into the lake: what passed, and where it comes from. None: it is held back.

        Raises ExpectationError when an expectation could not be computed; nothing of the view was published then.
        """
        view = self._views[model.name]
        stamped = {day: _stamped(workspace, view, rows) for day, rows in batches.items()}
        suite = feature_suite(view, Limits.of(workspace.settings))
        checked = check_days(workspace, suite, stamped, source=ALL_SOURCES)
        _quarantine(workspace, view, stamped, checked)
        passed = {day: None if one.blocked_by else one.passed for day, one in checked.items()}
        write_drift(workspace, view, {day: rows for day, rows in passed.items() if rows is not None})
        return passed


def suites_of(manifest: Mapping[str, Any]) -> Mapping[str, Suite]:
    """The suite of every feature view by the name of its table, and that of quality/feature_drift."""
    suites = [*(feature_suite(view) for view in registry(manifest).values()), drift_suite()]
    return {suite.table.name: suite for suite in suites}


def _stamped(workspace: Workspace, view: FeatureView, rows: pa.Table) -> pa.Table:
    """The rows with what is told of their origin, in the columns of the view's table."""
    given: Mapping[str, object] = {
        "logic_version": view.logic_version,
        "run_id": workspace.run.run_id,
        "computed_at": workspace.run.started_at,
    }
    schema: pa.Schema = view.table.schema
    for name, value in given.items():
        rows = rows.append_column(name, pa.repeat(pa.scalar(value, schema.field(name).type), rows.num_rows))
    return rows.select(schema.names).cast(schema)


def _quarantine(
    workspace: Workspace,
    view: FeatureView,
    stamped: Mapping[date, pa.Table],
    checked: Mapping[date, CheckedBatch],
) -> None:
    """Make the quarantine of these days the rows that were refused, and no others."""
    found = [one for day, rows in stamped.items() for one in _refused(workspace, view, day, rows, checked[day])]
    place: dict[str, object] = {"view": view.name, "day": list(stamped)}
    workspace.lake.replace_partition(QUARANTINED_FEATURES, QUARANTINED_FEATURES.rows(found), partitions=place)


def _refused(
    workspace: Workspace, view: FeatureView, day: date, rows: pa.Table, checked: CheckedBatch
) -> Iterator[QuarantinedFeatureRow]:
    if not checked.refused:
        return
    reasons = dict(checked.refused)
    for key, row in zip(row_keys(view.table, rows), rows.to_pylist(), strict=True):
        if key in reasons:
            yield QuarantinedFeatureRow(
                view=view.name,
                day=day,
                row_key=key,
                expectation=reasons[key],
                row=json.dumps(row, default=str),
                run_id=workspace.run.run_id,
                computed_at=workspace.run.started_at,
            )
