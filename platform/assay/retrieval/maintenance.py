"""Indexes of the chunk table, and keeping it fast: search cost follows fragments and unindexed rows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.retrieval.engine import LANCE_ERRORS, is_lost_race

# Exact scans cost 144 CPU ms at 100k rows, an IVF_RQ query 6; below this the scan is as fast and has full recall.
VECTOR_INDEX_ROWS = 20_000
# 200 one-row commits made a query six times as slow; an `optimize` costs .15-2 CPU seconds.
MAX_FRAGMENTS = 20
MAX_UNINDEXED_SHARE = 0.10
# A search holds its version for seconds. A day lets yesterday's version be looked at or served again after a bad run.
KEEP_VERSIONS_FOR = timedelta(hours=24)
# `optimize` would remove versions by age alone. Which ones go is decided here instead, so its own window is 100 years.
_NEVER = timedelta(days=36_500)
# A writer that commits meanwhile makes `optimize` lose; the next try starts from the new version.
_TRIES = 3

_BTREE = ("document_id", "document_version", "text_hash")
_BITMAP = ("tenant", "source")


@dataclass(frozen=True)
class MaintenanceReport:
    """What was found and done. `version` is the newest afterwards; the serving pointer does not follow by itself.

    `optimized`: False when it was not due, or when a writer won every race; then it is still due.
    """

    version: int
    rows: int
    fragments_before: int
    fragments: int
    unindexed_rows_before: int
    unindexed_rows: int
    optimized: bool
    versions_removed: int
    bytes_removed: int


def create_missing_indexes(table: Any) -> tuple[str, ...]:
    """Build the indexes that are not there; the columns they were built on. Works on an empty table.

    Rows added later are found through every index at once, by a scan of the rows it does not cover yet.
    """
    from lancedb.index import FTS, Bitmap, BTree, IvfRq, LabelList

    # Positions would serve phrase queries only, and user text is never parsed for phrases.
    wanted: dict[str, Any] = {
        **{column: BTree() for column in _BTREE},
        **{column: Bitmap() for column in _BITMAP},
        "allowed_principals": LabelList(),
        "context_text": FTS(language="English", stem=True, remove_stop_words=True, with_position=False),
    }
    if table.count_rows() >= VECTOR_INDEX_ROWS:
        wanted["vector"] = IvfRq(distance_type="cosine", num_bits=4)
    indexed = {column for index in table.list_indices() for column in index.columns}
    missing = tuple(column for column in wanted if column not in indexed)
    for column in missing:
        table.create_index(column, config=wanted[column])
    return missing


def maintain(table: Any, keep_versions: Collection[int], keep_for: timedelta) -> MaintenanceReport:
    """Compact and index where a threshold is passed; remove versions older than `keep_for` except `keep_versions`."""
    rows = int(table.count_rows())
    fragments_before, unindexed_before = _fragments(table), _unindexed_rows(table)
    due = fragments_before >= MAX_FRAGMENTS or unindexed_before > rows * MAX_UNINDEXED_SHARE
    optimized = due and _optimize(table)
    create_missing_indexes(table)
    versions_removed, bytes_removed = _remove_versions(table, keep_versions, keep_for)
    return MaintenanceReport(
        version=int(table.version),
        rows=rows,
        fragments_before=fragments_before,
        fragments=_fragments(table),
        unindexed_rows_before=unindexed_before,
        unindexed_rows=_unindexed_rows(table),
        optimized=optimized,
        versions_removed=versions_removed,
        bytes_removed=bytes_removed,
    )


def _optimize(table: Any) -> bool:
    """False when every try lost against a writer: nothing was done, and it stays due."""
    for _ in range(_TRIES):
        try:
            table.optimize(cleanup_older_than=_NEVER)
        except LANCE_ERRORS as error:
            if not is_lost_race(error):
                raise
        else:
            return True
    return False


def _remove_versions(table: Any, keep_versions: Collection[int], keep_for: timedelta) -> tuple[int, int]:
    """Versions are named one by one: by age alone, the serving one would go while a failing gate holds the pointer."""
    cutoff = datetime.now(UTC) - keep_for
    kept = {*keep_versions, int(table.version)}
    old = [
        int(found["version"])
        for found in table.list_versions()
        # LanceDB gives local time without a zone.
        if found["timestamp"].astimezone(UTC) < cutoff and int(found["version"]) not in kept
    ]
    if not old:
        return 0, 0
    stats: Any = table.to_lance().cleanup_old_versions(versions=old)
    return int(stats.old_versions), int(stats.bytes_removed)


def _fragments(table: Any) -> int:
    return int(table.stats()["fragment_stats"]["num_fragments"])


def _unindexed_rows(table: Any) -> int:
    """Rows that the least complete index does not cover."""
    return max((int(index.num_unindexed_rows or 0) for index in table.list_indices()), default=0)
