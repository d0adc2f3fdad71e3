"""The true profiles of the creators over time."""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import pyarrow as pa

from assay.events.simulator.accepted import Accepted
from assay.events.simulator.event_types import CREATOR_UPDATED
from assay.events.simulator.profiles import Profile
from assay.schema import TIMESTAMP

_VALUES = ("display_name", "category", "tier", "country", "is_active")
_SCHEMA = pa.schema(
    [
        ("creator_id", pa.string()),
        ("valid_from", TIMESTAMP),
        ("valid_to", TIMESTAMP),
        ("is_current", pa.bool_()),
        ("display_name", pa.string()),
        ("category", pa.string()),
        ("tier", pa.string()),
        ("country", pa.string()),
        ("is_active", pa.bool_()),
        ("available_at", TIMESTAMP),
    ]
)


@dataclass(frozen=True)
class _Version:
    valid_from: int
    available_at: int
    profile: Profile


def dim_creators(facts: Accepted) -> pa.Table:
    """Of the updates of one moment the last to arrive holds; an update that changes nothing makes no row."""
    updates = facts.of(CREATOR_UPDATED)
    order = np.lexsort((updates.record, updates.event_ts))  # records are numbered in the order of their arrival
    profiles = updates.column("profile")
    standing: dict[tuple[int, int], _Version] = {}
    for place in order.tolist():
        profile = facts.history.profiles[int(profiles[place])]
        version = _Version(int(updates.event_ts[place]), int(updates.available_at[place]), profile)
        standing[profile.creator, version.valid_from] = version
    kept: dict[int, list[_Version]] = {}
    for (creator, _), version in standing.items():
        career = kept.setdefault(creator, [])
        if not career or _values(version.profile) != _values(career[-1].profile):
            career.append(version)
    rows = [
        {
            "creator_id": facts.history.people.creator_ids[creator],
            "valid_from": version.valid_from,
            "valid_to": after.valid_from if after else None,
            "is_current": after is None,
            **_values(version.profile),
            "available_at": version.available_at,
        }
        for creator, career in kept.items()
        for version, after in zip_longest(career, career[1:])
        if version
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _values(profile: Profile) -> dict[str, object]:
    return {name: getattr(profile, name) for name in _VALUES}
