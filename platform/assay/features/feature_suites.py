"""The suite of a feature view: its table's promises, and what its metadata declares of rows, days and values.

Made from the manifest and so in no list of names: a view that somebody adds is judged without a line of Python.
"""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute

from assay.features.registry import FeatureValue, FeatureView
from assay.quality.expectations import Expectation, Suite, day_share, pair, row, suite_of
from assay.quality.shared_expectations import BETWEEN, GREATER, MATCHES, Limits

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

_NOT_NULL = "expect_column_values_to_not_be_null"


def feature_suite(view: FeatureView, limits: Limits | None = None) -> Suite:
    """What is expected of the rows of a view, before they are published.

    A value out of range sends its row to quarantine, and more than `limits` tolerate of a day hold the day back. What
    cannot be false of any row (its key, its two times, its logic) is not tolerated at all.
    """
    return suite_of(
        view.table,
        *_of_rows(),
        *_of_values(view, limits or Limits()),
        *_of_days(view),
        derived={"days_behind": days_behind},
    )


def days_behind(rows: pa.Table) -> pa.ChunkedArray:
    """Days from the newest event time of each day to the start of the day, in its first row that has it; else null."""
    by_day = rows.group_by("day").aggregate([("event_ts", "max")])
    newest = pc.take(by_day["event_ts_max"], pc.index_in(rows["day"], value_set=by_day["day"]))
    microseconds = pc.microseconds_between(rows["event_ts"], rows["day"].cast(rows["event_ts"].type))
    return pc.if_else(
        pc.equal(rows["event_ts"], newest), pc.divide(microseconds.cast(pa.float64()), 86_400_000_000), None
    )


def _of_rows() -> Iterable[Expectation]:
    yield pair(
        "event_ts_is_not_after_available_at",
        GREATER,
        "A row would be known before it was true, and a training set would see the future.",
        "available_at",
        "event_ts",
        or_equal=True,
    )
    yield row(
        "logic_version_is_a_hash",
        MATCHES,
        "Nobody can tell which logic computed a value.",
        column="logic_version",
        regex=r"^[0-9a-f]{12}$",
    )


def _of_values(view: FeatureView, limits: Limits) -> Iterable[Expectation]:
    for value in view.values:
        if value.least is not None or value.greatest is not None:
            yield row(
                f"{value.name}_is_in_range",
                BETWEEN,
                f"{value.name} is outside {_range(value)}, where its owner says that it cannot be.",
                tolerated_ratio=limits.max_quarantined_ratio,
                column=value.name,
                min_value=value.least,
                max_value=value.greatest,
            )
        if value.max_null_ratio is not None and value.max_null_ratio < 1:
            yield day_share(
                f"{value.name}_is_mostly_known",
                _NOT_NULL,
                f"More than {value.max_null_ratio:.0%} of a day's rows lack {value.name}: its source is probably missing.",
                severity="warning",  # a day of few rows may well lack it in all
                tolerated_ratio=value.max_null_ratio,
                column=value.name,
            )


def _of_days(view: FeatureView) -> Iterable[Expectation]:
    if view.freshness is not None:
        yield day_share(
            "newest_row_is_fresh",
            BETWEEN,
            f"The newest row of a day is more than {view.freshness} older than the day: the view's source has stopped.",
            severity="warning",
            column="days_behind",
            max_value=view.freshness.total_seconds() / 86_400,
        )


def _range(value: FeatureValue) -> str:
    least, greatest = (
        ("-∞" if value.least is None else value.least),
        ("∞" if value.greatest is None else value.greatest),
    )
    return f"[{least}, {greatest}]"
