"""bronze/events: the log of a day as it came, kept for good.

A log only grows: what was stored of a day is there whenever the day is read again. Where the log is gone, as after its
retention, what was stored stands.
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute

from assay.errors import SourceError
from assay.events.arrivals import LOG, EventSource, arrival_days, event_source, log_state, read_arrivals
from assay.events.day_memory import DayMemory, code_fingerprint, fingerprint
from assay.events.day_verdicts import judge_day
from assay.locks import exclusive
from assay.warehouse import engine, query, registered
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them


@dataclass(frozen=True)
class EventsReport:
    """What stands of a source and day in bronze/events, and what this run brought.

    `was_read` is False where there was no log of the day to read. `altered` records stood there with another content.
    """

    source: str
    day: date
    was_read: bool
    records: int
    size_bytes: int
    log_partitions: int
    added: int = 0
    altered: int = 0
    changed: bool = False


def land_events(workspace: Workspace, day: date) -> EventsReport | None:
    """Make the partition of a day what its log holds; None while the events half is switched off.

    Running again changes nothing. Raises SourceError, with nothing written, where the log cannot be read or lacks records
    that were stored before.
    """
    source = event_source(workspace.settings)
    if source is None:
        return None
    place = {"source": source.name, "day": day}
    # Two runs of one day: the later must compare with what the earlier has written.
    with exclusive(workspace.settings.locks_path / f"bronze-events-{source.name}-{day}.lock"), engine() as connection:
        memory, read = DayMemory(workspace, LOG.name, source.name, day), partial(EventsReport, source.name, day)
        if known := memory.recall(_made_of(workspace, source, day), read):
            return replace(known, added=0, altered=0, changed=False)
        stored = workspace.lake.read(LOG, where=place)
        if day not in arrival_days(workspace.settings):
            return EventsReport(source.name, day, False, *_extent(stored))
        state = log_state(workspace.settings, day)
        rows = read_arrivals(workspace.settings, day)
        with registered(connection, {"stored": stored, "now": rows}):
            [changes] = query(connection, "assay.events", "log_changes.sql").to_pylist()
        if changes["lost"]:
            raise _shrunk(source, day, changes["lost"], changes["first_lost"])
        commit = workspace.lake.replace_partition(LOG, rows, partitions=place)
        if rows.num_rows:
            judge_day(workspace, connection, LOG, source.name, day)
        report = EventsReport(
            source.name,
            day,
            True,
            *_extent(rows),
            added=changes["added"],
            altered=changes["altered"],
            changed=commit.changed,
        )
        memory.keep(_made_of(workspace, source, day, state), report)
    return report


def _made_of(workspace: Workspace, source: EventSource, day: date, state: list[tuple[str, str]] | None = None) -> str:
    """What the day's partition is made of: the log's files as they are, or were when they were read, and its own."""
    place = {"source": source.name, "day": day}
    files = log_state(workspace.settings, day) if state is None else state
    return fingerprint(files, workspace.lake.partition_files(LOG, place), code_fingerprint())


def _extent(rows: pa.Table) -> tuple[int, int, int]:
    """How many records, bytes and log partitions."""
    size_bytes = pc.sum(pc.binary_length(rows["event"])).as_py() or 0
    return rows.num_rows, size_bytes, len(rows["log_partition"].unique())


def _shrunk(source: EventSource, day: date, lost: int, first_lost: str) -> SourceError:
    if source.kind == "scenario":
        return SourceError(
            f"The scenario `{source.place}` now makes another log: it lacks {lost} records that are stored of {day}. Nothing of the "
            f"day was written; what was stored stands. Copy the changed scenario to a name of its own and give that as "
            "`ASSAY_EVENTS`, or begin anew with another `ASSAY_HOME`, then run this again."
        )
    return SourceError(
        f"The log `{source.folder_of(day)}` lacks {lost} records that are stored of {day}, such as log partition and offset "
        f"`{first_lost}`: a log never shrinks. Nothing of the day was written; what was stored stands. Put back the files that "
        f"were there, see them with `ls -la {source.folder_of(day)}`, then run this again."
    )
