"""quality/volumes: how much came from a source on a day, beside how much usually does, and whether that is unusual.

A day's row follows from the stored manifests, feed, texts and quarantine of that day and of the observed days before it,
and from no clock. So a day that is run late writes its own row and those of the days after it whose usual values it
enters, and the table ends the same in whatever order the days were run.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from assay import conditions
from assay.documents.bronze import FEED, days_to_derive
from assay.documents.manifests import MANIFESTS, observed_days
from assay.documents.silver import DOCUMENTS
from assay.locks import exclusive
from assay.quality.outcomes import OUTCOMES, check_batch
from assay.quality.quarantine import QUARANTINE
from assay.quality.suites import Limits, suite_for
from assay.schema import Table, table_of
from assay.settings import SourceSettings
from assay.tables import VolumeRow
from assay.warehouse import query, registered, to_table
from assay.workspace import Workspace

VOLUMES = table_of(VolumeRow)

# Observed days that a usual value is of: a week of daily runs holds each weekday once, and what changed for good is
# usual after four days of it.
WINDOW_DAYS = 7
# Of two values the median is their mean: one odd day of the two would pass for half of what is usual.
LEAST_DAYS = 3


@dataclass(frozen=True)
class VolumeReport:
    """What came from a source on a day, and the names of the expectations that call it unusual."""

    source: str
    day: date
    files: int
    refused: int
    size_bytes: int
    added: int
    edited: int
    repermitted: int
    moved: int
    deleted: int
    texts: int
    quarantined: int
    unusual: tuple[str, ...] = ()


def write_volumes(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, days: Sequence[date]
) -> list[VolumeReport]:
    """Write and judge the volumes of every source on `days` and on the observed days after them that they bear upon."""
    reports: list[VolumeReport] = []
    # Two runs: the later must read the tables after the earlier has written.
    with exclusive(workspace.settings.locks_path / "volumes.lock"):
        for source in workspace.settings.active_sources:
            reports += _write_source(workspace, connection, source, days)
    return reports


def measure(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, source: SourceSettings, days: Collection[date]
) -> pa.Table:
    """The volumes of a source on those of `days` on which it was observed: a pure function of the stored tables."""
    observed = observed_days(workspace.lake, source)
    read = {
        one
        for day in {*days} & {*observed}
        for one in observed[max(bisect_left(observed, day) - WINDOW_DAYS, 0) : bisect_right(observed, day)]
    }
    tables = {
        "manifests": _of_days(workspace, MANIFESTS, source=source.name, day=sorted(read)),
        "feed": _of_days(workspace, FEED, source=source.name, day=sorted(read)),
        "parsed": _of_days(workspace, DOCUMENTS, source=source.name, day=sorted(read)),
        "quarantined": _of_days(workspace, QUARANTINE, stage="silver", source=source.name, day=sorted(read)),
    }
    parameters = {"days": sorted(days), "window_days": WINDOW_DAYS, "least_days": LEAST_DAYS}
    with registered(connection, tables):
        return to_table(VOLUMES, query(connection, "assay.documents", "volumes.sql", parameters))


def days_to_measure(workspace: Workspace, source: SourceSettings, days: Sequence[date]) -> list[date]:
    """`days`, those whose feed follows from them, and the observed days after each whose usual values they enter.

    Observed days without a row are taken along: a killed run left them, or they were observed before there were rows.
    """
    observed = observed_days(workspace.lake, source)
    measured = workspace.lake.read(VOLUMES, where={"source": source.name}, columns=["day"])["day"].to_pylist()
    found = {*days, *days_to_derive(workspace, source, list(days)), *({*observed} - {*measured})}
    for day in tuple(found):
        after = bisect_right(observed, day)
        found |= {*observed[after : after + WINDOW_DAYS]}
    return sorted(found)


def _write_source(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, source: SourceSettings, days: Sequence[date]
) -> list[VolumeReport]:
    wanted = days_to_measure(workspace, source, days)
    rows = measure(workspace, connection, source, wanted)
    suite = suite_for(VOLUMES, Limits.of(workspace.settings))
    passed = [VOLUMES.empty()]
    for position, day in enumerate(rows["day"].to_pylist()):
        checked = check_batch(workspace, suite, rows.slice(position, 1), source=source.name, day=day)
        passed.append(checked.passed)
    place: dict[str, object] = {"source": source.name, "day": wanted}
    workspace.lake.replace_partition(VOLUMES, pa.concat_tables(passed), partitions=place)
    failed = workspace.lake.read(OUTCOMES, where={"table_name": VOLUMES.name, "success": False, **place}).to_pylist()
    counts = [name for name in VolumeReport.__dataclass_fields__ if name != "unusual"]
    return [
        VolumeReport(
            **{name: row[name] for name in counts},
            unusual=tuple(one["expectation"] for one in failed if one["day"] == row["day"]),
        )
        for row in rows.to_pylist()
    ]


def _of_days(workspace: Workspace, table: Table, **where: object) -> ds.Dataset:
    """The rows of some days as DuckDB scans them: only the columns that the query names, only those days' files."""
    dataset, wanted = workspace.lake.dataset(table), conditions.expression(table, where)
    return dataset if wanted is None else dataset.filter(wanted)
