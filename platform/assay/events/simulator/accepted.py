"""The events that count: of each the first copy that was accepted, its clock clamped to its arrival."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from assay.events.simulator.arrays import Flags, Numbers
from assay.events.simulator.clocks import Writing
from assay.events.simulator.delivery import Records
from assay.events.simulator.history import History
from assay.events.simulator.scenario import DAY
from assay.schema import TIMESTAMP


@dataclass(frozen=True)
class Accepted:
    """A column per fact of the accepted events: `event` numbers them in `history`, `record` in the log."""

    history: History
    event: Numbers
    record: Numbers
    event_ts: Numbers
    available_at: Numbers

    @property
    def event_day(self) -> Numbers:
        """Days since 1970."""
        return self.event_ts // DAY

    @property
    def arrival_day(self) -> Numbers:
        return self.available_at // DAY

    def column(self, name: str) -> Numbers:
        """A column of the history's events."""
        return getattr(self.history.events, name)[self.event]

    def of(self, kind: int) -> "Accepted":
        """The events of one type."""
        return self.where(self.column("kind") == kind)

    def where(self, chosen: Flags) -> "Accepted":
        return Accepted(
            self.history, self.event[chosen], self.record[chosen], self.event_ts[chosen], self.available_at[chosen]
        )

    @staticmethod
    def times(micros: Numbers) -> pa.Array:
        return pa.array(micros).cast(TIMESTAMP)

    @staticmethod
    def dates(days: Numbers) -> pa.Array:
        return pa.array(days.astype(np.int32)).cast(pa.date32())

    def labels(self, name: str, labels: list[str]) -> pa.Array:
        """An index column of the events as the names that it stands for."""
        return pa.array(labels, pa.string()).take(pa.array(self.column(name)))


def accepted(history: History, writing: Writing, records: Records, is_accepted: Flags) -> Accepted:
    """Records stand in (available_at, log partition, offset) order, so the first of an event is the lowest.

    The copies of an event carry one event time, so (event_id, UTC day of it) is one event.
    """
    places = np.flatnonzero(is_accepted)
    event, first = np.unique(records.event[places], return_index=True)
    record = places[first]
    available_at = records.available_at[record]
    return Accepted(history, event, record, np.minimum(writing.event_ts[event], available_at), available_at)
