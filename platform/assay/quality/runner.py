"""Run a suite on a batch before it is written: an outcome per expectation, and the rows to quarantine.

Great Expectations takes seconds to import, so it is imported when the first batch with rows arrives, and never by
whoever only needs names or outcomes.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from assay.errors import ExpectationError
from assay.quality.derived import DERIVED, add_derived
from assay.quality.expectations import COLUMNS_MATCH_SCHEMA, Expectation, Suite

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationValidationResult

# Enough to open and compare by hand; all failing rows are in `Validation.failures`.
MAX_FAILING_KEYS = 20
_RESULT_FORMAT = {
    "result_format": "COMPLETE",  # every other format stops at the first failing rows
    "exclude_unexpected_values": True,  # whole texts, which nobody reads there
    "partial_unexpected_count": 0,
    "return_unexpected_index_query": False,
}


@dataclass(frozen=True)
class Outcome:
    """What one expectation said about a batch.

    `evaluated` counts the rows it concerns (a batch expectation evaluates one thing, the batch), `unexpected` those
    that failed. `success` is `unexpected_ratio <= tolerated_ratio`. An expectation that could not be reached because
    the batch has the wrong columns has evaluated 0 and no success. `failing_keys` are the first keys as text.
    `seconds` is the time of the whole suite: Great Expectations computes it as one graph.
    """

    expectation: str
    success: bool
    evaluated: int
    unexpected: int
    unexpected_ratio: float
    failing_keys: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Validation:
    """What a suite said about a batch: an outcome per expectation in the suite's order, and the rows that failed.

    `failures` holds for the position of every failing row the first row expectation that it failed. `results` are Great
    Expectations' own, for its renderers; none where nothing was judged.
    """

    outcomes: tuple[Outcome, ...]
    failures: Mapping[int, str]
    results: tuple["ExpectationValidationResult", ...] = field(default=(), compare=False, repr=False)

    def passed_rows(self, rows: pa.Table) -> pa.Table:
        """The rows of the validated batch that failed no row expectation, in their order."""
        if not self.failures:
            return rows
        mask = np.ones(rows.num_rows, dtype=bool)
        mask[list(self.failures)] = False
        return rows.filter(pa.array(mask))

    def failed_rows(self, rows: pa.Table) -> pa.Table:
        """The rows of the validated batch to quarantine, in the order of `sorted(failures)`."""
        return rows.take(pa.array(sorted(self.failures), pa.int64()))


def validate(suite: Suite, rows: pa.Table) -> Validation:
    """Judge a batch of the suite's table. An empty batch is fine.

    A batch whose columns are not the table's fails `columns_match_schema` with all of its rows, and nothing else of
    it is judged. Raises ExpectationError when an expectation could not be computed.
    """
    started = time.perf_counter()
    if rows.num_rows == 0:
        return Validation(tuple(outcome_of(each, rows, 0, (), 0.0, suite) for each in suite.expectations), {})
    results = results_of(suite, rows)
    return validation_of(suite, rows, results, time.perf_counter() - started)


def validation_of(
    suite: Suite, rows: pa.Table, results: Mapping[str, "ExpectationValidationResult"], seconds: float
) -> Validation:
    """The validation of a batch from Great Expectations' results by name; what has none was not reached."""
    columns_match = COLUMNS_MATCH_SCHEMA not in results or results[COLUMNS_MATCH_SCHEMA].success
    outcomes: list[Outcome] = []
    failures: dict[int, str] = {} if columns_match else dict.fromkeys(range(rows.num_rows), COLUMNS_MATCH_SCHEMA)
    for expectation in suite.expectations:
        if expectation.name not in results:
            outcomes.append(Outcome(expectation.name, False, 0, 0, 0.0, (), seconds))
            continue
        evaluated, failing = counted(expectation, results[expectation.name])
        outcomes.append(outcome_of(expectation, rows, evaluated, failing, seconds, suite))
        if expectation.scope == "row":
            for index in failing:
                failures.setdefault(index, expectation.name)
    return Validation(tuple(outcomes), failures, tuple(results[name] for name in suite.names if name in results))


def results_of(suite: Suite, rows: pa.Table) -> dict[str, "ExpectationValidationResult"]:
    """Great Expectations' result of each expectation on rows; of `columns_match_schema` alone where that one fails."""
    shape = [each for each in suite.expectations if each.name == COLUMNS_MATCH_SCHEMA]
    rest = [each for each in suite.expectations if each.name != COLUMNS_MATCH_SCHEMA]
    results = _run(suite, shape, rows.schema.empty_table().to_pandas())
    if all(result.success for result in results.values()):
        results |= _run(suite, rest, _frame(suite, rest, rows))
    return results


def outcome_of(
    expectation: Expectation, rows: pa.Table, evaluated: int, failing: Sequence[int], seconds: float, suite: Suite
) -> Outcome:
    """The outcome of an expectation that so many rows concern and that the rows in the `failing` places failed."""
    ratio = len(failing) / evaluated if evaluated else 0.0
    keys: tuple[str, ...] = ()
    if expectation.scope != "batch" and failing:
        first = rows.select(suite.table.key).take(pa.array(failing[:MAX_FAILING_KEYS], pa.int64()))
        keys = tuple(", ".join(str(part) for part in key.values()) for key in first.to_pylist())
    success = ratio <= expectation.tolerated_ratio
    return Outcome(expectation.name, success, evaluated, len(failing), ratio, keys, seconds)


def counted(expectation: Expectation, result: "ExpectationValidationResult") -> tuple[int, Sequence[int]]:
    """How many were evaluated, and the ascending positions of those that failed (0 for a batch that failed)."""
    if expectation.scope == "batch":
        return 1, () if result.success else (0,)
    details = result.result
    failing = sorted(int(index) for index in details["unexpected_index_list"])
    if len(failing) != details["unexpected_count"]:
        raise ExpectationError(
            f"`{expectation.name}` found {details['unexpected_count']} failing rows and could name {len(failing)}. "
            "Nothing was written. Run `assay doctor` and compare the version of great-expectations."
        )
    return details["element_count"] - details.get("missing_count", 0), failing


def _frame(suite: Suite, expectations: Sequence[Expectation], rows: pa.Table) -> "pd.DataFrame":
    """The columns that the expectations read, derived ones computed; the index is the row's position."""
    import pandas as pd

    wanted = {column for expectation in expectations for column in expectation.columns}
    try:
        rows = with_columns(suite, rows, wanted)
        return pd.DataFrame({name: to_series(rows[name]) for name in rows.column_names}, copy=False)
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise _not_judged(suite, "A derived column", repr(error)) from error


def with_columns(suite: Suite, rows: pa.Table, wanted: Set[str]) -> pa.Table:
    """The `wanted` columns of a batch by name, derived ones computed."""
    derived = {**DERIVED, **suite.derived}
    missing = wanted & derived.keys() - set(rows.column_names)
    return add_derived(rows, {name: derived[name] for name in missing}).select(sorted(wanted))


def to_series(column: pa.ChunkedArray) -> "pd.Series":
    """A column as pandas without loss: integers with nulls stay integers, lists are lists, dates are dates, times are UTC.

    Times come without their zone: with it Great Expectations makes an object of every value.
    """
    import pandas as pd

    if pa.types.is_nested(column.type):
        return pd.Series(column.to_pylist(), dtype=object)
    if column.null_count and pa.types.is_integer(column.type):
        return column.cast(pa.int64()).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    if column.null_count and pa.types.is_boolean(column.type):
        return column.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp(column.type.unit)).to_pandas()
    return column.to_pandas()


def _run(
    suite: Suite, expectations: Sequence[Expectation], frame: "pd.DataFrame"
) -> dict[str, "ExpectationValidationResult"]:
    """Great Expectations' result of each expectation on `frame`, by name; raises for any that was not computed."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read at import
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.exceptions.exceptions import GreatExpectationsError
    from great_expectations.expectations.registry import get_expectation_impl

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    try:
        declared = [_declared(get_expectation_impl(each.kind), each) for each in expectations]
        definition = context.data_sources.add_pandas("assay").add_dataframe_asset("rows")
        whole = definition.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
        judged = whole.validate(
            gx.ExpectationSuite(name=suite.table.name, expectations=declared), result_format=_RESULT_FORMAT
        )
    except (GreatExpectationsError, KeyError, TypeError, ValueError) as error:
        raise _not_judged(suite, "The suite", repr(error)) from error
    finally:
        # The last context stays alive in Great Expectations, and with it the batch.
        if "assay" in context.data_sources.all():
            context.data_sources.delete("assay")

    results: dict[str, ExpectationValidationResult] = {}
    for result in judged.results:
        name = str((result.expectation_config.meta or {})["name"]) if result.expectation_config else ""
        # A metric that raised comes back as an ordinary failure; only this tells the two apart.
        if reason := _exception(result.exception_info):
            raise _not_judged(suite, f"`{name}`", reason)
        results[name] = result
    if missing := [each.name for each in expectations if each.name not in results]:
        raise _not_judged(suite, f"`{missing[0]}`", "no result came back")
    return results


def _declared(implementation: Callable[..., Any], expectation: Expectation) -> Any:
    """Great Expectations' own object, which carries our name: results come back in another order."""
    arguments = dict(expectation.arguments)
    if isinstance(columns := arguments.get("column_list"), tuple):
        arguments["column_list"] = list(columns)  # a tuple is taken for one column's name
    return implementation(**arguments, meta={"name": expectation.name})


def _exception(info: Mapping[str, Any] | None) -> str | None:
    """The message of an exception in `exception_info`: flat, or one entry per metric."""
    entries = [info or {}, *(entry for entry in (info or {}).values() if isinstance(entry, dict))]
    raised = [entry for entry in entries if entry.get("raised_exception")]
    return str(raised[0].get("exception_message") or "a metric raised") if raised else None


def _not_judged(suite: Suite, what: str, reason: str) -> ExpectationError:
    return ExpectationError(
        f"{what} of `{suite.table.name}` could not be computed: {reason.rstrip('.')}. Nothing of the batch was "
        "written, and it counts neither as good nor as bad. Mend the expectation in `platform/assay/quality/`, then "
        "run `make test`."
    )
