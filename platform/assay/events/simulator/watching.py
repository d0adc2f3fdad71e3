"""Who watches what, and for how long: heartbeats, and the chat that goes with them."""

import numpy as np

from assay.events.simulator.arrays import Events, Numbers, events_of, numbers
from assay.events.simulator.event_types import CHAT_MESSAGE, VIEWER_HEARTBEAT
from assay.events.simulator.people import People
from assay.events.simulator.scenario import SECOND, Scenario
from assay.events.simulator.streams import Streams

_HEARTBEAT = 10 * SECOND
_BIT_RATES_KBPS = (1_200, 2_500, 4_500, 6_000)


def heartbeats(scenario: Scenario, people: People, broadcasts: Streams) -> Events:
    """One every ten seconds of watching, until the scenario's share of heartbeats is reached."""
    random = scenario.random("watching")
    knobs = scenario.viewers
    wanted = round(scenario.events * knobs.heartbeat_share)
    count = max(1, round(3 * wanted / (knobs.watch_minutes * 6)))  # three times too many, then cut to measure
    length = broadcasts.ended_at - broadcasts.started_at
    appeal = np.cumsum(people.popularity[broadcasts.creator] * length)
    stream = np.searchsorted(appeal, random.random(count) * appeal[-1], side="right").clip(max=len(appeal) - 1)
    viewer = _audience(scenario, random, people, broadcasts.creator[stream])
    began = broadcasts.started_at[stream] + numbers(random.random(count) * length[stream])
    pause = np.where(random.random(count) < knobs.pause_rate, random.uniform(20, 600, count), 0) * SECOND
    longest = broadcasts.ended_at[stream] - began - pause
    beats = (np.minimum(random.exponential(knobs.watch_minutes * 60 * SECOND, count), longest) // _HEARTBEAT).clip(1)
    kept = int(np.searchsorted(np.cumsum(beats), wanted)) + 1
    beats, pause, began, stream, viewer = (column[:kept] for column in (numbers(beats), pause, began, stream, viewer))
    watch = np.repeat(np.arange(len(beats)), beats)
    number = np.arange(len(watch)) - np.repeat(np.cumsum(beats) - beats, beats)
    paused_from = numbers(random.random(len(beats)) * beats)
    waited = np.where(number >= paused_from[watch], pause[watch], 0)
    jitter = random.uniform(-0.2, 0.2, len(watch)) * SECOND
    return events_of(
        VIEWER_HEARTBEAT,
        began[watch] + number * _HEARTBEAT + numbers(waited + jitter),
        viewer=viewer[watch],
        stream=stream[watch],
        creator=broadcasts.creator[stream[watch]],
        amount=np.asarray(_BIT_RATES_KBPS)[(people.device[viewer[watch]] + random.integers(0, 2, len(watch))) % 4],
    )


def _audience(scenario: Scenario, random: np.random.Generator, people: People, creator: Numbers) -> Numbers:
    """A viewer for every watch: a fan of the creator, or anybody, the active ones more often."""
    anybody = np.cumsum(people.activity)
    viewer = np.searchsorted(anybody, random.random(len(creator)) * anybody[-1], side="right")
    fans, liked = np.divmod(np.argsort(people.favourites, axis=None, kind="stable"), people.favourites.shape[1])
    order = people.favourites[fans, liked]
    weight = np.concatenate([[0.0], np.cumsum(people.activity[fans])])
    low = weight[np.searchsorted(order, creator, side="left")]
    high = weight[np.searchsorted(order, creator, side="right")]
    place = np.searchsorted(weight, low + random.random(len(creator)) * (high - low), side="right") - 1
    by_fans = (random.random(len(creator)) < scenario.viewers.fan_rate) & (high > low)
    everybody = len(people.activity) - 1
    return np.where(by_fans, fans[place.clip(0, len(fans) - 1)], viewer.clip(max=everybody))


def chat_messages(scenario: Scenario, people: People, beats: Events) -> Events:
    """Some seconds after a heartbeat; of a viewer who is paused or gone none."""
    random = scenario.random("chat")
    rate = scenario.viewers.chats_per_heartbeat * people.chats[beats.viewer] / people.chats[beats.viewer].mean()
    source = np.flatnonzero(random.random(len(beats)) < rate)
    return events_of(
        CHAT_MESSAGE,
        beats.at[source] + random.integers(0, _HEARTBEAT, len(source)),
        viewer=beats.viewer[source],
        stream=beats.stream[source],
        creator=beats.creator[source],
        amount=numbers(random.lognormal(3.2, 0.8, len(source))).clip(1, 500),
    )
