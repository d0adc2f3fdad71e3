"""Row classes as tables: what is written once in Python is the schema everywhere."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from assay import event_tables, tables
from assay.lake import Lake
from assay.quality.outcomes import OutcomeRow
from assay.schema import PROVENANCE_COLUMNS, TIMESTAMP, table, table_of

ROW_CLASSES = [
    one for module in (tables, event_tables) for one in vars(module).values() if hasattr(one, "__assay_table__")
] + [OutcomeRow]


@table("tests/things", key=("name",), partition_by=("name",))
@dataclass(frozen=True, slots=True)
class ThingRow:
    """Things."""

    name: Annotated[str, "What it is called."]
    count: int
    share: float | None
    is_there: bool
    data: Annotated[bytes | None, "Its bytes."]
    born: date
    seen: datetime
    tags: Annotated[list[str], "Never null inside."]
    places: list[int] | None


THINGS = table_of(ThingRow)


def test_a_row_class_says_types_and_nulls() -> None:
    assert [(field.name, field.type, field.nullable) for field in THINGS.schema] == [
        ("name", pa.string(), False),
        ("count", pa.int64(), False),
        ("share", pa.float64(), True),
        ("is_there", pa.bool_(), False),
        ("data", pa.binary(), True),
        ("born", pa.date32(), False),
        ("seen", TIMESTAMP, False),
        ("tags", pa.list_(pa.field("element", pa.string(), nullable=False)), False),
        ("places", pa.list_(pa.field("element", pa.int64(), nullable=False)), True),
    ]


def test_descriptions_reach_whoever_opens_the_table(tmp_path) -> None:
    row = ThingRow("a", 1, None, True, b"\x00", date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), ["x"], None)
    Lake(tmp_path).replace_partition(THINGS, THINGS.rows([row]), partitions={"name": "a"})
    stored = DeltaTable(tmp_path / "tests/things")
    assert stored.metadata().description == "Things."
    fields = {field.name: field.metadata for field in stored.schema().fields}
    assert fields["name"]["comment"] == "What it is called."
    assert THINGS.column_descriptions == dict.fromkeys(THINGS.schema.names, "") | {
        "name": "What it is called.",
        "data": "Its bytes.",
        "tags": "Never null inside.",
    }


def test_rows_come_back_as_they_were_given() -> None:
    rows = [
        ThingRow("a", 1, 0.5, True, b"\xff", date(2026, 1, 1), datetime(2026, 1, 1, 1, 2, 3, 4, UTC), ["x", "y"], [1]),
        ThingRow("b", -(2**62), None, False, None, date.min, datetime(1970, 1, 1, tzinfo=UTC), [], None),
    ]
    assert [ThingRow(**row) for row in THINGS.rows(rows).to_pylist()] == rows
    assert THINGS.rows([]).equals(THINGS.empty())
    assert THINGS.empty().schema == THINGS.schema


def test_a_type_that_no_table_can_hold_is_refused_where_it_is_written() -> None:
    with pytest.raises(KeyError):

        @table("tests/wrong", key=("name",))
        @dataclass(frozen=True)
        class WrongRow:
            name: dict[str, str]


@pytest.mark.parametrize("row_class", ROW_CLASSES, ids=lambda one: one.__name__)
def test_every_table_is_described_and_its_key_can_be_relied_on(row_class: type) -> None:
    described = table_of(row_class)
    assert described.description
    assert all(text.endswith((".", "?")) for text in described.column_descriptions.values())
    assert set(described.partition_by) <= set(described.key) <= set(described.schema.names)
    assert not any(described.schema.field(name).nullable for name in described.key)
    stage, name = described.name.split("/")
    assert (stage in ("bronze", "silver", "gold", "quality"), name.isidentifier()) == (True, True)


def test_no_two_tables_share_a_name() -> None:
    assert len(ROW_CLASSES) == len({table_of(one).name for one in ROW_CLASSES}) == 20


def test_whatever_differs_between_two_equal_runs_is_called_provenance() -> None:
    # Content hashes leave these out; a time or run under another name would make every re-run a change.
    for row_class in ROW_CLASSES:
        schema = table_of(row_class).schema
        found = {field.name for field in schema if field.type == TIMESTAMP or "run" in field.name}
        # A document's version as a time, and times that came with an event.
        assert found - {"last_changed_at", "event_ts", "available_at"} <= set(PROVENANCE_COLUMNS)
