"""The engine that assets are given: in memory, in UTC, and closed whatever the block does."""

from pathlib import Path

import duckdb
import pytest

from assets.resources import LakeEngine


def test_the_connection_is_closed_when_the_block_raises() -> None:
    with pytest.raises(ZeroDivisionError), LakeEngine().get_connection() as connection:
        raise ZeroDivisionError
    with pytest.raises(duckdb.ConnectionException):
        connection.execute("select 1")


def test_the_connection_is_closed_after_the_block() -> None:
    with LakeEngine().get_connection() as connection:
        assert connection.execute("select 1").fetchall() == [(1,)]
    with pytest.raises(duckdb.ConnectionException):
        connection.execute("select 1")


def test_a_file_is_free_for_others_after_a_block_that_raised(tmp_path: Path) -> None:
    file = str(tmp_path / "some.duckdb")
    with pytest.raises(ZeroDivisionError), LakeEngine(database=file).get_connection() as held:
        raise ZeroDivisionError
    with duckdb.connect(file, read_only=True) as reader:
        assert reader.execute("select 1").fetchall() == [(1,)]
    del held  # until here nothing but the resource may have closed it


def test_times_are_utc_and_sql_sees_no_python_variable() -> None:
    rows = [(1,)]
    with LakeEngine().get_connection() as connection:
        assert connection.execute("select current_setting('TimeZone')").fetchall() == [("UTC",)]
        with pytest.raises(duckdb.CatalogException):
            connection.execute("select * from rows")
    assert rows
