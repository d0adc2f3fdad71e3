"""Tables of an HTML page: which hold data, and what stands in their cells."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from assay.documents.parsing.html_boilerplate import is_never_text
from assay.documents.parsing.html_tree import attribute, walk
from assay.documents.parsing.parsed import normalize_text
from assay.documents.parsing.pipe_tables import Cell, spread, table_rows

if TYPE_CHECKING:
    from resiliparse.parse.html import ElementNode, Node

_LAYOUT = frozenset({"table", "pre", "h1", "h2", "h3", "h4", "h5", "h6"})
_MAX_SPAN = 1000  # as in the HTML standard for columns


@dataclass(frozen=True, slots=True)
class DataTable:
    """`rows` have one width, and the first is the head."""

    caption: str
    rows: tuple[tuple[str, ...], ...]


def data_table(table: "Node", cell_text: Callable[["Node"], str]) -> DataTable | None:
    """The rows of a table of data; a cell over several places is in each.

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
    return DataTable(" ".join(captions), table_rows(spread(filled))) if filled else None


def _cell(node: "Node", cell_text: Callable[["Node"], str]) -> Cell:
    # Most cells hold words alone, and a writer for each of 200,000 cells costs seconds.
    is_plain = cast("ElementNode", node).first_element_child is None
    text = " ".join(((node.text or "") if is_plain else cell_text(node)).split())
    return Cell(normalize_text(text), _span(node, "colspan"), _span(node, "rowspan"))


def _span(cell: "Node", name: str) -> int:
    declared = attribute(cell, name)
    return max(1, min(int(declared), _MAX_SPAN)) if declared.isdecimal() and len(declared) < 6 else 1
