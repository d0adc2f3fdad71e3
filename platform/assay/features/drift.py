"""quality/feature_drift: are a day's values distributed like those of the last good day?

Ranges pass a value that has doubled, a column of zeros, a day that lacks half of its entities; the day before tells. It
warns and blocks nothing, for a great event drifts too. A day that warned is no reference for the next, until the change
has lasted so long that it is what is usual. What is said is of the days as they stood when the day was published.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute

from assay.event_tables import FeatureDriftRow
from assay.features.distribution_distances import Values, kolmogorov_smirnov, population_stability_index
from assay.features.registry import FeatureView
from assay.quality.day_batches import check_days
from assay.quality.derived import Column
from assay.quality.expectations import Suite, row, suite_of
from assay.quality.shared_expectations import BETWEEN
from assay.schema import table_of
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

FEATURE_DRIFT = table_of(FeatureDriftRow)

# Of fewer entities chance alone makes any distribution; the index, which sees the tails, needs more than the distance.
FEW_ENTITIES = 10
FEW_ENTITIES_FOR_PSI = 30
# A change that has lasted so long is what is usual: from then on the newest day is the reference, whether it warned or not.
LASTING_DAYS = 7
# Two days of few entities differ by chance: were they other entities, by an index of 18/n in the mean. The most that two
# days of the sample show, and the least that a value of theirs shows once it is doubled or 0:
#                   index              distance
#   12 campaigns    -                  .42; .38, .92
#   60 creators     .38; .70, 6.95     .13; .30, .81
#   1,200 viewers   .02; .15, 2.21     .07; .10, .30
MOST_PSI, MOST_PSI_TIMES_ENTITIES = 0.1, 30.0
MOST_KS, MOST_KS_TIMES_ROOT_OF_ENTITIES = 0.12, 1.8
# The sample's share of entities that have a value went from .98 to 1.03.
LEAST_TIMES_ENTITIES, MOST_TIMES_ENTITIES = 0.6, 1.6


def drift_suite() -> Suite:
    """What is expected of quality/feature_drift; a row without measures concerns nobody."""
    return suite_of(
        FEATURE_DRIFT,
        row(
            "distribution_is_usual",
            BETWEEN,
            "A value is distributed otherwise than on the last good day: its source or its unit has probably changed.",
            severity="warning",
            column="psi_to_most",
            max_value=1,
        ),
        row(
            "greatest_distance_is_usual",
            BETWEEN,
            "Many of the values have moved the same way since the last good day, as when they are doubled or become 0.",
            severity="warning",
            column="ks_to_most",
            max_value=1,
        ),
        row(
            "entity_count_is_usual",
            BETWEEN,
            "Far fewer or more entities have the value than on the last good day: a part of them is missing, or was never one.",
            severity="warning",
            column="entities_to_reference",
            min_value=LEAST_TIMES_ENTITIES,
            max_value=MOST_TIMES_ENTITIES,
        ),
        derived={one.__name__: one for one in (psi_to_most, ks_to_most, entities_to_reference)},
    )


def psi_to_most(rows: pa.Table) -> Column:
    """The index in units of the greatest that so few entities show by chance."""
    entities = pc.min_element_wise(rows["entities"], rows["reference_entities"], skip_nulls=False).cast(pa.float64())
    return pc.divide(rows["psi"], pc.max_element_wise(pc.divide(MOST_PSI_TIMES_ENTITIES, entities), MOST_PSI))


def ks_to_most(rows: pa.Table) -> Column:
    """The distance in units of the greatest that so few entities show by chance."""
    entities = pc.min_element_wise(rows["entities"], rows["reference_entities"], skip_nulls=False).cast(pa.float64())
    most = pc.divide(MOST_KS_TIMES_ROOT_OF_ENTITIES, pc.sqrt(entities))
    return pc.divide(rows["ks"], pc.max_element_wise(most, MOST_KS))


def entities_to_reference(rows: pa.Table) -> Column:
    """The entities that have the value, in units of the last good day's; null where those were few."""
    known = pc.greater_equal(rows["reference_entities"], FEW_ENTITIES)
    reference = pc.if_else(known, rows["reference_entities"], None).cast(pa.float64())
    return pc.divide(rows["entities"].cast(pa.float64()), reference)


def write_drift(workspace: Workspace, view: FeatureView, batches: Mapping[date, pa.Table]) -> None:
    """Measure, judge and write the drift of each day; a day without first rows, as of corrections alone, has none."""
    if not batches or not any(value.has_drift for value in view.values):
        return
    lake = workspace.lake
    fresh = {day: first_rows(rows) for day, rows in sorted(batches.items())}
    measured = {day: FEATURE_DRIFT.empty() for day in fresh}
    days = {day for day in _standing_days(workspace, view) if day not in fresh}
    days |= {day for day, rows in fresh.items() if rows.num_rows}
    unusual = unusual_days(lake.read(FEATURE_DRIFT, where={"view": view.name})) - fresh.keys()
    for day in sorted(days & fresh.keys()):
        reference = reference_day(view, day, days, unusual)
        other = None
        if reference is not None:
            other = fresh[reference] if reference in fresh else _standing_rows(workspace, view, reference)
        measured[day] = FEATURE_DRIFT.rows(measure(view, day, fresh[day], reference, other))
        unusual |= unusual_days(measured[day])
    check_days(workspace, drift_suite(), measured, source=view.name)
    place: dict[str, object] = {"view": view.name, "day": list(measured)}
    lake.replace_partition(FEATURE_DRIFT, pa.concat_tables(measured.values()), partitions=place)


def measure(
    view: FeatureView, day: date, rows: pa.Table, reference: date | None, other: pa.Table | None
) -> list[FeatureDriftRow]:
    """A row per value with `drift`, of the day's first rows and those of the `reference` day, where there is one."""
    return [_measured(view, day, value.name, rows, reference, other) for value in view.values if value.has_drift]


def reference_day(view: FeatureView, day: date, days: Collection[date], unusual: Collection[date]) -> date | None:
    """The last good one of the view's `days` before `day`; None while there is none whose windows were full."""
    full_from = min(days) + view.warm_up
    before = [one for one in days if full_from <= one < day]
    good = [one for one in before if one not in unusual and day - one <= timedelta(days=LASTING_DAYS)]
    return max(good or before, default=None)


def unusual_days(measured: pa.Table) -> set[date]:
    """The days of which a measure is beyond what the suite expects."""
    times = entities_to_reference(measured)
    beyond = (
        pc.greater(psi_to_most(measured), 1),
        pc.greater(ks_to_most(measured), 1),
        pc.less(times, LEAST_TIMES_ENTITIES),
        pc.greater(times, MOST_TIMES_ENTITIES),
    )
    return {day for each in beyond for day in measured["day"].filter(each).to_pylist()}


def first_rows(rows: pa.Table) -> pa.Table:
    """The rows that are no corrections and no tombstones."""
    return rows.filter(pc.and_(pc.equal(rows["seq"], 0), pc.invert(rows["is_deleted"])))


def _measured(
    view: FeatureView, day: date, name: str, rows: pa.Table, reference: date | None, other: pa.Table | None
) -> FeatureDriftRow:
    rows = _with_value(rows, name)
    row = FeatureDriftRow(
        view=view.name,
        day=day,
        value=name,
        rows=rows.num_rows,
        entities=_entities(view, rows),
        reference_day=None,
        reference_rows=None,
        reference_entities=None,
        psi=None,
        ks=None,
    )
    if reference is None or other is None:
        return row
    usual = _with_value(other, name)
    row = replace(
        row, reference_day=reference, reference_rows=usual.num_rows, reference_entities=_entities(view, usual)
    )
    entities = min(row.entities, row.reference_entities or 0)
    if entities < FEW_ENTITIES:
        return row
    one, two = _numbers(rows[name]), _numbers(usual[name])
    psi = population_stability_index(one, two) if entities >= FEW_ENTITIES_FOR_PSI else None
    return replace(row, psi=psi, ks=kolmogorov_smirnov(one, two))


def _with_value(rows: pa.Table, name: str) -> pa.Table:
    return rows.filter(pc.is_valid(rows[name]))


def _entities(view: FeatureView, rows: pa.Table) -> int:
    return rows.select(view.entity).group_by(list(view.entity)).aggregate([]).num_rows


def _numbers(column: pa.ChunkedArray) -> Values:
    return column.cast(pa.float64()).to_numpy()


def _standing_days(workspace: Workspace, view: FeatureView) -> list[date]:
    """The days in the lake that have first rows."""
    return workspace.lake.read(view.table, where={"seq": 0}, columns=["day"])["day"].unique().to_pylist()


def _standing_rows(workspace: Workspace, view: FeatureView, day: date) -> pa.Table:
    return first_rows(workspace.lake.read(view.table, where={"day": day, "seq": 0}))
