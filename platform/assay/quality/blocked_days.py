"""Days that may not go on: a blocking expectation of them failed, or an invariant did not hold.

In a run of many days a blocking check would stop them all. Instead each day's verdict is recorded, whatever comes after
asks here and leaves the day out, and the run goes on with the others and ends as failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from assay.quality.outcomes import OUTCOMES, is_present_state
from assay.quality.verdicts import VERDICTS
from assay.schema import Table
from assay.workspace import Workspace

_DAYS = pa.schema([OUTCOMES.schema.field("source"), OUTCOMES.schema.field("day")])


@dataclass(frozen=True, order=True)
class BlockedDay:
    """A source and day that stays out of gold, the table whose check said so, and the check."""

    day: date
    source: str
    table_name: str
    check: str

    def __str__(self) -> str:
        return f"{self.day} of source `{self.source}`: `{self.check}` on {self.table_name}"


def blocked_days(workspace: Workspace, tables: tuple[Table, ...]) -> pa.Table:
    """The (source, day) pairs that one of `tables` holds back: columns `source` and `day`."""
    found = {(one.source, one.day) for one in blocked_by(workspace, tables)}
    return pa.Table.from_pylist([{"source": source, "day": day} for source, day in sorted(found)], schema=_DAYS)


def blocked_by(workspace: Workspace, tables: tuple[Table, ...], days: Sequence[date] | None = None) -> list[BlockedDay]:
    """Every blocking expectation and invariant of `tables` that failed, by day; of `days` only where they are given."""
    where: dict[str, object] = {"table_name": [one.name for one in tables]}
    if days is not None:
        where["day"] = list(days)
    columns = ["table_name", "source", "day"]
    failed = workspace.lake.read(
        OUTCOMES, where={**where, "success": False, "is_blocking": True}, columns=[*columns, "expectation"]
    ).rename_columns([*columns, "check"])
    broken = workspace.lake.read(VERDICTS, where={**where, "passed": False}, columns=[*columns, "rule"])
    rows = [*failed.to_pylist(), *broken.rename_columns([*columns, "check"]).to_pylist()]
    return sorted(BlockedDay(**row) for row in rows if not is_present_state(row["source"]))
