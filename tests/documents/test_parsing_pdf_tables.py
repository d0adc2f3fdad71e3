"""Ruled tables of PDFs: every one is found with its cells, and nothing else is taken for one."""

import importlib.util
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pdf_files import PdfPageSource, grid, paragraph, pdf, table, text
from scale import AT_CI

from assay.documents.parsing import ParsedDocument, Table, parse_here

SHARED = Path(os.environ.get("ASSAY_SHARED_DATA") or "absent") / "dev" / "pdfs"
ROWS = [["Item", "Amount", "Price"], ["Bolts", "12", "3.40"], ["Nuts", "40", "1.10"]]
PROSE = [
    "Nothing but a paragraph stands in this frame, and it goes on",
    "for several lines, as the terms of a contract do.",
]
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "parsing_files" / "index.py"
_spec = importlib.util.spec_from_file_location("parsing_index", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
index = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(index)


def parsed(*pages: PdfPageSource | str) -> ParsedDocument:
    return parse_here(pdf(*pages), "a.pdf")


def only_table(*pages: PdfPageSource | str) -> Table:
    [found] = parsed(*pages).tables
    return found


def test_a_table_stands_in_the_text_where_it_stood_on_the_page() -> None:
    document = parsed(
        text("Prices of this spring", 72, 740) + table(ROWS) + text("All prices are those of May.", 72, 600)
    )
    [found] = document.tables
    assert found.rows == tuple(map(tuple, ROWS))
    assert found.confidence == 1
    assert document.text == (
        "Prices of this spring\n\n| Item | Amount | Price |\n| --- | --- | --- |\n| Bolts | 12 | 3.40 |\n"
        "| Nuts | 40 | 1.10 |\n\nAll prices are those of May."
    )
    assert document.text[found.start : found.end].splitlines()[0] == "| Item | Amount | Price |"


def test_a_table_knows_its_page() -> None:
    document = parsed(text("An introduction", 72, 740), table(ROWS))
    [found] = document.tables
    assert found.page == 2
    assert document.text[found.start : found.end].endswith("| Nuts | 40 | 1.10 |")


@pytest.mark.parametrize("rotate", [0, 90])
def test_a_table_written_upwards_reads_like_any_other(rotate: int) -> None:
    turned = f"q 0 1 -1 0 600 0 cm {table(ROWS, top=500)} Q"
    assert only_table(PdfPageSource(turned, rotate=rotate)).rows == tuple(map(tuple, ROWS))


def test_cells_over_several_columns_stand_in_each() -> None:
    lines = [[72, 162, 252, 342], [700, 680, 660, 640]]
    across = "".join(f"72 {y} m 342 {y} l S\n" for y in lines[1])
    down = "72 700 m 72 640 l S 342 700 m 342 640 l S 162 700 m 162 640 l S 252 680 m 252 640 l S\n"
    cells = [("Year", 80, 686), ("Millions", 240, 686), ("2025", 80, 666), ("4", 170, 666), ("5", 260, 666)]
    cells += [("2026", 80, 646), ("6", 170, 646), ("7", 260, 646)]
    found = only_table(across + down + "".join(text(*cell) for cell in cells))
    assert found.rows == (("Year", "Millions", "Millions"), ("2025", "4", "5"), ("2026", "6", "7"))
    assert found.confidence < 1


def test_open_sides_are_borders_where_the_lines_end_together() -> None:
    xs, ys = [72, 162, 252, 342], [700, 680, 660, 640]
    lines = "".join(f"72 {y} m 342 {y} l S\n" for y in ys) + "".join(f"{x} 700 m {x} 640 l S\n" for x in xs[1:-1])
    cells = "".join(
        text(cell, xs[column] + 4, ys[row] - 14, size=9)
        for row, line in enumerate(ROWS)
        for column, cell in enumerate(line)
    )
    assert only_table(lines + cells).rows == tuple(map(tuple, ROWS))


def test_bars_and_shaded_cells_are_lines_too() -> None:
    bars = "".join(f"72 {y} 270 .7 re f\n" for y in (700, 680, 660, 640))
    shades = "".join(f".9 .9 .8 rg {x} 640 90 60 re f\n0 g\n" for x in (72, 252))
    cells = "".join(
        text(cell, 76 + 90 * column, 686 - 20 * row, size=9)
        for row, line in enumerate(ROWS)
        for column, cell in enumerate(line)
    )
    assert only_table(shades + bars + cells).rows == tuple(map(tuple, ROWS))


def test_figures_that_are_ruled_every_few_rows_are_rows_of_their_own() -> None:
    figures = [["North", "1,204", "17"], ["South", "88", "3"], ["West", "940", "11"]]
    lines = grid([72, 162, 252, 342], [700, 680, 620])
    cells = "".join(
        text(cell, 76 + 90 * column, 686 - 20 * row, size=9)
        for row, line in enumerate([["Region", "Sold", "Lost"], *figures])
        for column, cell in enumerate(line)
    )
    assert only_table(lines + cells).rows == (("Region", "Sold", "Lost"), *map(tuple, figures))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(paragraph(PROSE, 76, 700) + "72 670 400 50 re S\n", id="prose in a frame"),
        pytest.param(
            "".join(paragraph(PROSE, 76, y) for y in (700, 640, 580)) + grid([72, 500], [720, 660, 600, 540]),
            id="boxes below each other",
        ),
        pytest.param(
            paragraph([one[:30] for one in PROSE], 76, 700) + paragraph([one[:30] for one in PROSE], 306, 700)
            + grid([72, 300, 540], [720, 660]),
            id="two boxes side by side",
        ),
        pytest.param(paragraph(PROSE * 4, 76, 700) + grid(range(60, 560, 20), range(500, 740, 20)), id="lines through words"),
        pytest.param(text("Squared paper", 76, 720) + grid(range(60, 560, 10), range(100, 700, 10)), id="squared paper"),
        pytest.param(
            "".join(text(cell, 76 + 90 * column, 686 - 20 * row) for row, line in enumerate(ROWS) for column, cell in enumerate(line)),
            id="a borderless table",
        ),
        pytest.param(
            "".join(text(cell, 76 + 90 * column, 686 - 20 * row) for row, line in enumerate(ROWS) for column, cell in enumerate(line))
            + "".join(f"72 {y} m 342 {y} l S\n" for y in (700, 680, 640)),
            id="a table of horizontal lines alone",
        ),
        pytest.param(table(ROWS).replace("S\n", "n\n"), id="lines that are not painted"),
        pytest.param("1 1 1 RG " + table(ROWS), id="white lines"),
    ],
)  # fmt: skip
def test_what_is_no_ruled_table_is_not_taken_for_one(content: str) -> None:
    document = parsed(content)
    assert document.tables == ()
    assert document.text


# From two characters on: a page of fewer than eight holds no table worth a look.
CELLS = st.text("abcdefghij0123456789", min_size=2, max_size=9)


@given(
    st.integers(2, 6).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=2, max_size=12)),
    st.floats(0.2, 2.5),
)  # fmt: skip
@settings(max_examples=200 if AT_CI else 20, deadline=None)
def test_every_cell_of_any_ruled_table_comes_back(rows: list[list[str]], line_width: float) -> None:
    assert only_table(f"{line_width} w " + table(rows, width=75)).rows == tuple(map(tuple, rows))


def figure(cell: str) -> int:
    return int(re.sub(r"\D", "", cell) or 0)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real data: set ASSAY_SHARED_DATA")
def test_the_columns_of_a_real_sheet_sum_to_its_totals() -> None:
    [found] = parse_here((SHARED / index.NICS_SHEET).read_bytes(), index.NICS_SHEET).tables
    _, *states, totals = found.rows
    assert len(states) == 55
    assert totals[0] == "Totals"
    for column in range(1, len(totals)):
        assert sum(figure(row[column]) for row in states) == figure(totals[column]), found.rows[0][column]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real data: set ASSAY_SHARED_DATA")
@pytest.mark.parametrize("name", [*index.RULED_TABLES, *index.WITHOUT_TABLES])
def test_the_ruled_tables_of_a_real_file_are_found_and_none_is_invented(name: str) -> None:
    document = parse_here((SHARED / name).read_bytes(), name)
    assert len(document.tables) == index.RULED_TABLES.get(name, 0)
    for one in document.tables:
        assert document.text[one.start : one.end].count("\n") == len(one.rows)
        assert one.confidence >= 0.65
