"""Whether anything moved in the inbox: a fingerprint per source and day, from names, sizes and times, without reading a file.

A day is ready when its fingerprint differs from the one it was taken in with and has not moved since the look before:
files that are still being copied are left for the next look.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from assay.documents.listings import entries_under
from assay.documents.sources import available_days, is_live, place_of
from assay.errors import SourceError
from assay.settings import SourceSettings

# What identifies a file's state in fsspec's listings: local folders give mtime, object stores a tag or a time.
_MARKS = ("size", "mtime", "ETag", "etag", "LastModified", "updated", "last_modified")
LIVE = "live"


@dataclass(frozen=True)
class Watched:
    """What was seen at the last look and what was taken in last, by `source/day`; kept between two looks as JSON."""

    seen: Mapping[str, str] = field(default_factory=dict[str, str])
    taken_in: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def from_json(cls, text: str | None) -> "Watched":
        return cls(**json.loads(text)) if text else cls()

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True)
class Look:
    """Days that are ready to be taken in, what to remember for the next look, and sources that could not be listed."""

    ready: tuple[date, ...]
    watched: Watched
    problems: tuple[str, ...] = ()


def look(sources: Iterable[SourceSettings], watched: Watched, today: date, *, days_back: int) -> Look:
    """Look at every source once. Of those with a folder per day the last `days_back` days and today are looked at."""
    ready: set[date] = set()
    problems: list[str] = []
    seen, taken_in = dict[str, str](), dict(watched.taken_in)
    for source in sources:
        try:
            found = fingerprints(source, today, days_back=days_back)
        except SourceError as error:  # what was seen of it stays, and nothing of it is ready
            problems.append(str(error))
            seen |= {key: mark for key, mark in watched.seen.items() if key.startswith(f"{source.name}/")}
            continue
        for key, mark in found.items():
            seen[key] = mark
            if taken_in.get(key) != mark and watched.seen.get(key) == mark:
                ready.add(today if key.endswith(f"/{LIVE}") else date.fromisoformat(key.rpartition("/")[2]))
                taken_in[key] = mark
    return Look(
        tuple(sorted(ready)), Watched(seen, {key: taken_in[key] for key in seen if key in taken_in}), tuple(problems)
    )


def fingerprints(source: SourceSettings, today: date, *, days_back: int) -> dict[str, str]:
    """`source/day` -> fingerprint of each day that the source shows; a live source has one, `source/live`.

    Raises SourceError where the place cannot be listed.
    """
    if is_live(source):
        return {f"{source.name}/{LIVE}": _fingerprint(place_of(source, today))}
    days = [day for day in available_days(source, today) if today - timedelta(days=days_back) <= day <= today]
    return {f"{source.name}/{day}": _fingerprint(place_of(source, day)) for day in days}


def ranges(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days as the fewest contiguous ranges: the first and the last day of each."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def _fingerprint(place: str) -> str:
    told = [_told(name, details) for name, details in sorted(entries_under(place).items())]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _told(name: str, details: Mapping[str, Any]) -> list[str]:
    return [name, *(str(details[mark]) for mark in _MARKS if mark in details)]
