import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import AT_CI

from assay.rows import content_hash, differences, digests, fitted
from assay.schema import table, table_of

EXAMPLES = 500 if AT_CI else 60


@table("test/wide", key=("name",))
@dataclass(frozen=True, slots=True)
class WideRow:
    """A column of every kind."""

    name: Annotated[str, "Key."]
    tags: Annotated[list[str], "Labels."]
    starts: Annotated[list[int] | None, "Offsets."]
    note: Annotated[str | None, "Text."]
    size: Annotated[int | None, "Bytes."]
    score: Annotated[float | None, "Score."]
    is_open: Annotated[bool | None, "Flag."]
    data: Annotated[bytes | None, "Bytes."]
    day: Annotated[date | None, "Day."]
    at: Annotated[datetime | None, "Time."]
    run_id: Annotated[str, "Run."]


WIDE = table_of(WideRow)

# Few values, drawn to collide once they are joined: separators, digits, the null mark and empty values.
TEXTS = st.sampled_from(["", "-", "1:a", "a", ":", "0:", "1", "é", "a,b", "\x00"])
WIDE_ROWS = st.builds(
    WideRow,
    name=TEXTS,
    tags=st.lists(TEXTS, max_size=3),
    starts=st.none() | st.lists(st.integers(0, 12), max_size=3),
    note=st.none() | TEXTS,
    size=st.none() | st.integers(-(2**63), 2**63 - 1),
    score=st.none() | st.sampled_from([0.1, 1e300, 1.0, math.inf]),
    is_open=st.none() | st.booleans(),
    data=st.none() | st.binary(max_size=3),
    day=st.none() | st.sampled_from([date(1969, 12, 31), date(2026, 1, 1)]),
    at=st.none() | st.sampled_from([datetime(2026, 1, 1, 0, 0, 0, 1, UTC), datetime(1960, 1, 1, tzinfo=UTC)]),
    run_id=st.just("r"),
)


def values(row: WideRow) -> tuple[object, ...]:
    """The row as Python compares it."""
    return tuple(repr(getattr(row, name)) for name in WIDE.schema.names if name != "run_id")


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(WIDE_ROWS, max_size=8))
def test_digests_are_equal_exactly_for_equal_rows(records: list[WideRow]) -> None:
    found = digests(WIDE.rows(records))
    for i, left in enumerate(records):
        for j, right in enumerate(records):
            assert (found[i] == found[j]) == (values(left) == values(right))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(WIDE_ROWS, max_size=8), st.lists(WIDE_ROWS, max_size=8), st.integers(0, 4))
def test_differences_are_the_multiset_difference(old: list[WideRow], new: list[WideRow], shared: int) -> None:
    new = new + old[:shared]
    gone, added = differences(WIDE.rows(old), WIDE.rows(new))
    before, after = [values(row) for row in old], [values(row) for row in new]
    assert gone.to_pylist() == [before.count(row) != after.count(row) for row in before]
    assert added.to_pylist() == [before.count(row) != after.count(row) for row in after]


def test_encodings_chunks_and_order_do_not_change_the_content_hash() -> None:
    rows = WIDE.rows([_wide(name, tags=["x", "y"]) for name in ("a", "b", "c")])
    large = rows.cast(
        pa.schema(
            [
                field.with_type(
                    {pa.string(): pa.large_string(), pa.binary(): pa.binary_view()}.get(field.type, field.type)
                )
                for field in rows.schema
            ]
        ).set(1, pa.field("tags", pa.large_list(pa.string_view())))
    )
    pieces = pa.concat_tables([large.slice(2, 1), large.slice(0, 2)])
    assert content_hash(pieces.select(reversed(pieces.column_names))) == content_hash(rows)
    assert content_hash(rows) != content_hash(rows.slice(1))
    assert content_hash(rows) != content_hash(pa.concat_tables([rows, rows.slice(0, 1)]))


def test_provenance_does_not_count() -> None:
    assert content_hash(WIDE.rows([_wide("a", run_id="1")])) == content_hash(WIDE.rows([_wide("a", run_id="2")]))


def test_other_encodings_are_fitted() -> None:
    rows = WIDE.rows([_wide("a", tags=["x"], at=datetime(2026, 1, 1, tzinfo=UTC), size=3)])
    given_rows = (
        rows.set_column(0, "name", rows["name"].cast(pa.large_string()).dictionary_encode())
        .set_column(1, "tags", pa.array([["x"]], pa.large_list(pa.string_view())))
        .set_column(3, "note", pa.nulls(1))
        .set_column(4, "size", pa.array([3], pa.int8()))
        .set_column(9, "at", rows["at"].cast(pa.timestamp("ns", "Europe/Berlin")))
        .select(list(reversed(rows.column_names)))
    )
    assert fitted(WIDE, given_rows).equals(rows, check_metadata=True)


@pytest.mark.parametrize(
    ("column", "bad", "complaint"),
    [
        ("name", pa.array([None], pa.string()), "`name` of `test/wide` may not be null"),
        ("name", pa.array([1]), "`name` of `test/wide` is string, the rows hold int64"),
        ("size", pa.array([1.5]), "`size` of `test/wide` is int64, the rows hold double"),
        ("size", pa.array([2**63], pa.uint64()), "`size` of `test/wide` does not fit int64"),
        ("at", pa.array([0], pa.timestamp("us")), "the rows hold timestamp"),
        ("at", pa.array([1], pa.timestamp("ns", "UTC")), "does not fit timestamp"),
        ("tags", pa.array([["a", None]], pa.list_(pa.string())), "`tags` of `test/wide` may not be null"),
        ("tags", pa.array([None], WIDE.schema.field("tags").type), "`tags` of `test/wide` may not be null"),
        ("starts", pa.array([["1"]], pa.list_(pa.string())), "the rows hold list"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_name(column: str, bad: pa.Array, complaint: str) -> None:
    rows = WIDE.rows([_wide("a")])
    with pytest.raises(ValueError, match=complaint):
        fitted(WIDE, rows.set_column(rows.column_names.index(column), column, bad))


def test_missing_and_unknown_columns_are_named() -> None:
    rows = WIDE.rows([_wide("a")])
    with pytest.raises(ValueError, match=r"missing columns \['tags'\]"):
        fitted(WIDE, rows.drop_columns(["tags"]))
    with pytest.raises(ValueError, match=r"unknown or doubled \['colour'\]"):
        fitted(WIDE, rows.append_column("colour", pa.array(["red"])))


def _wide(name: str, **others: object) -> WideRow:
    empty: dict[str, object] = dict.fromkeys(WIDE.schema.names)
    return WideRow(**{**empty, "tags": [], "run_id": "r", "name": name, **others})  # type: ignore[arg-type]
