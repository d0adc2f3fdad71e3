"""silver/events: the records of a day by their contracts, the others in quarantine, and which event days they touch."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute

from assay import rows as row_values
from assay.event_tables import EventDayRow, QuarantinedEventRow
from assay.events.arrivals import event_source
from assay.events.conservation import EVENTS, LOG, QUARANTINED_EVENTS
from assay.events.day_memory import DayMemory, code_fingerprint, fingerprint
from assay.events.day_verdicts import judge_day
from assay.events.typed_events import TypedEvents, typed_events
from assay.lake import Commit
from assay.locks import exclusive
from assay.quality.blocked_days import blocked_by
from assay.quality.outcomes import OUTCOMES, check_batch, row_keys
from assay.quality.suites import Limits, suite_for
from assay.quality.verdicts import VERDICTS
from assay.schema import Table, table_of
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

EVENT_DAYS = table_of(EventDayRow)
# What may hold a day back.
JUDGED_TABLES = (LOG, EVENTS)


@dataclass(frozen=True)
class TypingReport:
    """What became of the records of a source and day: `taken == emitted + quarantined`.

    `reasons` counts the quarantined by reason, `adaptations` the emitted by the rule that changed them. `late` were emitted
    on a later day than they happened; `event_days` are the days they happened on. A day with `held_back_by` is not listed
    in silver/event_days, so nothing is made of it.
    """

    source: str
    day: date
    taken: int
    emitted: int
    quarantined: int
    late: int
    with_unknown_fields: int
    event_days: int
    changed: bool
    held_back_by: tuple[str, ...] = ()
    reasons: Mapping[str, int] = field(default_factory=dict[str, int])
    adaptations: Mapping[str, int] = field(default_factory=dict[str, int])


def type_events(workspace: Workspace, connection: duckdb.DuckDBPyConnection, day: date) -> TypingReport | None:
    """Type every record of bronze/events of a day; each ends in silver/events or in quarantine, never both or neither.

    None while the events half is switched off. The day is judged here, under its lock. A day that a blocking expectation
    or invariant refuses is written and yet held back: silver/event_days lists nothing of it, and what dbt makes of events
    reads the listed days only.
    """
    source = event_source(workspace.settings)
    if source is None:
        return None
    place: dict[str, object] = {"source": source.name, "day": day}
    # Two runs of one day: the later must read the log after the earlier has written.
    with exclusive(workspace.settings.locks_path / f"silver-events-{source.name}-{day}.lock"):
        memory, read = DayMemory(workspace, EVENTS.name, source.name, day), partial(TypingReport, source.name, day)
        if known := memory.recall(_made_of(workspace, place), read):
            return replace(known, changed=False, held_back_by=tuple(known.held_back_by))
        given = _given(workspace, place)  # before the log is read: what lands meanwhile makes another day
        log = workspace.lake.read(LOG, where=place)
        typed = typed_events(connection, log, skew_seconds=workspace.settings.event_skew_seconds)
        suite = suite_for(EVENTS, Limits.of(workspace.settings))
        checked = check_batch(workspace, suite, typed.accepted, source=source.name, day=day, may_be_empty=True)
        quarantined = _quarantined(workspace, log, typed, dict(checked.refused))
        commits: list[Commit] = []
        too_many = quarantined.num_rows > log.num_rows * workspace.settings.max_quarantined_ratio
        if too_many or _held_back_by(workspace, source.name, day):
            # First: a build beside this run, or after its end by a kill, would take the refused day for the listed one.
            commits.append(workspace.lake.replace_partition(EVENT_DAYS, EVENT_DAYS.empty(), partitions=place))
        commits += [
            workspace.lake.replace_partition(QUARANTINED_EVENTS, quarantined, partitions=place),
            workspace.lake.replace_partition(EVENTS, checked.passed, partitions=place),
        ]
        if log.num_rows:
            judge_day(workspace, connection, EVENTS, source.name, day)
        held_back_by = _held_back_by(workspace, source.name, day)
        # Last: what is listed stands as it is listed.
        listed = EVENT_DAYS.empty() if held_back_by else event_days(checked.passed)
        commits.append(workspace.lake.replace_partition(EVENT_DAYS, listed, partitions=place))
        emitted = checked.passed
        report = TypingReport(
            source=source.name,
            day=day,
            taken=log.num_rows,
            emitted=emitted.num_rows,
            quarantined=quarantined.num_rows,
            late=pc.sum(pc.less(emitted["event_day"], emitted["day"])).as_py() or 0,
            with_unknown_fields=emitted.num_rows - emitted["unknown_fields"].null_count,
            event_days=len(emitted["event_day"].unique()),
            changed=any(commit.changed for commit in commits),
            held_back_by=held_back_by,
            reasons=dict(Counter(quarantined["reason"].to_pylist())),
            adaptations=dict(Counter(pc.list_flatten(emitted["adaptations"]).to_pylist())),
        )
        memory.keep(_made_of(workspace, place, given), report)
    return report


def _held_back_by(workspace: Workspace, source: str, day: date) -> tuple[str, ...]:
    """The blocking expectations and invariants that refuse a day, as far as they were recorded."""
    return tuple(one.check for one in blocked_by(workspace, JUDGED_TABLES, [day]) if one.source == source)


def _made_of(workspace: Workspace, place: Mapping[str, object], given: list[list[str]] | None = None) -> str:
    """What the day is made of: what is given of it, now or as it was when it was read, code and settings, what was written."""
    lake, settings = workspace.lake, workspace.settings
    written = [lake.partition_files(table, place) for table in (EVENTS, QUARANTINED_EVENTS, EVENT_DAYS)]
    rules = (code_fingerprint(), settings.event_skew_seconds, settings.max_quarantined_ratio)
    return fingerprint(
        _given(workspace, place) if given is None else given, written, _said(workspace, EVENTS, place), rules
    )


def _given(workspace: Workspace, place: Mapping[str, object]) -> list[list[str]]:
    """The files of the stored log, and of what was said of it."""
    return [workspace.lake.partition_files(LOG, place), *_said(workspace, LOG, place)]


def _said(workspace: Workspace, judged: Table, place: Mapping[str, object]) -> list[list[str]]:
    of_judged = {"table_name": judged.name, **place}
    return [workspace.lake.partition_files(table, of_judged) for table in (OUTCOMES, VERDICTS)]


def event_days(emitted: pa.Table) -> pa.Table:
    """The rows of silver/event_days that follow from rows of silver/events of one source and day.

    A digest is the sha256 over the sorted digests of the rows: it depends neither on their order nor on who wrote them.
    """
    encoded = emitted["event_day"].combine_chunks().dictionary_encode()
    by_day: dict[int, list[bytes]] = {}
    for position, digest in zip(encoded.indices.to_pylist(), row_values.digests(emitted), strict=True):
        by_day.setdefault(position, []).append(digest)
    rows = [
        EventDayRow(
            **place,
            event_day=encoded.dictionary[position].as_py(),
            events=len(digests),
            digest=hashlib.sha256(b"".join(sorted(digests))).hexdigest(),
        )
        for place in emitted.slice(0, 1).select(["source", "day"]).to_pylist()
        for position, digests in by_day.items()
    ]
    return EVENT_DAYS.rows(sorted(rows, key=lambda row: row.event_day))


def _quarantined(workspace: Workspace, log: pa.Table, typed: TypedEvents, failed: Mapping[str, str]) -> pa.Table:
    """Rows of silver/quarantined_events: those that their contract refused, and those that failed an expectation."""
    rows: list[dict[str, Any]] = [{**row, "expectation": None} for row in typed.refused.to_pylist()]
    if failed:
        texts = dict(zip(row_keys(LOG, log), log["event"].to_pylist(), strict=True))
        is_failed = pa.array([key in failed for key in row_keys(EVENTS, typed.accepted)], pa.bool_())
        emitted = typed.accepted.filter(is_failed)
        rows += [
            {
                **{name: row[name] for name in typed.refused.column_names if name in row},
                "event": texts[key],
                "reason": "failed_expectation",
                "detail": f"the row fails `{failed[key]}`",
                "expectation": failed[key],
            }
            for key, row in zip(row_keys(EVENTS, emitted), emitted.to_pylist(), strict=True)
        ]
    return QUARANTINED_EVENTS.rows(
        QuarantinedEventRow(**row, run_id=workspace.run.run_id, computed_at=workspace.run.started_at) for row in rows
    )
