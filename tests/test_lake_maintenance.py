"""The lake's upkeep: what it joins and deletes, and that readers see the same rows before, during and after it."""

from datetime import date
from pathlib import Path

import pytest

from assay.lake import Lake
from assay.lake_maintenance import MAX_FILES_PER_PARTITION, maintain_tables
from assay.schema import table_of
from assay.tables import DocumentStateRow, FeedRow

STATE, FEED = table_of(DocumentStateRow), table_of(FeedRow)


def state(document_id: str, version: int) -> DocumentStateRow:
    return DocumentStateRow(
        document_id, version, "docs", True, None, None, None, None, None, "file:///x", "default", ["public"]
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A table with as many files as are too many, each of one document."""
    lake = Lake(tmp_path / "lake")
    for number in range(MAX_FILES_PER_PARTITION):
        put(lake, f"docs:{number}", 1)
    return lake


def put(lake: Lake, document_id: str, version: int) -> None:
    lake.replace_rows(STATE, STATE.rows([state(document_id, version)]), column="document_id", values=[document_id])


def test_a_table_with_too_many_files_is_joined_and_says_the_same(lake: Lake) -> None:
    before = lake.content_hash(STATE)
    [report] = maintain_tables(lake, [STATE, FEED])
    assert (report.table, report.compacted) == (STATE.name, True)
    assert (report.files_before, report.files) == (MAX_FILES_PER_PARTITION, 1)
    assert lake.content_hash(STATE) == before


def test_below_the_threshold_nothing_is_written(lake: Lake) -> None:
    maintain_tables(lake, [STATE])
    version = lake.version(STATE)
    put(lake, "docs:more", 1)
    [report] = maintain_tables(lake, [STATE])
    assert (report.compacted, report.files) == (False, 2)
    assert lake.version(STATE) == (version or 0) + 1, "the row's own commit"


def test_old_versions_stay_for_as_long_as_is_said_and_then_go(lake: Lake, tmp_path: Path) -> None:
    first = lake.version(STATE)
    put(lake, "docs:0", 2)
    [kept] = maintain_tables(lake, [STATE])
    assert kept.files_deleted == 0
    assert lake.read(STATE, version=first, where={"document_id": "docs:0"})["document_version"].to_pylist() == [1]
    [gone] = maintain_tables(lake, [STATE], keep_hours=0)
    assert gone.files_deleted > 0
    assert lake.read(STATE, where={"document_id": "docs:0"})["document_version"].to_pylist() == [2]
    assert len(list((tmp_path / "lake" / STATE.name).rglob("*.parquet"))) == 1


def test_partitions_are_counted_each_for_itself(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    for number in range(1, 4):
        day = date(2026, 11, number)
        row = FeedRow(
            "docs",
            day,
            "docs:a",
            1,
            "delete",
            "deleted",
            "a",
            "file:///a",
            None,
            None,
            "default",
            ["public"],
            None,
            None,
        )
        lake.replace_partition(FEED, FEED.rows([row]), partitions={"source": "docs", "day": day})
    assert lake.files_per_partition(FEED) == [1, 1, 1]
    assert lake.files_per_partition(STATE) == []
