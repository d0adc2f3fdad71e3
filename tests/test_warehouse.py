import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import duckdb
import pyarrow as pa
import pytest

from assay.lake import Lake
from assay.schema import table, table_of
from assay.warehouse import engine, query, registered, to_table


@table("test/visits", key=("day", "page"), partition_by=("day",))
@dataclass(frozen=True, slots=True)
class VisitRow:
    """Visits of a page on a day."""

    day: Annotated[date, "Day."]
    page: Annotated[str, "Page."]
    visits: Annotated[int, "Count."]
    share: Annotated[float | None, "Part of the day's visits."]
    last_at: Annotated[datetime | None, "Last visit."]
    tags: Annotated[list[str], "Labels."]


VISITS = table_of(VisitRow)
NOON = datetime(2026, 11, 2, 12, 0, 0, 1, UTC)
ROWS = [
    VisitRow(date(2026, 11, 2), "a", 2, 0.5, NOON, ["x"]),
    VisitRow(date(2026, 11, 2), "' OR '1'='1", 3, None, None, []),
    VisitRow(date(2026, 11, 3), "a", 4, 1.0, NOON, ["x", "y"]),
]


@pytest.fixture
def sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package for `.sql` files, as modules ship them."""
    package = tmp_path / "shipped_sql"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shipped_sql", raising=False)
    return package


def test_a_shipped_query_over_registered_arrow_comes_back_as_the_table(sql: Path) -> None:
    (sql / "sums.sql").write_text(
        "select tags, max(last_at) as last_at, page, sum(visits) as visits, 1 as unused, max(day) as day, "
        "max(share) as share from visits where page = $page group by all"
    )
    with engine({"visits": VISITS.rows([ROWS[0], ROWS[0], ROWS[1]])}) as connection:
        result = query(connection, "shipped_sql", "sums.sql", {"page": "a"})
    assert to_table(VISITS, result).equals(VISITS.rows([VisitRow(ROWS[0].day, "a", 4, 0.5, NOON, ["x"])]))


def test_parameters_are_values(sql: Path) -> None:
    (sql / "page.sql").write_text("select page from visits where page = $page")
    with engine({"visits": VISITS.rows(ROWS)}) as connection:
        assert query(connection, "shipped_sql", "page.sql", {"page": "' OR '1'='1"})["page"].to_pylist() == [
            "' OR '1'='1"
        ]
        assert query(connection, "shipped_sql", "page.sql", {"page": "' OR true --"}).num_rows == 0


def test_an_error_names_its_file(sql: Path) -> None:
    (sql / "broken.sql").write_text("select nothing from nowhere")
    with engine({}) as connection, pytest.raises(duckdb.Error) as caught:
        query(connection, "shipped_sql", "broken.sql")
    assert caught.value.__notes__ == ["in `broken.sql` of `shipped_sql`"]


def test_a_lake_table_is_scanned_by_the_partitions_a_query_needs(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with engine({"visits": lake.dataset(VISITS)}) as connection:
        assert connection.sql("select * from visits").to_arrow_table().num_rows == 0
    lake.replace_partition(VISITS, VISITS.rows(ROWS), partitions={"day": [row.day for row in ROWS]})
    for file in (tmp_path / "lake" / VISITS.name).glob("day=2026-11-03/*.parquet"):
        file.unlink()
    with engine({"visits": lake.dataset(VISITS)}) as connection:
        monday = connection.sql("select sum(visits) from visits where day = date '2026-11-02'").fetchall()
        assert monday == [(5,)]
        with pytest.raises((duckdb.Error, OSError)):
            connection.sql("select sum(visits) from visits").fetchall()


def test_times_are_utc_and_nothing_is_fetched_or_seen_that_was_not_given() -> None:
    mine = pa.table({"a": [1]})
    with engine({}) as connection:
        texts = connection.sql("select timestamptz '2026-11-02 12:00:00+02'::varchar, current_setting('TimeZone')")
        assert texts.fetchall() == [("2026-11-02 10:00:00+00", "UTC")]
        for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):
            assert connection.sql(f"select current_setting('{setting}')").fetchall() == [(False,)]
        with pytest.raises(duckdb.CatalogException):
            connection.sql("select * from mine").fetchall()
    assert mine.num_rows == 1


def test_the_connection_is_closed_after_an_error() -> None:
    with pytest.raises(KeyError), engine({}) as connection:
        raise KeyError("inside")
    with pytest.raises(duckdb.Error):
        connection.execute("select 1")


def test_tables_are_registered_for_one_block_even_after_an_unread_result() -> None:
    with engine() as connection:
        with pytest.raises(KeyError), registered(connection, {"visits": VISITS.rows(ROWS)}):
            raise KeyError(connection.execute("select page from visits").fetchone())
        with pytest.raises(duckdb.CatalogException):
            connection.sql("select * from visits").fetchall()


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("visits", "null::bigint", "`visits` of `test/visits` may not be null"),
        ("visits", "1.5::decimal(5, 2)", "`visits` does not fit int64"),
        ("visits", "'1'", "`visits` of `test/visits` is int64, the rows hold string"),
        ("last_at", "timestamp '2026-11-02'", "`last_at` of `test/visits` is timestamp"),
        ("page", "1", "`page` of `test/visits` is string, the rows hold int32"),
    ],
)
def test_results_that_do_not_fit_are_refused(column: str, value: str, complaint: str) -> None:
    with engine({"visits": VISITS.rows(ROWS)}) as connection:
        result = connection.sql(f"select * replace ({value} as {column}) from visits").to_arrow_table()
    with pytest.raises(ValueError, match=complaint):
        to_table(VISITS, result)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match=r"lacks the columns \['tags'\]"):
        to_table(VISITS, VISITS.rows(ROWS).drop_columns(["tags"]))
