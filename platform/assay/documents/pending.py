"""Days of which a manifest was written and silver has not caught up: what a killed run leaves for the next one.

A day is marked before its manifest changes, and the mark goes once its feed was derived and its texts were parsed. So
a run of another day finds the days that a killed run left, and takes them along.
"""

from datetime import date
from pathlib import Path

from assay.workspace import Workspace

_OBSERVED, _DERIVED = ".observed", ".derived"


def mark_observed(workspace: Workspace, source: str, days: list[date]) -> None:
    """Say that the manifests of these days are about to change, or those that their feeds are derived from."""
    folder = _folder(workspace, source)
    folder.mkdir(parents=True, exist_ok=True)
    for day in days:
        (folder / f"{day}.{workspace.run.run_id}{_OBSERVED}").touch()


def marks_to_derive(workspace: Workspace, source: str, day: date) -> list[Path]:
    """The marks that deriving the feed of a day answers. Read them first: one that comes later is not answered."""
    return sorted(_folder(workspace, source).glob(f"{day}.*{_OBSERVED}"))


def mark_derived(marks: list[Path]) -> None:
    """Say that the feed was written; the texts are still to come."""
    for mark in marks:
        mark.replace(mark.with_suffix(_DERIVED))


def marks_to_parse(workspace: Workspace, source: str, day: date) -> list[Path]:
    """The marks that parsing a day answers. Read them before the feed."""
    return sorted(_folder(workspace, source).glob(f"{day}.*{_DERIVED}"))


def has_no_other(workspace: Workspace, source: str, day: date, marks: list[Path]) -> bool:
    """Whether nobody but who set `marks` has begun something with the day that is not done."""
    return set(_folder(workspace, source).glob(f"{day}.*")) <= set(marks)


def mark_parsed(marks: list[Path]) -> None:
    """Say that the texts were written: the day is done."""
    for mark in marks:
        mark.unlink(missing_ok=True)


def pending_days(workspace: Workspace, source: str) -> set[date]:
    """Days of a source that a run began and none has finished."""
    return {date.fromisoformat(mark.name.partition(".")[0]) for mark in _folder(workspace, source).glob("*.*")}


def _folder(workspace: Workspace, source: str) -> Path:
    return workspace.settings.home / "pending" / source
