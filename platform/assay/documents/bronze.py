"""The bronze stage: a day's manifest as it was observed, and the feed that follows from it."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute

from assay.documents import pending
from assay.documents.manifests import MANIFESTS, closed_days, observe_day, observed_days
from assay.documents.sources import is_live
from assay.locks import exclusive
from assay.quality.outcomes import check_batch, row_keys
from assay.quality.quarantine import Refusal, replace_quarantine
from assay.quality.suites import Limits, suite_for
from assay.schema import table_of
from assay.settings import SourceSettings
from assay.tables import FeedRow
from assay.warehouse import query, registered, to_table
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

FEED = table_of(FeedRow)


@dataclass(frozen=True)
class ManifestReport:
    """What was observed of a source on a day. `was_observed` is False where the stored manifest, or none, stands."""

    source: str
    day: date
    was_observed: bool
    files: int = 0
    refused: int = 0
    size_bytes: int = 0
    changed: bool = False


@dataclass(frozen=True)
class FeedReport:
    """The feed of a source and day: rows per kind of change."""

    source: str
    day: date
    changes: Mapping[str, int] = field(default_factory=dict[str, int])
    changed: bool = False


def land_manifest(
    workspace: Workspace,
    source: SourceSettings,
    day: date,
    *,
    as_of: bool = False,
    allow_mass_delete: bool = False,
    judge: Callable[[], object] | None = None,
) -> ManifestReport:
    """Observe a source on a day and write its manifest; refused files go to quarantine too.

    `judge` is called once it stands, before anybody else may change it. Raises SourceError, with nothing written, when the source cannot be observed.
    """
    with _one_at_a_time(workspace, source):
        rows = observe_day(workspace, source, day, as_of=as_of, allow_mass_delete=allow_mass_delete)
        if rows is None:
            return ManifestReport(source.name, day, was_observed=False)
        suite = suite_for(MANIFESTS, Limits.of(workspace.settings))
        checked = check_batch(workspace, suite, rows, source=source.name, day=day)
        refusals = _refusals(source, day, rows, dict(checked.refused))
        pending.mark_observed(workspace, source.name, [day, *days_to_derive(workspace, source, [day])])
        replace_quarantine(workspace, "bronze", source.name, day, refusals)
        place = {"source": source.name, "day": day}
        commit = workspace.lake.replace_partition(MANIFESTS, checked.passed, partitions=place)
        if judge:
            judge()
    observed = rows.filter(pc.equal(rows["status"], "observed"))
    return ManifestReport(
        source=source.name,
        day=day,
        was_observed=True,
        files=observed.num_rows,
        refused=len(refusals),
        size_bytes=pc.sum(observed["size_bytes"]).as_py() or 0,
        changed=commit.changed,
    )


def missed(workspace: Workspace, day: date) -> list[str]:
    """What to say of each live source that was not observed on a day that is over: nobody can tell any more what it held."""
    return [
        f"Source `{source.name}` was not observed on {day}, and `{source.uri}` shows only the present. If it still is as it was "
        f"then, run `assay ingest {source.uri} --as-of {day}`, or launch the run with `as_of: true`."
        for source in workspace.settings.active_sources
        if is_live(source) and day < workspace.run.today and day not in observed_days(workspace.lake, source)
    ]


def days_to_derive(workspace: Workspace, source: SourceSettings, days: list[date]) -> list[date]:
    """The observed ones of `days`, and after each the next observed day, whose feed is the difference to it.

    Where that day could not enter a folder, also the one after it, which looks back over it; and so on. Days that a
    killed run left unfinished are taken along.
    """
    observed, closed = observed_days(workspace.lake, source), closed_days(workspace.lake, source)
    found = {*days, *pending.pending_days(workspace, source.name)} & {*observed}
    for day in days:
        for following in observed[bisect_right(observed, day) :]:
            found.add(following)
            if following not in closed:
                break
    return sorted(found)


def write_feed(
    workspace: Workspace,
    connection: duckdb.DuckDBPyConnection,
    source: SourceSettings,
    day: date,
    *,
    judge: Callable[[], object] | None = None,
) -> FeedReport:
    """Derive the feed of a source and day from the stored manifests and write it.

    `judge` is called once it stands, while neither it nor the manifests can change.
    """
    with _one_at_a_time(workspace, source):
        marks = pending.marks_to_derive(workspace, source.name, day)
        rows = derive_feed(workspace, connection, source, day)
        suite = suite_for(FEED, Limits.of(workspace.settings))
        checked = check_batch(workspace, suite, rows, source=source.name, day=day)
        commit = workspace.lake.replace_partition(FEED, checked.passed, partitions={"source": source.name, "day": day})
        if judge:
            judge()
        pending.mark_derived(marks)
    return FeedReport(source.name, day, count_changes(checked.passed), commit.changed)


def derive_feed(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, source: SourceSettings, day: date
) -> pa.Table:
    """What differs between the manifest of `day` and what was known before it; a pure function of the manifests."""
    observed, closed = observed_days(workspace.lake, source), closed_days(workspace.lake, source)
    known = [one for one in observed if one < day]
    open_days = [one for one in known if one not in closed]
    parameters = {
        "source": source.name,
        "namespace": source.id_namespace,
        "mode": source.mode,
        "day": day,
        "previous_day": known[-1] if known else None,
        "since": open_days[-1] if open_days else min(known, default=day),
        "document_version": version_of(day),
    }
    with registered(connection, {"manifests": workspace.lake.dataset(MANIFESTS)}):
        return to_table(FEED, query(connection, "assay.documents", "feed.sql", parameters))


def count_changes(feed: pa.Table) -> dict[str, int]:
    """Rows of a feed by kind of change."""
    counted = feed.group_by("change").aggregate([([], "count_all")])
    return dict(zip(counted["change"].to_pylist(), counted["count_all"].to_pylist(), strict=True))


def version_of(day: date) -> int:
    """The document version of a snapshot: the day's start in microseconds since 1970 UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


def day_of(document_version: int) -> date:
    """The UTC day in which a document version lies: what an embedding or a change of the state is counted under."""
    return datetime.fromtimestamp(document_version / 1_000_000, UTC).date()


def _one_at_a_time(workspace: Workspace, source: SourceSettings) -> AbstractContextManager[None]:
    """Of two runs that observe a source, the later observation must be the one that stands, and the feed must follow it."""
    return exclusive(workspace.settings.locks_path / f"source-{source.name}.lock")


def _refusals(source: SourceSettings, day: date, rows: pa.Table, failed: Mapping[str, str]) -> list[Refusal]:
    """Why files of a manifest were refused, and which rows of it failed an expectation (`failed`, by row key)."""
    found: list[Refusal] = []
    for row, key in zip(rows.to_pylist(), row_keys(MANIFESTS, rows), strict=True):
        place = (source.document_id(row["path"]), version_of(day), row["uri"], row["content_hash"])
        if row["status"] == "refused":
            found.append(Refusal(*place, reason=row["reason"], detail=row["detail"]))
        elif key in failed:
            found.append(Refusal.by_expectation(*place, expectation=failed[key]))
    return found
