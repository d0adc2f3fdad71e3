"""A simulated fortnight: the log as it came, and what must come out of it."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import pyarrow as pa

from assay.events.simulator.clocks import Writing, writing
from assay.events.simulator.damage import defects
from assay.events.simulator.delivery import Records, records
from assay.events.simulator.event_texts import event_texts, record_texts
from assay.events.simulator.history import History, history
from assay.events.simulator.scenario import Scenario
from assay.events.simulator.truth import Truth, truth
from assay.schema import TIMESTAMP


@dataclass(frozen=True)
class Simulation:
    """What happened, how it was written, what became of each copy, and the texts of the events."""

    scenario: Scenario
    history: History
    writing: Writing
    records: Records
    texts: pa.StringArray

    @cached_property
    def log(self) -> pa.Table:
        """log_partition, offset, available_at and event of every record, by (available_at, log_partition, offset)."""
        names = pa.array([f"livestream-{number}" for number in range(self.scenario.log_partitions)])
        return pa.table(
            {
                "log_partition": names.take(pa.array(self.records.log_partition)),
                "offset": pa.array(self.records.offset),
                "available_at": pa.array(self.records.available_at).cast(TIMESTAMP),
                "event": record_texts(self.texts, self.records),
            }
        )

    def truth(
        self, until: date | None = None, *, event_skew_seconds: float = 300.0, invoice_time_zone: str = "UTC"
    ) -> Truth:
        """Every mart after the arrivals up to and with the day `until` (None: all of them), under these settings."""
        return truth(
            self.history,
            self.writing,
            self.records,
            until=until,
            event_skew_seconds=event_skew_seconds,
            invoice_time_zone=invoice_time_zone,
        )


def simulate(scenario: Scenario) -> Simulation:
    """The scenario played through: a million records in seconds, the same bytes for the same scenario."""
    happened = history(scenario)
    written = writing(scenario, happened)
    defect = defects(scenario, unfit=written.is_ahead)
    log = records(scenario, happened.events, defect, unfit=written.is_ahead)
    return Simulation(scenario, happened, written, log, event_texts(scenario, happened, written, defect))
