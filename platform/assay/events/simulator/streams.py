"""When the creators broadcast: around the peak hour, some past midnight, none after the account was closed."""

from dataclasses import dataclass

import numpy as np

from assay.events.simulator.arrays import Events, Numbers, events_of, numbers, stacked
from assay.events.simulator.event_types import STREAM_ENDED, STREAM_STARTED
from assay.events.simulator.people import People
from assay.events.simulator.profiles import Profile
from assay.events.simulator.scenario import DAY, SECOND, Scenario

TITLES = (
    "Späti night shift",
    "Road to rank one",
    'Ask me "anything"',
    "Sunday, slowly",
    "Speedrun / any%",
    "東京 walk",
)
_OFF_TOPIC = 0.15  # of the streams are not about what their creator is about


@dataclass(frozen=True)
class Streams:
    """A column each; streams are known by their index."""

    ids: list[str]
    creator: Numbers
    started_at: Numbers
    ended_at: Numbers
    categories: list[str]
    titles: list[str]


def streams(scenario: Scenario, people: People, updates: list[Profile]) -> Streams:
    """At least one in the scenario, so that there is something to watch."""
    random = scenario.random("streams")
    knobs = scenario.creators
    days, creators = scenario.days, len(people.creator_ids)
    day, creator = np.divmod(np.flatnonzero(random.random(days * creators) < knobs.streams_per_day), creators)
    if not len(day):
        day, creator = np.zeros(1, np.int64), np.zeros(1, np.int64)
    hour = random.normal(knobs.peak_hour, 3.5, len(day)).clip(0.1, 23.9)
    started = numbers(scenario.start_us + day * DAY + hour * 3600 * SECOND)
    minutes = random.lognormal(np.log(knobs.stream_minutes), 0.4, len(day)).clip(5, 720)
    closed = _closed_at(updates, creators)
    open_ = (started < closed[creator]) | (np.arange(len(day)) == 0)
    creator, started, minutes = creator[open_], started[open_], minutes[open_]
    usual = {profile.creator: profile.category for profile in reversed(updates)}  # the first update's, so
    off_topic = random.random(len(creator)) < _OFF_TOPIC
    other = random.choice(knobs.categories, len(creator))
    return Streams(
        ids=[f"s{number:05d}" for number in range(len(creator))],
        creator=numbers(creator),
        started_at=started,
        ended_at=started + numbers(minutes * 60 * SECOND),
        categories=[
            str(odd) if off else usual[one]
            for one, odd, off in zip(creator.tolist(), other, off_topic.tolist(), strict=True)
        ],
        titles=random.choice(TITLES, len(creator)).tolist(),
    )


def _closed_at(updates: list[Profile], creators: int) -> Numbers:
    closed = np.full(creators, np.iinfo(np.int64).max)
    for profile in updates:
        if not profile.is_active:
            closed[profile.creator] = profile.at
    return closed


def stream_events(broadcasts: Streams) -> Events:
    """A start and an end for every stream."""
    index = np.arange(len(broadcasts.ids))
    return stacked(
        [
            events_of(STREAM_STARTED, broadcasts.started_at, stream=index, creator=broadcasts.creator),
            events_of(STREAM_ENDED, broadcasts.ended_at, stream=index, creator=broadcasts.creator),
        ]
    )
