"""How events reach the log: delayed, out of order, twice, on another partition; each record with its place in the log."""

from dataclasses import dataclass

import numpy as np

from assay.events.simulator.arrays import NOBODY, Events, Flags, Numbers, log_uniform, numbers
from assay.events.simulator.damage import MALFORMED
from assay.events.simulator.event_types import CREATOR_UPDATED, IMPRESSION_DISPUTED
from assay.events.simulator.scenario import DAY, SECOND, Delay, Scenario

_LATENCY = SECOND // 4
_HASH = 2_654_435_761  # Knuth's multiplicative hash


@dataclass(frozen=True)
class Records:
    """The log, a record per index, in (available_at, log partition, offset) order."""

    event: Numbers
    available_at: Numbers
    log_partition: Numbers
    offset: Numbers
    defect: Numbers

    @property
    def arrival_day(self) -> Numbers:
        """Days since 1970."""
        return self.available_at // DAY


def records(scenario: Scenario, events: Events, defect: Numbers, unfit: Flags) -> Records:
    """What is in the log at the scenario's end. `defect` is of the events; `unfit` events are never cut off."""
    random = scenario.random("delivery")
    knobs = scenario.misbehaviours
    count = len(events)
    can_be_late = (events.kind != CREATOR_UPDATED) & (
        events.kind != IMPRESSION_DISPUTED
    )  # both have delays of their own
    available_at = events.at + events.held_back + _LATENCY
    available_at = available_at + _delays(random, knobs.disorder, count)
    available_at = available_at + np.where(can_be_late, _delays(random, knobs.late, count), 0)

    key = np.where(
        events.stream != NOBODY, events.stream, np.where(events.creator != NOBODY, events.creator, events.impression)
    )
    log_partition = (key * _HASH >> 7) % scenario.log_partitions

    retried = np.flatnonzero(random.random(count) < knobs.retries.rate) if knobs.retries.on else np.arange(0)
    later = numbers(log_uniform(random, knobs.retries.delay_seconds, len(retried)) * SECOND)
    elsewhere = random.random(len(retried)) < knobs.retries.other_partition_rate
    moved = np.where(elsewhere, random.integers(1, max(scenario.log_partitions, 2), len(retried)), 0)

    event = np.concatenate([np.arange(count), retried])
    available_at = np.concatenate([available_at, available_at[retried] + later])
    log_partition = np.concatenate([log_partition, (log_partition[retried] + moved) % scenario.log_partitions])
    cut = random.random(len(event)) < (knobs.malformed_json.rate if knobs.malformed_json.on else 0)
    of_copy = np.where(cut & (defect[event] == 0) & ~unfit[event], MALFORMED, defect[event])

    arrived = np.flatnonzero((available_at >= scenario.start_us) & (available_at < scenario.end_us))
    event, available_at, log_partition, of_copy = (
        column[arrived] for column in (event, available_at, log_partition, of_copy)
    )
    order = np.lexsort((event, available_at, log_partition))
    offset = np.empty(len(order), np.int64)
    starts = np.searchsorted(log_partition[order], np.arange(scenario.log_partitions))
    offset[order] = np.arange(len(order)) - starts[log_partition[order]]
    order = np.lexsort((offset, log_partition, available_at))
    return Records(event[order], available_at[order], log_partition[order], offset[order], of_copy[order])


def _delays(random: np.random.Generator, delay: Delay, count: int) -> Numbers:
    """Drawn for every event, so that the switch changes nothing else."""
    hit = random.random(count) < delay.rate
    waited = numbers(log_uniform(random, delay.delay_seconds, count) * SECOND)
    return np.where(hit & delay.on, waited, 0)
