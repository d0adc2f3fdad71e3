"""What producers and the network do to an event's text: one defect each at most, and which it was."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from assay.events.simulator.arrays import Flags, Numbers
from assay.events.simulator.scenario import Scenario

Fields = dict[str, Any]
NO_DEFECT = 0
# Reasons of `assay.events.contracts.EVENT_REASONS`, by the number that stands for each in the arrays.
DEFECTS = (
    "",
    "malformed_json",
    "missing_field",
    "null_field",
    "wrong_type",
    "unknown_event_type",
    "unknown_schema_version",
    "bad_event_time",
    "bad_event_id",
)
MALFORMED = DEFECTS.index("malformed_json")
_ENVELOPE = {"event_id", "event_type", "schema_version", "event_ts"}


def defects(scenario: Scenario, unfit: Flags) -> Numbers:
    """The defect of every event, in all of its copies alike; events that are `unfit` get none."""
    random = scenario.random("defects")
    knobs = scenario.misbehaviours
    switches = (
        knobs.missing_fields,
        knobs.null_fields,
        knobs.wrong_types,
        knobs.unknown_types,
        knobs.unknown_versions,
        knobs.bad_event_times,
        knobs.bad_event_ids,
    )
    drawn = np.searchsorted(np.cumsum([switch.rate for switch in switches]), random.random(len(unfit)), side="right")
    is_on = np.array([False, False, *(switch.on for switch in switches), False])
    found = (drawn + MALFORMED + 1).clip(max=len(DEFECTS))
    return np.where(is_on[found] & ~unfit, found, NO_DEFECT)


def damaged(text: str, defect: int, has_extra_field: bool, number: int) -> str:
    """The text of event `number` with its defect or its extra field."""
    fields: Fields = json.loads(text)
    if defect:
        _DAMAGE[defect](fields, number)
    if has_extra_field:
        fields["client"] = {"build": f"4.{number % 20}", "experiments": [number % 7]}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def cut_off(text: str) -> str:
    """What is left when the connection breaks: always an object that is never closed."""
    return text[: len(text) * 3 // 5]


def _own_field(fields: Fields, number: int) -> str:
    """One of the fields that the event's type requires beside the envelope."""
    own = [name for name in fields if name not in _ENVELOPE]
    return own[number % len(own)]


def _drop(fields: Fields, number: int) -> None:
    del fields[_own_field(fields, number)]


def _void(fields: Fields, number: int) -> None:
    fields[_own_field(fields, number)] = None


def _mistype(fields: Fields, number: int) -> None:
    name = _own_field(fields, number)
    fields[name] = {"id": fields[name]} if isinstance(fields[name], str) else "plenty"


def _set(name: str, value: object) -> Callable[[Fields, int], None]:
    def set_it(fields: Fields, number: int) -> None:
        fields[name] = value

    return set_it


_DAMAGE: dict[int, Callable[[Fields, int], None]] = {
    DEFECTS.index("missing_field"): _drop,
    DEFECTS.index("null_field"): _void,
    DEFECTS.index("wrong_type"): _mistype,
    DEFECTS.index("unknown_event_type"): _set("event_type", "viewer_cheered"),
    DEFECTS.index("unknown_schema_version"): _set("schema_version", 9),
    DEFECTS.index("bad_event_time"): _set("event_ts", "half past ten"),
    DEFECTS.index("bad_event_id"): _set("event_id", ""),
}
