"""Timelines: what was known of every entity, and from when on, compiled once from a feature view's log.

    timeline = Timeline.compile(log, entity="creator_id", values=["viewers_1h"], ttl=timedelta(days=7))
    timeline = timeline.extend(rows_that_came_since)

The log is append-only: `(entity, event_ts, available_at, seq, values | tombstone)`, where a correction is another row with
the same `event_ts` and a later `available_at`. The timeline is the slowly changing table (SCD2) that says which row held
when, so that a point-in-time join looks up one number a label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import pyarrow as pa

from assay.errors import ConfigurationError
from assay.features.history import History
from assay.features.intervals import Intervals
from assay.features.log_columns import (
    AVAILABLE_AT,
    EVENT_TIME,
    SEQUENCE,
    TIME,
    TOMBSTONE,
    VALID_FROM,
    VALID_TO,
    LogColumns,
)


@dataclass(frozen=True, eq=False)
class Timeline:
    """One feature view's history. Made by `compile` and `extend`; read it through `rows` and `log`."""

    columns: LogColumns
    ttl: timedelta | None
    history: History

    @classmethod
    def compile(
        cls,
        log: pa.Table,
        *,
        entity: str | Sequence[str],
        values: Sequence[str],
        event_time: str = EVENT_TIME,
        available_at: str = AVAILABLE_AT,
        sequence: str = SEQUENCE,
        tombstone: str = TOMBSTONE,
        ttl: timedelta | None = None,
    ) -> "Timeline":
        """The timeline of a log, whose rows may come in any order; a row that repeats another counts once.

        A value is served until it is older than `ttl`; None: for ever. Raises ConfigurationError, and says what to do,
        for a column that is missing, of a type that does not fit or null where none may be, for an event later than its
        `available_at` (see `guard_skew`), and for rows that contradict each other.
        """
        if ttl is not None and ttl < timedelta(0):
            raise ConfigurationError(f"A ttl of {ttl} is negative; nothing was computed. `ttl=None` never expires.")
        names = (entity,) if isinstance(entity, str) else tuple(entity)
        columns = LogColumns(names, tuple(values), event_time, available_at, sequence, tombstone)
        return cls(columns, ttl, History.of(columns.conform(log), names))

    def extend(self, new_rows: pa.Table) -> "Timeline":
        """This timeline with more rows of its log, equal to compiling all of them anew; this one stays as it is.

        Rows later than all of their key's follow its head; a key that gets an earlier one is compiled again, from its
        own rows; other keys are copied. Raises ConfigurationError as `compile` does, and for a value of another type.
        """
        added = self.columns.conform(new_rows)
        typed: list[pa.ChunkedArray] = []
        for field in self.history.stored.schema:
            column = added.column(field.name)
            try:
                known = not pa.types.is_null(field.type) and not pa.types.is_null(column.type)
                typed.append(column.cast(field.type) if known else column)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise ConfigurationError(
                    f"`{field.name}` of the new rows is {column.type}, of the timeline {field.type}: {error}; the timeline "
                    "stays as it was. Compile the whole log anew, or cast the column."
                ) from error
        added = pa.Table.from_arrays(typed, names=added.column_names)
        return Timeline(self.columns, self.ttl, self.history.extended(added))

    @property
    def entity(self) -> tuple[str, ...]:
        return self.columns.entity

    @property
    def values(self) -> tuple[str, ...]:
        return self.columns.values

    @cached_property
    def log(self) -> pa.Table:
        """Every distinct row of the log, by key and by when it became visible: the same in whatever order rows came."""
        return self.history.stored.take(self.history.order.places).combine_chunks()

    @cached_property
    def rows(self) -> pa.Table:
        """The slowly changing table: entity, `valid_from`, `valid_to` (null: holds), times, `seq`, `is_deleted`, values.

        By key and `valid_from`; no two rows of a key share one. Compiled as a log it gives this timeline again, so it is
        all that `as_served` needs; rows that never held are in `log` only.
        """
        served = self.history.served
        table = self.history.stored.take(served.rows.places).combine_chunks()
        until, holds = served.valid_to()
        for name, moments in ((VALID_TO, pa.array(until, mask=holds)), (VALID_FROM, pa.array(served.valid_from))):
            table = table.add_column(len(self.entity), name, moments.cast(TIME))
        return table

    def intervals(self, known_at: datetime | None = None) -> Intervals:
        """Which row held when; with `known_at`, of what was known by then: compiled as if nothing had come since."""
        if known_at is None:
            return self.history.served
        return self.history.known_by(pa.scalar(known_at, TIME).cast(pa.int64()).as_py())
