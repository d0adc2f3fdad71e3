"""From the warehouse file into the lake: only what differs is read, prepared and written."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.compute
from duckdb import ColumnExpression, ConstantExpression, FunctionExpression

from assay.lake import Lake
from assay.model_tables import ModelTable
from assay.rows import differences
from assay.warehouse import registered, to_table
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

# Rows in memory and in one commit at a time, whole days: half a million events are some 200 MB.
ROWS_PER_COMMIT = 500_000

# Given days of a feature view, as dbt built them; gives their rows as they go into the lake, or None for a day that is held
# back: what stands of it stands. A day that dbt builds no longer is given without rows, so that what was said of it goes too.
# Several days at once, for to judge them costs hardly more than to judge one.
Prepare: TypeAlias = Callable[[Workspace, ModelTable, Mapping[date, pa.Table]], Mapping[date, pa.Table | None]]


@dataclass(frozen=True)
class DayDigest:
    """How many rows a day has, and a hash of what they say, whatever their order."""

    rows: int
    digest: str


@dataclass(frozen=True)
class Published:
    """What stands of a model in the lake: the version it was left at, and the days as they were in the warehouse.

    `days` is empty for a table that is not written by day. `held_back`: days that `prepare` did not let through.
    """

    version: int | None
    days: Mapping[date, DayDigest] = field(default_factory=dict[date, DayDigest])
    held_back: tuple[date, ...] = ()


@dataclass(frozen=True)
class Publication:
    """What a publication did: what stands now, and how many days, or values of `replaced_by`, were looked at."""

    published: Published
    changed: int


def publish(
    workspace: Workspace,
    warehouse: duckdb.DuckDBPyConnection,
    model: ModelTable,
    last: Published | None,
    prepare: Prepare | None = None,
) -> Publication:
    """Make the lake's table the one that dbt built; `last` is what this has left there before, where that is known.

    Days and rows that say the same already are not written, those that dbt builds no longer are removed. Killed halfway
    it has committed some of the days, and does the others when it is called again.
    """
    if model.day_column:
        return _publish_days(workspace, warehouse, model, last, prepare)
    return _publish_rows(workspace.lake, warehouse, model)


def _publish_days(
    workspace: Workspace,
    warehouse: duckdb.DuckDBPyConnection,
    model: ModelTable,
    last: Published | None,
    prepare: Prepare | None,
) -> Publication:
    lake, table, day_column = workspace.lake, model.table, model.table.partition_by[0]
    relation = warehouse.table(model.relation)
    built = _digests(relation, model)
    is_known = last is not None and last.version is not None and last.version == lake.version(table)
    standing = last.days if last and is_known else _standing(lake, warehouse, model)
    changed = sorted(day for day in built.keys() | standing.keys() if built.get(day) != standing.get(day))
    held_back: list[date] = []
    for days in _batches(changed, built):
        rows = to_table(model.built_table, _of_days(relation, day_column, days))
        if model.feature_view is not None:
            prepared = _prepared(workspace, model, rows, days, prepare)
            held_back += [day for day, given in prepared.items() if given is None]
            rows = pa.concat_tables([table.empty(), *(given for given in prepared.values() if given is not None)])
        if written := [day for day in days if day not in held_back]:
            lake.replace_partition(table, rows, partitions={day_column: written})
    # Of a day that is held back what stood before still stands, and it is prepared again the next time.
    stands = {day: standing[day] for day in held_back if day in standing}
    days_now = {day: digest for day, digest in built.items() if day not in held_back} | stands
    return Publication(Published(lake.version(table), days_now, tuple(held_back)), len(changed))


def _prepared(
    workspace: Workspace, model: ModelTable, rows: pa.Table, days: list[date], prepare: Prepare | None
) -> dict[date, pa.Table | None]:
    if prepare is None:
        raise ValueError(f"`{model.table.name}` is a feature view, and nothing was given that prepares its days.")
    day_of = rows[model.table.partition_by[0]]
    given = prepare(workspace, model, {day: rows.filter(pc.equal(day_of, pa.scalar(day))) for day in days})
    return {day: None if of_day is None else to_table(model.table, of_day) for day, of_day in given.items()}


def _digests(relation: duckdb.DuckDBPyRelation, model: ModelTable) -> dict[date, DayDigest]:
    """Of every day that the relation holds; in DuckDB, for a loop over a million rows takes seconds."""
    day_column = model.table.partition_by[0]
    row_hash = FunctionExpression("hash", *(ColumnExpression(name) for name in model.built_table.schema.names))
    by_day = relation.aggregate(
        [
            ColumnExpression(day_column),
            FunctionExpression("count"),
            FunctionExpression("bit_xor", row_hash),
            FunctionExpression("sum", row_hash),
        ],
        day_column,
    )
    return {day: DayDigest(rows, f"{mixed:x}:{added:x}") for day, rows, mixed, added in by_day.fetchall()}


def _standing(lake: Lake, warehouse: duckdb.DuckDBPyConnection, model: ModelTable) -> dict[date, DayDigest]:
    """The days of the lake's table itself, when others may have written it. Those of a feature view are all prepared
    anew, for its rows hold more than the relation's."""
    with registered(warehouse, {"standing": lake.dataset(model.table)}):
        found = _digests(warehouse.table("standing"), model)
    return {day: DayDigest(one.rows, "unknown") for day, one in found.items()} if model.feature_view else found


def _batches(days: Collection[date], built: Mapping[date, DayDigest]) -> Iterator[list[date]]:
    """The days in order, as many together as one commit takes."""
    batch: list[date] = []
    rows = 0
    for day in days:
        of_day = built[day].rows if day in built else 0
        if batch and rows + of_day > ROWS_PER_COMMIT:
            yield batch
            batch, rows = [], 0
        batch.append(day)
        rows += of_day
    if batch:
        yield batch


def _of_days(relation: duckdb.DuckDBPyRelation, column: str, days: list[date]) -> pa.Table:
    return relation.filter(ColumnExpression(column).isin(*(ConstantExpression(day) for day in days))).to_arrow_table()


def _publish_rows(lake: Lake, warehouse: duckdb.DuckDBPyConnection, model: ModelTable) -> Publication:
    """A table without partitions, in one commit: the values of one column of whose rows any differs."""
    table, column = model.table, model.replaced_by
    built, standing = to_table(table, warehouse.table(model.relation).to_arrow_table()), lake.read(table)
    gone, new = differences(standing, built)
    changing = pc.unique(
        pa.chunked_array(
            [*standing[column].filter(gone).chunks, *built[column].filter(new).chunks], standing[column].type
        )
    )
    if len(changing) or lake.version(table) is None:
        rows = built.filter(pc.is_in(built[column], changing))
        lake.replace_rows(table, rows, column=column, values=changing.to_pylist())
    return Publication(Published(lake.version(table)), len(changing))
