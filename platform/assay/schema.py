"""One typed row class is a table's schema: Arrow and Delta types, nullability and descriptions follow from it.

    @table("bronze/manifests", key=("source", "day", "path"), partition_by=("source", "day"))
    @dataclass(frozen=True, slots=True)
    class ManifestRow:
        '''What was observed.'''
        source: Annotated[str, "The source's name in settings."]
        size_bytes: Annotated[int | None, "None for a file that was refused."]

`table_of(ManifestRow)` is the `Table`: its name, key, partitioning, Arrow schema and column descriptions.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")
# Columns that say when and by which run a row was computed: two runs that agree on everything else are equal.
PROVENANCE_COLUMNS = ("computed_at", "run_id")

_SCALARS: dict[object, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
    date: pa.date32(),
    datetime: TIMESTAMP,
}

RowClass = TypeVar("RowClass", bound=type)


@dataclass(frozen=True)
class Table:
    """A table of the lake: `name` is its path under the lake, `key` identifies a row, rows are written by partition."""

    name: str
    description: str
    key: tuple[str, ...]
    partition_by: tuple[str, ...]
    schema: pa.Schema

    @property
    def column_descriptions(self) -> dict[str, str]:
        return {field.name: (field.metadata or {}).get(b"comment", b"").decode() for field in self.schema}

    def rows(self, records: Iterable[Any]) -> pa.Table:
        """Row objects as an Arrow table of this schema."""
        return pa.Table.from_pylist([dataclasses.asdict(record) for record in records], schema=self.schema)

    def empty(self) -> pa.Table:
        return self.schema.empty_table()


def table(name: str, *, key: tuple[str, ...], partition_by: tuple[str, ...] = ()) -> Callable[[RowClass], RowClass]:
    """Class decorator: attach the `Table` that the row class describes."""

    def attach(row_class: RowClass) -> RowClass:
        description = (row_class.__doc__ or "").strip()
        row_class.__assay_table__ = Table(name, description, key, partition_by, _arrow_schema(row_class))
        return row_class

    return attach


def table_of(row_class: type) -> Table:
    """The `Table` that a row class decorated with `@table` describes."""
    found: Table = row_class.__dict__["__assay_table__"]
    return found


def _arrow_schema(row_class: type) -> pa.Schema:
    hints: Mapping[str, Any] = get_type_hints(row_class, include_extras=True)
    return pa.schema([column(name, hint) for name, hint in hints.items()])


def column(name: str, hint: Any) -> pa.Field:
    """The column that a row class's annotation describes."""
    description = ""
    if get_origin(hint) is Annotated:
        hint, description = get_args(hint)[:2]
    nullable = get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint)
    if nullable:
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    if get_origin(hint) is list:
        arrow_type: pa.DataType = pa.list_(pa.field("element", _SCALARS[get_args(hint)[0]], nullable=False))
    else:
        arrow_type = _SCALARS[hint]
    return pa.field(name, arrow_type, nullable=nullable, metadata={"comment": description})
