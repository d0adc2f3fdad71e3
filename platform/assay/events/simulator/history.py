"""The whole of what happened, before any producer misbehaves."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from assay.events.simulator.advertising import clicks, disputes, impressions
from assay.events.simulator.arrays import Events, stacked
from assay.events.simulator.people import People, people
from assay.events.simulator.profiles import Profile, creator_updates, profiles
from assay.events.simulator.scenario import Scenario
from assay.events.simulator.streams import Streams, stream_events, streams
from assay.events.simulator.watching import chat_messages, heartbeats

_HEX = np.frombuffer(b"".join(f"{byte:02x}".encode() for byte in range(256)), np.uint16)


@dataclass(frozen=True)
class History:
    """People, streams and profiles, the events by number, and the id of each event."""

    people: People
    streams: Streams
    profiles: list[Profile]
    events: Events
    event_ids: pa.Array


def history(scenario: Scenario) -> History:
    everybody = people(scenario)
    updates = profiles(scenario, everybody)
    broadcasts = streams(scenario, everybody, updates)
    beats = heartbeats(scenario, everybody, broadcasts)
    shown = impressions(scenario, everybody, beats)
    events = stacked(
        [
            shown,  # first, so that an impression's place here is its event number
            clicks(scenario, everybody, shown),
            disputes(scenario, everybody, shown),
            beats,
            chat_messages(scenario, everybody, beats),
            stream_events(broadcasts),
            creator_updates(updates),
        ]
    )
    return History(everybody, broadcasts, updates, events, _event_ids(scenario, len(events)))


def _event_ids(scenario: Scenario, count: int) -> pa.Array:
    """16 hex digits each, in no order and never twice: splitmix64 (Steele et al. 2014) is a bijection of 64-bit numbers."""
    start = np.uint64(scenario.random("ids").integers(0, 2**63))
    state = start + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    digits = _HEX[np.ascontiguousarray(state.astype(">u8")).view(np.uint8)].view("S16")
    return pa.array(digits).cast(pa.string())
