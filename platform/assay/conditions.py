"""Which rows: columns and their values, as an Arrow expression for reading and as Delta's SQL for replacing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import reduce
from operator import and_
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assay.schema import Table

# Longer lists of values become a range in the predicate: an IN list of 40,000 overflows deltalake's stack and kills
# the process (20,000 pass), and the predicate is kept in the log of every commit.
LISTED_VALUES = 1000


def several(value: object) -> list[object]:
    """A value as the list of one, a collection as the list of its members; text and bytes are values."""
    collection = isinstance(value, Iterable) and not isinstance(value, str | bytes)
    return list(cast(Iterable[object], value)) if collection else [value]


def expression(table: Table, where: Mapping[str, object]) -> ds.Expression | None:
    """Rows where every column has the value, or one of the values, given; None matches null. None without columns."""
    return reduce(and_, [_any_of(table, name, several(value)) for name, value in where.items()] or [None])


def predicate(bounds: Mapping[str, Sequence[object]]) -> str:
    """Delta's SQL for `covered(bounds)`. Values enter it through `_literal` only; columns are those of a `Table`.

    `bounds` holds sorted values: text, whole numbers, booleans or days. Raises ValueError for any other.
    """
    return " AND ".join(
        f'"{name}" >= {_literal(values[0])} AND "{name}" <= {_literal(values[-1])}'
        if is_range(values)
        else f'"{name}" IN ({", ".join(map(_literal, values))})'
        for name, values in bounds.items()
    )


def covered(table: Table, bounds: Mapping[str, Sequence[object]]) -> ds.Expression:
    """The rows that `predicate(bounds)` names: those of the bounds, and what lies between where they are a range."""
    return reduce(
        and_,
        [
            _between(table, name, values[0], values[-1]) if is_range(values) else _any_of(table, name, values)
            for name, values in bounds.items()
        ],
    )


def is_range(values: Sequence[object]) -> bool:
    """Whether `predicate` names these values by their range."""
    return len(values) > LISTED_VALUES


def _any_of(table: Table, name: str, values: Sequence[object]) -> ds.Expression:
    kind = table.schema.field(name).type
    if len(values) == 1 and values[0] is not None:  # an equality prunes by file statistics too, `isin` does not
        return pc.field(name) == pa.scalar(values[0], kind)
    return pc.field(name).isin(pa.array(values, kind))


def _between(table: Table, name: str, first: object, last: object) -> ds.Expression:
    kind = table.schema.field(name).type
    return (pc.field(name) >= pa.scalar(first, kind)) & (pc.field(name) <= pa.scalar(last, kind))


def _literal(value: object) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"'{value.isoformat()}'"
    raise ValueError(
        f"Rows cannot be replaced by a {type(value).__name__}: only by text, whole numbers, booleans, days."
    )
