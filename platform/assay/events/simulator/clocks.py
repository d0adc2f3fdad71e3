"""What the producers' clocks say: most are right, some run ahead or behind for a spell."""

from dataclasses import dataclass

import numpy as np

from assay.events.simulator.arrays import NOBODY, Flags, Numbers, log_uniform, numbers
from assay.events.simulator.history import History
from assay.events.simulator.scenario import DAY, SECOND, Scenario


@dataclass(frozen=True)
class Writing:
    """Which producer wrote each event, the time that its clock had, and whether it ran ahead."""

    producer: Numbers
    event_ts: Numbers
    is_ahead: Flags


def writing(scenario: Scenario, history: History) -> Writing:
    """Viewers' devices and creators' encoders are producers of their own; the back office is the last, and punctual."""
    random = scenario.random("clocks")
    events, people, clocks = history.events, history.people, scenario.misbehaviours.clocks
    viewers, devices = len(people.viewer_ids), len(people.viewer_ids) + len(people.creator_ids)
    producer = np.where(events.viewer != NOBODY, events.viewer, devices)
    producer = np.where((events.viewer == NOBODY) & (events.stream != NOBODY), viewers + events.creator, producer)

    order = random.permutation(devices)
    offset = np.zeros(devices + 1, np.int64)
    spell = round(clocks.spell_days * DAY)
    began = random.integers(scenario.start_us, max(scenario.end_us - spell, scenario.start_us + 1), devices + 1)
    taken = 0
    for rate, span, sign in (
        (clocks.slightly_ahead_rate, clocks.slightly_ahead_seconds, 1),
        (clocks.far_ahead_rate, clocks.far_ahead_seconds, 1),
        (clocks.behind_rate, clocks.behind_seconds, -1),
    ):
        count = max(1, round(rate * devices)) if rate else 0
        wrong = order[taken : taken + count]
        offset[wrong] = sign * numbers(log_uniform(random, span, len(wrong)) * SECOND)
        taken += count
    if not clocks.on:
        offset[:] = 0
    in_spell = (events.at >= began[producer]) & (events.at < began[producer] + spell)
    error = np.where(in_spell, offset[producer], 0)
    return Writing(producer, events.at + error, error > 0)
