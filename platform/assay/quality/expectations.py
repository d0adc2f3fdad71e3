"""What an expectation and a suite are: plain declarations, so that their names are known without Great Expectations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import pyarrow as pa

from assay.quality.derived import DerivedColumn
from assay.schema import Table

Scope = Literal["row", "batch", "day"]
Severity = Literal["blocking", "warning"]

COLUMNS_MATCH_SCHEMA = "columns_match_schema"
KEY_IS_UNIQUE = "key_is_unique"

# The arguments of a Great Expectations expectation that name columns.
_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")


@dataclass(frozen=True)
class Expectation:
    """One thing that is expected of a batch; its `name` is the name of the asset check.

    `description` is one sentence: what a failure means for a user. `kind` and `arguments` are a Great Expectations
    type and its arguments; a column named there is one of the table's or one of `assay.quality.derived.DERIVED`.
    A `row` expectation sends the rows that fail it to quarantine, a `batch` expectation judges the batch as a whole. A
    `day` expectation judges a day by the share of its rows that fail it, and sends none to quarantine.
    `tolerated_ratio` is the share of the evaluated rows that may fail it before the check itself fails.
    """

    name: str
    description: str
    kind: str
    arguments: Mapping[str, object]
    scope: Scope = "row"
    tolerated_ratio: float = 0.0
    severity: Severity = "blocking"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads, derived ones included."""
        single = tuple(str(self.arguments[name]) for name in _COLUMN_ARGUMENTS if name in self.arguments)
        several = self.arguments.get("column_list", ())
        return single + (tuple(several) if isinstance(several, tuple) else ())


@dataclass(frozen=True)
class Suite:
    """Every expectation of one table, in the order in which a row that fails several of them is named.

    `derived`: columns that only this table's expectations read, beside those of `assay.quality.derived.DERIVED`.
    """

    table: Table
    expectations: tuple[Expectation, ...]
    derived: Mapping[str, DerivedColumn] = field(default_factory=dict[str, DerivedColumn])

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(expectation.name for expectation in self.expectations)

    def expectation(self, name: str) -> Expectation:
        """The expectation called `name`; KeyError when there is none."""
        return {expectation.name: expectation for expectation in self.expectations}[name]


def row(
    name: str,
    kind: str,
    description: str,
    *,
    tolerated_ratio: float = 0.0,
    severity: Severity = "blocking",
    **arguments: object,
) -> Expectation:
    """An expectation of every row; `arguments` are those of the Great Expectations type `kind`."""
    return Expectation(name, description, kind, arguments, "row", tolerated_ratio, severity)


def batch(
    name: str, kind: str, description: str, *, severity: Severity = "blocking", **arguments: object
) -> Expectation:
    """An expectation of the batch as a whole; it quarantines no row."""
    return Expectation(name, description, kind, arguments, "batch", severity=severity)


def day_share(
    name: str,
    kind: str,
    description: str,
    *,
    tolerated_ratio: float = 0.0,
    severity: Severity = "blocking",
    **arguments: object,
) -> Expectation:
    """An expectation of a day: at most the share `tolerated_ratio` of the rows that it concerns fails `kind`."""
    return Expectation(name, description, kind, arguments, "day", tolerated_ratio, severity)


def pair(
    name: str, kind: str, description: str, a: str, b: str, *, tolerated_ratio: float = 0.0, **arguments: object
) -> Expectation:
    """An expectation of two columns of every row in which both have a value."""
    missing = "either_value_is_missing"
    arguments = {"column_A": a, "column_B": b, "ignore_row_if": missing, **arguments}
    return Expectation(name, description, kind, arguments, "row", tolerated_ratio)


def unique(name: str, description: str, columns: tuple[str, ...]) -> Expectation:
    """No two rows of the batch share their values of `columns`; all rows that share them fail, not just the later."""
    if len(columns) == 1:
        return row(name, "expect_column_values_to_be_unique", description, column=columns[0])
    kind = "expect_compound_columns_to_be_unique"
    return row(name, kind, description, column_list=columns, ignore_row_if="any_value_is_missing")


def suite_of(table: Table, *own: Expectation, derived: Mapping[str, DerivedColumn] | None = None) -> Suite:
    """The suite of `table`: what its row class already promises (columns, values, key), then its `own` expectations."""
    return Suite(table, (*_promised(table), *own), derived or {})


def _promised(table: Table) -> list[Expectation]:
    columns = batch(
        COLUMNS_MATCH_SCHEMA,
        "expect_table_columns_to_match_set",
        f"A column of {table.name} is missing or unknown, so nothing of the batch could be judged.",
        column_set=tuple(table.schema.names),
        exact_match=True,
    )
    key = unique(
        KEY_IS_UNIQUE, f"Two rows claim the same {', '.join(table.key)}: either may be the wrong one.", table.key
    )
    return [columns, *(_is_not_null(table, field) for field in table.schema if not field.nullable), key]


def _is_not_null(table: Table, field: pa.Field) -> Expectation:
    description = f"A row of {table.name} lacks its {field.name}, which every reader relies on."
    return row(f"{field.name}_is_not_null", "expect_column_values_to_not_be_null", description, column=field.name)
