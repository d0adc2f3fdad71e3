"""What a feature log must look like before a timeline is made of it, and what is said when it does not."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute

from assay.errors import ConfigurationError
from assay.features.entity_keys import key_column, plain

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

EVENT_TIME, AVAILABLE_AT, SEQUENCE, TOMBSTONE = "event_ts", "available_at", "seq", "is_deleted"
VALID_FROM, VALID_TO = "valid_from", "valid_to"
# What a timeline's own columns are called: no entity or value column can have one of these names.
RESERVED = (VALID_FROM, VALID_TO, EVENT_TIME, AVAILABLE_AT, SEQUENCE, TOMBSTONE)
TIME = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class LogColumns:
    """Which columns of a log hold what. Others, such as `run_id` and `computed_at`, are no part of a timeline."""

    entity: tuple[str, ...]
    values: tuple[str, ...]
    event_time: str = EVENT_TIME
    available_at: str = AVAILABLE_AT
    sequence: str = SEQUENCE
    tombstone: str = TOMBSTONE

    def __post_init__(self) -> None:
        named = [*self.entity, *self.values]
        if not self.entity:
            raise _refused("A timeline without an entity column has no keys", "Name it: `entity='creator_id'`")
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise _refused(f"{_listed(twice)} is named twice among entity and values", "Name each column once")
        if taken := [name for name in named if name in RESERVED]:
            raise _refused(
                f"{_listed(taken)} names a column that every timeline has", "Rename it: `log.rename_columns(...)`"
            )

    def conform(self, log: pa.Table) -> pa.Table:
        """The columns of `log` that count, under a timeline's own names and in its types, row for row.

        Raises ConfigurationError for a column that is missing, of another type or null where none may be, and for an
        event that is said to have been known before it happened.
        """
        named = (*self.entity, self.event_time, self.available_at, self.sequence, self.tombstone, *self.values)
        for name in named:
            column_of(log, name, "the log")
        columns = {name: _key(log.column(name), name) for name in self.entity}
        columns[EVENT_TIME] = time_column(_complete(log, self.event_time), self.event_time, "the log")
        columns[AVAILABLE_AT] = time_column(_complete(log, self.available_at), self.available_at, "the log")
        columns[SEQUENCE] = _typed(_complete(log, self.sequence), self.sequence, pa.int64())
        columns[TOMBSTONE] = _typed(_complete(log, self.tombstone), self.tombstone, pa.bool_())
        columns |= {name: plain(log.column(name)) for name in self.values}
        rows = pa.table(columns)
        ahead = pc.sum(pc.greater(rows.column(EVENT_TIME), rows.column(AVAILABLE_AT))).as_py() or 0
        if ahead:
            raise _refused(
                f"{ahead} rows of the log were known before they happened: `{self.event_time}` is later than "
                f"`{self.available_at}`",
                "Clamp or quarantine them first: `guard_skew(log, tolerance=timedelta(minutes=5)).accepted`",
            )
        return rows


def column_of(table: pa.Table, name: str, of: str) -> pa.ChunkedArray:
    """The one column of that name. Raises ConfigurationError where there is none, or several."""
    places = table.schema.get_all_field_indices(name)
    if len(places) != 1:
        has = f"has {len(places)} columns `{name}`" if places else f"lacks the column `{name}`"
        raise _refused(
            f"{of.capitalize()} {has}; its columns are {_listed(table.column_names)}", "Name another, or rename"
        )
    return table.column(places[0])


def time_column(column: pa.ChunkedArray, name: str, of: str) -> pa.ChunkedArray:
    """A column of moments in microseconds UTC; nulls stay.

    Raises ConfigurationError for a column without a time zone, or with moments that microseconds cannot tell.
    """
    column = plain(column)
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is None:
        raise _refused(
            f"`{name}` of {of} has no time zone ({kind}), so its moments are not known",
            f'Say which zone is meant: `pc.assume_timezone(table["{name}"], "UTC")`',
        )
    if not pa.types.is_timestamp(kind) and not pa.types.is_null(kind):
        raise _refused(
            f"`{name}` of {of} holds {kind}, not moments", f'Cast it: `table["{name}"].cast(pa.timestamp("us", "UTC"))`'
        )
    try:
        return column.cast(TIME)
    except pa.ArrowInvalid as error:
        raise _refused(
            f"`{name}` of {of} ({kind}) does not fit microseconds: {error}",
            f'Round it as you mean it: `pc.ceil_temporal(table["{name}"], unit="microsecond")`',
        ) from error


def _key(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """The column as it is, found fit to be a key."""
    key_column(column[:0], name, "the log")
    if column.null_count:
        raise _refused(f"`{name}` of the log is null in {column.null_count} rows: they are of no entity", _DROP)
    return plain(column)


def _complete(log: pa.Table, name: str) -> pa.ChunkedArray:
    column = log.column(name)
    if column.null_count:
        raise _refused(f"`{name}` of the log is null in {column.null_count} rows: they have no place in time", _DROP)
    return column


def _typed(column: pa.ChunkedArray, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    column = plain(column)
    same = pa.types.is_integer if pa.types.is_integer(kind) else pa.types.is_boolean
    if not same(column.type) and not pa.types.is_null(column.type):
        raise _refused(f"`{name}` of the log holds {column.type}, not {kind}", f"Cast it to {kind}")
    return column.cast(kind)


def _refused(what: str, instead: str) -> ConfigurationError:
    return ConfigurationError(f"{what}; nothing was computed. {instead}.")


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


_DROP = "Quarantine them where they come from, or leave them out: `log.filter(pc.field(...).is_valid())`"
