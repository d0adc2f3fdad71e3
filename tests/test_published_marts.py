"""Publishing by day: what differs goes into the lake, what is gone leaves it, and nothing else is touched."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from made_models import manifest_with, model_node

from assay import published_marts
from assay.model_tables import ModelTable, model_tables
from assay.published_marts import Published, publish
from assay.settings import Settings
from assay.workspace import Run, Workspace

COLUMNS = {"event_day": "date", "who": "varchar", "rows": "bigint"}
BY_DAY = {"table": {"key": ["event_day", "who"], "partition_by": ["event_day"]}}
MART = model_node("gold", "people", COLUMNS, BY_DAY)
VIEW = model_node("features", "activity", COLUMNS, {**BY_DAY, "feature_view": {"entity": ["who"]}})
ROWS = {1: ("a", "b"), 2: ("a",), 3: ("c",)}


def day(number: int) -> date:
    return date(2026, 11, number)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(Settings(home=tmp_path), Run("this run", datetime(2026, 11, 25, tzinfo=UTC)))


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(duckdb.connect()) as connection:
        for relation in ("gold.people", "features.activity"):
            connection.execute(f"create schema {relation.partition('.')[0]}")
            connection.execute(f"create table {relation} (event_day date, who varchar, rows bigint)")
            for number, people in ROWS.items():
                connection.executemany(
                    f"insert into {relation} values (?, ?, 1)", [[day(number), who] for who in people]
                )
        yield connection


def model_of(node: dict[str, Any]) -> ModelTable:
    [model] = model_tables(manifest_with(node)).values()
    return model


def standing(workspace: Workspace, model: ModelTable) -> dict[date, set[tuple[str, int]]]:
    found: dict[date, set[tuple[str, int]]] = {}
    for row in workspace.lake.read(model.table).to_pylist():
        found.setdefault(row["event_day"], set()).add((row["who"], row["rows"]))
    return found


class Gate:
    """Passes what it is given, but for the days that it is told to hold back; notes what it was asked for."""

    def __init__(self, *held_back: date) -> None:
        self.held_back = held_back
        self.asked: list[date] = []

    def __call__(
        self, workspace: Workspace, model: ModelTable, days: Mapping[date, pa.Table]
    ) -> dict[date, pa.Table | None]:
        self.asked += days
        return {one: None if one in self.held_back else self._stamped(rows) for one, rows in days.items()}

    @staticmethod
    def _stamped(rows: pa.Table) -> pa.Table:
        given: dict[str, object] = {
            "logic_version": "1",
            "run_id": "r",
            "computed_at": datetime(2026, 1, 1, tzinfo=UTC),
        }
        for name, value in given.items():
            rows = rows.append_column(name, pa.array([value] * rows.num_rows, pa.scalar(value).type))
        return rows


def test_all_days_are_written_in_one_commit_and_not_again(
    workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    model = model_of(MART)
    first = publish(workspace, warehouse, model, None)
    assert standing(workspace, model) == {day(one): {(who, 1) for who in people} for one, people in ROWS.items()}
    assert first.changed == 3
    assert first.published.version == 1  # created, then written
    assert {one: known.rows for one, known in first.published.days.items()} == {day(1): 2, day(2): 1, day(3): 1}
    again = publish(workspace, warehouse, model, first.published)
    assert (again.published, again.changed) == (first.published, 0)


def test_only_days_that_differ_are_written_and_those_that_are_gone_removed(
    workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    model = model_of(MART)
    last = publish(workspace, warehouse, model, None).published
    warehouse.execute("update gold.people set rows = 2 where who = 'b'; delete from gold.people where who = 'c'")
    now = publish(workspace, warehouse, model, last)
    assert now.changed == 2
    assert standing(workspace, model) == {day(1): {("a", 1), ("b", 2)}, day(2): {("a", 1)}}
    assert now.published.days.keys() == {day(1), day(2)}


def test_rows_in_another_order_are_the_same_day(workspace: Workspace, warehouse: duckdb.DuckDBPyConnection) -> None:
    model = model_of(MART)
    last = publish(workspace, warehouse, model, None).published
    warehouse.execute("create or replace table gold.people as from gold.people order by who desc, event_day desc")
    assert publish(workspace, warehouse, model, last).changed == 0


def test_a_row_that_came_twice_is_another_day(workspace: Workspace, warehouse: duckdb.DuckDBPyConnection) -> None:
    model = model_of(MART)
    last = publish(workspace, warehouse, model, None).published
    for copies in (2, 3):
        warehouse.execute("insert into gold.people values ('2026-11-02', 'a', 1)")
        last = publish(workspace, warehouse, model, last).published
        assert workspace.lake.read(model.table, where={"event_day": day(2)}).num_rows == copies


def test_what_others_wrote_into_the_lake_is_found_and_put_right(
    workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    model = model_of(MART)
    last = publish(workspace, warehouse, model, None).published
    before = standing(workspace, model)
    theirs = pa.table({"event_day": [day(2), day(9)], "who": ["x", "x"], "rows": [7, 7]})
    workspace.lake.replace_partition(model.table, theirs, partitions={"event_day": [day(2), day(9)]})
    now = publish(workspace, warehouse, model, last)
    assert now.changed == 2
    assert standing(workspace, model) == before
    # The same where nothing is known of what stands, as after the note of the last build was lost.
    assert publish(workspace, warehouse, model, None).changed == 0


def test_many_rows_go_in_several_commits_of_whole_days(
    workspace: Workspace, warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published_marts, "ROWS_PER_COMMIT", 2)
    model = model_of(MART)
    published = publish(workspace, warehouse, model, None).published
    assert published.version == 2  # created; the first day; the other two
    assert standing(workspace, model).keys() == {day(1), day(2), day(3)}


def test_days_of_a_feature_view_are_prepared_when_they_differ(
    workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    model, gate = model_of(VIEW), Gate()
    last = publish(workspace, warehouse, model, None, gate).published
    assert gate.asked == [day(1), day(2), day(3)]
    assert {row["logic_version"] for row in workspace.lake.read(model.table).to_pylist()} == {"1"}
    warehouse.execute(
        "update features.activity set rows = 2 where who = 'b'; delete from features.activity where who = 'c'"
    )
    gate = Gate()
    publish(workspace, warehouse, model, last, gate)
    assert gate.asked == [day(1), day(3)], "the third without rows, so that nothing is said of it any more"
    assert standing(workspace, model).keys() == {day(1), day(2)}
    # With nothing known, as under another logic, all of them.
    gate = Gate()
    publish(workspace, warehouse, model, None, gate)
    assert gate.asked == [day(1), day(2)]


def test_of_a_day_that_is_held_back_what_stood_stands_and_it_is_asked_for_again(
    workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    model = model_of(VIEW)
    last = publish(workspace, warehouse, model, None, Gate()).published
    before = standing(workspace, model)
    warehouse.execute("update features.activity set rows = 2 where event_day <= '2026-11-02'")
    last = publish(workspace, warehouse, model, last, Gate(day(1))).published
    assert last.held_back == (day(1),)
    assert standing(workspace, model) == {**before, day(2): {("a", 2)}}
    gate = Gate()
    last = publish(workspace, warehouse, model, last, gate).published
    assert gate.asked == [day(1)]
    assert last.held_back == ()
    assert standing(workspace, model)[day(1)] == {("a", 2), ("b", 2)}


def test_a_held_back_day_that_is_built_no_longer_leaves_the_lake(
    workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    model = model_of(VIEW)
    last = publish(workspace, warehouse, model, None, Gate()).published
    warehouse.execute("update features.activity set rows = 2 where event_day = '2026-11-01'")
    last = publish(workspace, warehouse, model, last, Gate(day(1))).published
    warehouse.execute("delete from features.activity where event_day = '2026-11-01'")
    publish(workspace, warehouse, model, last, Gate())
    assert standing(workspace, model).keys() == {day(2), day(3)}


def test_a_feature_view_is_not_published_unprepared(workspace: Workspace, warehouse: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ValueError, match="nothing was given that prepares its days"):
        publish(workspace, warehouse, model_of(VIEW), None)
    assert workspace.lake.version(model_of(VIEW).table) is None


def test_what_is_known_of_an_older_version_is_not_trusted(
    workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    model = model_of(MART)
    last = publish(workspace, warehouse, model, None).published
    stale = replace(last, version=0)
    assert publish(workspace, warehouse, model, stale).changed == 0
    assert publish(workspace, warehouse, model, Published(None)).published == last
