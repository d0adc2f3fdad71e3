"""Tables of an HTML page: which hold data, and what stands in their cells."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from assay.documents.parsing.html_boilerplate import is_never_text
from assay.documents.parsing.html_tree import attribute, walk

if TYPE_CHECKING:
    from resiliparse.parse.html import ElementNode, Node

_LAYOUT = frozenset({"table", "pre", "h1", "h2", "h3", "h4", "h5", "h6"})
# Above this a table's spans are not written out: `colspan` and `rowspan` are a few bytes and may ask for 65 million.
_MAX_TABLE_CELLS = 100_000
_MAX_SPAN = 1000  # as in the HTML standard for columns


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class DataTable:
    caption: str
    markdown: str


def data_table(table: "Node", cell_text: Callable[["Node"], str]) -> DataTable | None:
    """A table of data as a Markdown pipe table whose first row is its head; a cell over several places is in each.

    None for a table that lays out a page: one that holds another, a heading or code, or has a single column.
    """
    if attribute(table, "role") in ("presentation", "none"):
        return None
    rows: list[list[Node]] = []
    captions: list[str] = []
    is_layout = False

    def enter(node: "Node", tag: str) -> bool:
        nonlocal is_layout
        is_layout = is_layout or tag in _LAYOUT
        if is_layout:
            return False
        if tag == "tr":
            rows.append([])
        elif tag in ("td", "th"):
            if not rows:
                rows.append([])
            rows[-1].append(node)
        elif tag == "caption":
            captions.append(" ".join((node.text or "").split()))
            return False
        return not is_never_text(tag)

    walk(table, enter)
    if is_layout or max(map(len, rows), default=0) < 2:
        return None
    filled = [[_cell(node, cell_text) for node in row] for row in rows]
    filled = [row for row in filled if any(cell.text for cell in row)]
    return DataTable(" ".join(captions), _pipe_table(filled)) if filled else None


def _cell(node: "Node", cell_text: Callable[["Node"], str]) -> _Cell:
    # Most cells hold words alone, and a writer for each of 200,000 cells costs seconds.
    is_plain = cast("ElementNode", node).first_element_child is None
    text = " ".join(((node.text or "") if is_plain else cell_text(node)).split()).replace("|", "\\|")
    return _Cell(text, _span(node, "colspan"), _span(node, "rowspan"))


def _span(cell: "Node", name: str) -> int:
    declared = attribute(cell, name)
    return max(1, min(int(declared), _MAX_SPAN)) if declared.isdecimal() and len(declared) < 6 else 1


def _pipe_table(rows: list[list[_Cell]]) -> str:
    grid = _spread(rows)
    width = max(map(len, grid))
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in grid]
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join(lines)


def _spread(rows: list[list[_Cell]]) -> list[list[str]]:
    places = sum(cell.columns * min(cell.rows, len(rows)) for row in rows for cell in row)
    if places > _MAX_TABLE_CELLS:
        return [[cell.text for cell in row] for row in rows]
    grid: list[list[str]] = []
    # Column -> (rows still to fill, text) of the cells that reach down from above.
    reaching: dict[int, tuple[int, str]] = {}
    for row in rows:
        line: list[str] = []
        cells = iter(row)
        next_cell = next(cells, None)
        while next_cell is not None or len(line) in reaching:
            column = len(line)
            if column in reaching:
                left, text = reaching.pop(column)
                if left > 1:
                    reaching[column] = (left - 1, text)
                line.append(text)
            elif next_cell is not None:
                for offset in range(next_cell.columns):
                    line.append(next_cell.text)
                    if next_cell.rows > 1:
                        reaching[column + offset] = (next_cell.rows - 1, next_cell.text)
                next_cell = next(cells, None)
        grid.append(line)
    return grid
