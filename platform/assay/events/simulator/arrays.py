"""Arrays of numbers as the simulator uses them: int64, times in microseconds since 1970."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NOBODY = -1  # in a column of indexes: this event has none


def numbers(values: npt.ArrayLike) -> Numbers:
    return np.asarray(values).astype(np.int64)


def log_uniform(random: np.random.Generator, span: tuple[float, float], size: int) -> Floats:
    """Between the ends of `span`, each order of magnitude as likely as the next."""
    return np.exp(random.uniform(np.log(span[0]), np.log(span[1]), size))


@dataclass(frozen=True)
class Events:
    """What happened, an event per index; `NOBODY` where a type lacks the column.

    `kind` indexes EVENT_TYPES, the others the people, streams and profiles of the scenario; `impression` another event.
    `amount` is the bit rate, the length of the message or the price in micros; `held_back` how long the event waits
    before it is sent.
    """

    kind: Numbers
    at: Numbers
    viewer: Numbers
    creator: Numbers
    stream: Numbers
    campaign: Numbers
    impression: Numbers
    amount: Numbers
    profile: Numbers
    reason: Numbers
    held_back: Numbers

    def __len__(self) -> int:
        return len(self.kind)


def events_of(kind: int, at: Numbers, *, held_back: Numbers | None = None, **columns: Numbers) -> Events:
    """Events of one type; columns not given are empty."""
    nobody = np.full(len(at), NOBODY, np.int64)
    named = {field.name: columns.get(field.name, nobody) for field in fields(Events)}
    waiting = np.zeros(len(at), np.int64) if held_back is None else held_back
    return Events(**{**named, "kind": np.full(len(at), kind, np.int64), "at": at, "held_back": waiting})


def stacked(parts: list[Events]) -> Events:
    """The parts one after the other."""
    return Events(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Events)))
