"""What a label sees, straight from the definition of `visible`: every row looked at for every label, one at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from assay.features import Timeline

START = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TIME = pa.timestamp("us", "UTC")


def moment(minutes: float, unit: timedelta = MINUTE) -> datetime:
    return START + minutes * unit


@dataclass(frozen=True)
class Row:
    """A row of a log, its times counted in some unit from `START`."""

    key: tuple[Any, ...]
    event: int
    available: int
    seq: int = 0
    deleted: bool = False
    value: Any = None

    @property
    def rank(self) -> tuple[int, int, int]:
        return (self.event, self.available, self.seq)


def winner(
    rows: Sequence[Row], key: tuple[Any, ...], t: int, *, ttl: int | None, embargo: int, known: int | None
) -> Row | None:
    """The row whose values a label of `key` at `t` is given."""
    visible = [
        row
        for row in rows
        if row.key == key
        and row.event <= t - embargo
        and row.available <= (t - embargo if known is None else min(t - embargo, known))
    ]
    if not visible:
        return None
    best = max(visible, key=lambda row: row.rank)
    expired = ttl is not None and best.event < t - ttl
    return None if best.deleted or expired else best


def log_table(
    rows: Sequence[Row], entity: Mapping[str, pa.DataType], unit: timedelta = MINUTE, **types: pa.DataType
) -> pa.Table:
    """The rows as a feature log with one value column `v`, in the order given."""
    columns: dict[str, pa.Array] = {
        name: pa.array([row.key[place] for row in rows], kind) for place, (name, kind) in enumerate(entity.items())
    }
    columns["event_ts"] = pa.array([moment(row.event, unit) for row in rows], TIME)
    columns["available_at"] = pa.array([moment(row.available, unit) for row in rows], TIME)
    columns["seq"] = pa.array([row.seq for row in rows], pa.int64())
    columns["is_deleted"] = pa.array([row.deleted for row in rows], pa.bool_())
    columns["v"] = pa.array([row.value for row in rows], types.get("v", pa.int64()))
    return pa.table(columns)


def timeline_of(
    rows: Sequence[Row], entity: Mapping[str, pa.DataType], unit: timedelta = MINUTE, ttl: int | None = None
) -> Timeline:
    lasting = None if ttl is None else ttl * unit
    return Timeline.compile(log_table(rows, entity, unit), entity=tuple(entity), values=["v"], ttl=lasting)
