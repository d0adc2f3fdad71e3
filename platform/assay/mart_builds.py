"""What is remembered of the last build of a group of marts, so that the next one restates what has changed since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from assay.dbt import NodeResult
from assay.durable_files import replace_file, write_error
from assay.published_marts import Published


@dataclass(frozen=True)
class Built:
    """A build as it is remembered: of what it was made, what it said, and what was left in the lake.

    `inputs`: the project, the variables, and the versions of the tables whose change means that all is built again.
    `event_days`: a digest per event day, all that silver/events is asked for. `pending`: event days that may stand half
    built in the warehouse, None for all. `has_ended` is False from before dbt starts until all is published.
    `skew_seconds`: the greatest tolerance of clocks that any build until now was made under, for rows that were typed and
    clamped under it may still stand.
    """

    inputs: Mapping[str, str | int | None]
    event_days: Mapping[date, str]
    pending: tuple[date, ...] | None
    published: Mapping[str, Published]
    run_id: str
    built_at: datetime
    results: tuple[NodeResult, ...] = ()
    has_ended: bool = False
    skew_seconds: float = 0.0


_BUILT = TypeAdapter(Built)


def touched_days(now: Built, last: Built) -> tuple[date, ...] | None:
    """The event days to build again: those that changed, those before them into which a clamped clock may move an event,
    or had moved one that is refused now, and those that the last build left undone."""
    if last.pending is None:
        return None
    known = now.event_days.keys() | last.event_days.keys()
    changed = [day for day in known if now.event_days.get(day) != last.event_days.get(day)]
    back = -(-timedelta(seconds=max(now.skew_seconds, last.skew_seconds)) // timedelta(days=1))
    return tuple(sorted({day - timedelta(days=n) for day in changed for n in range(back + 1)} | {*last.pending}))


def read_built(home: Path, group: str) -> Built | None:
    """The last build; None where there was none, or it was written by another version of Assay."""
    try:
        return _BUILT.validate_json(_built_path(home, group).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def write_built(home: Path, group: str, built: Built) -> None:
    """Keep the build; the caller holds the lock of the warehouse. Raises StorageError."""
    path = _built_path(home, group)
    try:
        replace_file(path, _BUILT.dump_json(built, indent=1).decode())
    except OSError as error:
        raise write_error(
            f"The build of the marts could not be noted in `{path}`: {error.strerror}. What is built and published stands, "
            "and is built again by the next run. See the place with `df -h`, then run this again.",
            error,
        ) from error


def _built_path(home: Path, group: str) -> Path:
    return home / "dbt" / "last_build" / f"{group}.json"
