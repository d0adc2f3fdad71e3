"""The true sessions and the true top streams."""

import numpy as np
import pyarrow as pa

from assay.events.simulator.accepted import Accepted
from assay.events.simulator.arrays import numbers
from assay.events.simulator.event_types import STREAM_STARTED, VIEWER_HEARTBEAT
from assay.events.simulator.scenario import DAY, SECOND

_GAP = 60 * SECOND
_HEARTBEAT = 10 * SECOND
_TOP = 3


def viewer_sessions(facts: Accepted) -> pa.Table:
    """Heartbeats of a viewer on a stream, cut where more than a minute passes without one."""
    beats = facts.of(VIEWER_HEARTBEAT)
    viewer, stream = beats.column("viewer"), beats.column("stream")
    order = np.lexsort((beats.event_ts, stream, viewer))
    viewer, stream, at = viewer[order], stream[order], beats.event_ts[order]
    new_pair = np.ones(len(order), np.bool_)
    new_pair[1:] = (viewer[1:] != viewer[:-1]) | (stream[1:] != stream[:-1])
    cut = new_pair.copy()
    cut[1:] |= at[1:] - at[:-1] > _GAP
    first = np.flatnonzero(cut)
    last = np.append(first[1:], len(order)) - 1
    sessions_before = np.arange(len(first))
    first_of_pair = np.maximum.accumulate(np.where(new_pair[first], sessions_before, 0))
    names = facts.history
    return pa.table(
        {
            "viewer_id": pa.array(names.people.viewer_ids).take(pa.array(viewer[first])),
            "stream_id": pa.array(names.streams.ids).take(pa.array(stream[first])),
            "creator_id": pa.array(names.people.creator_ids).take(pa.array(names.streams.creator[stream[first]])),
            "session_number": pa.array(numbers(sessions_before - first_of_pair + 1)),
            "started_at": facts.times(at[first]),
            "ended_at": facts.times(at[last] + _HEARTBEAT if len(first) else at),
            "heartbeats": pa.array(numbers(last - first + 1)),
            "event_day": facts.dates(at[first] // DAY),
        }
    )


def top_streams_by_category(facts: Accepted) -> pa.Table:
    """Per event day and category the three streams with the most viewer minutes, by stream id where they are equal."""
    streams, creators = facts.history.streams, facts.history.people.creator_ids
    started = set(facts.of(STREAM_STARTED).column("stream").tolist())
    beats = facts.of(VIEWER_HEARTBEAT)
    watched = pa.table(
        {"day": beats.event_day, "stream": beats.column("stream"), "viewer": beats.column("viewer")}
    ).group_by(["day", "stream"])
    totals = watched.aggregate([("viewer", "count"), ("viewer", "count_distinct")]).to_pylist()
    boards: dict[tuple[int, str], list[tuple[int, int, int]]] = {}
    for total in totals:
        stream = total["stream"]
        category = streams.categories[stream] if stream in started else "unknown"
        board = boards.setdefault((total["day"], category), [])
        board.append((-total["viewer_count"], stream, total["viewer_count_distinct"]))
    rows = [
        (day, category, rank, stream, -beats_negated, viewers)
        for (day, category), board in boards.items()
        for rank, (beats_negated, stream, viewers) in enumerate(sorted(board)[:_TOP], start=1)
    ]
    day, category, rank, stream, count, viewers = zip(*rows, strict=True) if rows else ((),) * 6
    return pa.table(
        {
            "event_day": facts.dates(numbers(day)),
            "category": pa.array(category, pa.string()),
            "rank": pa.array(rank, pa.int64()),
            "stream_id": pa.array([streams.ids[index] for index in stream], pa.string()),
            "creator_id": pa.array([creators[streams.creator[index]] for index in stream], pa.string()),
            "viewer_minutes": pa.array([beats * 10 / 60 for beats in count], pa.float64()),
            "viewers": pa.array(viewers, pa.int64()),
        }
    )
