"""Keeping the lake's tables quick and small: small files joined where there are many, files nobody needs any more deleted."""

from collections.abc import Iterable
from dataclasses import dataclass

from assay.lake import KEEP_HOURS, Lake
from assay.schema import Table

# A partition that is written again has one or two files. A table without partitions gets one more with each write, and
# opening a file takes about a millisecond: at twenty a read has become some 20 ms slower.
MAX_FILES_PER_PARTITION = 20


@dataclass(frozen=True)
class TableMaintenance:
    """What was found and done: the most files of a partition before and after, and how many files were deleted."""

    table: str
    files_before: int
    files: int
    compacted: bool
    files_deleted: int


def maintain_tables(lake: Lake, tables: Iterable[Table], *, keep_hours: int = KEEP_HOURS) -> list[TableMaintenance]:
    """Compact each table of which a partition has too many files, and delete what no version of `keep_hours` needs.

    Safe beside readers and writers: a reader keeps its version, and a lost race is tried again. Tables that were never
    written are left out.
    """
    reports: list[TableMaintenance] = []
    for table in tables:
        if not (found := lake.files_per_partition(table)):
            continue
        if due := max(found) >= MAX_FILES_PER_PARTITION:
            lake.compact(table)
        reports.append(
            TableMaintenance(
                table=table.name,
                files_before=max(found),
                files=max(lake.files_per_partition(table), default=0),
                compacted=due,
                files_deleted=lake.vacuum(table, keep_hours=keep_hours),
            )
        )
    return reports
