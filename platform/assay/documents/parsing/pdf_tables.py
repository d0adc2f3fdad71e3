"""Tables of a PDF page that are drawn with ruling lines: their grids filled with the page's characters and judged.

pdfplumber finds such grids in 14 times the CPU time, and takes frames, forms and charts for tables too. Borderless
tables are never claimed.
"""

import ctypes
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assay.documents.parsing.pdf_grids import Grid, GridCell, grids
from assay.documents.parsing.pdf_lines import LEADER, cleaned
from assay.documents.parsing.pdf_rulings import rulings, turned

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

# A page with fewer characters holds no table worth a look.
_LEAST_CHARACTERS = 8
# What a grid must be to be a table and not a form, a frame, a chart or a drawing.
_LEAST_FILLED_SHARE = 0.4
_LEAST_ROWS_OF_TWO_SHARE = 0.6
_MOST_DIVIDED_WORDS_SHARE = 0.04
_LEAST_CONFIDENCE = 0.65
_PROSE_CHARACTERS = 300
_MOST_PROSE_SHARE = 0.5
# A smaller grid with cells over several places is a drawing: bars upon each other, boxes that touch.
_LEAST_SPANNED_CELLS = 6
# Baselines this near are one line, exponents and indices included.
_SAME_BASELINE_POINTS = 4.5
_ALIGNED_CELLS_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class FoundTable:
    """`rows` of one width, `confidence` from 0 to 1; `characters` are the indices of those that are its text."""

    rows: tuple[tuple[str, ...], ...]
    confidence: float
    characters: frozenset[int]


@dataclass(slots=True)
class _Piece:
    """A line of a cell: its characters' indices and where it stands."""

    baseline: float
    indices: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class _Filled:
    """A cell of a grid with its lines from top to bottom."""

    cell: GridCell
    pieces: list[_Piece] = field(default_factory=list[_Piece])
    text: str = ""


def find_tables(page: "PdfPage", text_page: "PdfTextPage", text: str, quarter_turns: int) -> list[FoundTable]:
    """The tables of a page whose `text` has one character for each of pdfium's, largest first, none inside another."""
    if len(text) < _LEAST_CHARACTERS:
        return []
    lines = rulings(page, quarter_turns)
    if not lines.may_hold_table() or not (candidates := grids(lines)):
        return []
    places = _Places(text_page, text, quarter_turns)
    found: list[FoundTable] = []
    taken: set[int] = set()
    for grid in candidates:
        table = _table(grid, places, taken)
        if table is not None:
            found.append(table)
            taken |= table.characters
    return found


class _Places:
    """Where the visible characters of a page stand, as one sees it with its text upright."""

    def __init__(self, text_page: "PdfTextPage", text: str, quarter_turns: int) -> None:
        import pypdfium2.raw as pdfium

        self.text = text
        self._raw: Any = text_page.raw
        self._pdfium: Any = pdfium
        self._turns = quarter_turns
        self.centres: list[tuple[int, float, float]] = []
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        for index, character in enumerate(text):
            if character.isspace() or not pdfium.FPDFText_GetCharBox(self._raw, index, left, right, bottom, top):
                continue
            x, y = (left.value + right.value) / 2, (bottom.value + top.value) / 2
            if quarter_turns:
                x, y, *_ = turned(x, y, x, y, quarter_turns)
            self.centres.append((index, x, y))

    def baseline(self, index: int) -> float:
        x, y = ctypes.c_double(), ctypes.c_double()
        self._pdfium.FPDFText_GetCharOrigin(self._raw, index, x, y)
        return turned(x.value, y.value, x.value, y.value, self._turns)[1]


def _table(grid: Grid, places: _Places, taken: set[int]) -> FoundTable | None:
    owners = _owners(grid, places, taken)
    if _divided_words_share(owners, places.text) > _MOST_DIVIDED_WORDS_SHARE:
        return None
    filled = _filled(grid, owners, places)
    body = _without_captions(grid, filled)
    if body is None or not _is_table(grid, body):
        return None
    rows = _rows(grid, body, places.text)
    cells = [cell for row in rows for cell in row]
    if len(rows) < 2 or len(rows[0]) < 2:
        return None
    regular = sum(_is_single(one.cell) for one in body) / max(1, len(body))
    filled_share = sum(map(bool, cells)) / len(cells)
    indices = frozenset(index for one in body for piece in one.pieces for index in piece.indices)
    confidence = (1 + regular) / 2 * (0.5 + filled_share / 2)
    return FoundTable(rows, round(confidence, 3), indices) if confidence >= _LEAST_CONFIDENCE else None


def _owners(grid: Grid, places: _Places, taken: set[int]) -> dict[int, int]:
    """Character index -> number of the cell that it stands in."""
    columns = len(grid.xs) - 1
    cell_at = [0] * (columns * (len(grid.ys) - 1))
    for number, cell in enumerate(grid.cells):
        for row in range(cell.row, cell.row_end):
            for column in range(cell.column, cell.column_end):
                cell_at[row * columns + column] = number
    falling = [-y for y in grid.ys]
    owners: dict[int, int] = {}
    for index, x, y in places.centres:
        if grid.xs[0] <= x <= grid.xs[-1] and grid.ys[-1] <= y <= grid.ys[0] and index not in taken:
            row = max(0, bisect_left(falling, -y) - 1)
            column = max(0, bisect_left(grid.xs, x) - 1)
            owners[index] = cell_at[row * columns + column]
    return owners


def _divided_words_share(owners: dict[int, int], text: str) -> float:
    """The share of words that reach over the border of a cell: letters are inside of cells, lines of drawings cross them."""
    words = divided = 0
    for index, cell in owners.items():
        before = owners.get(index - 1)
        words += before is None
        divided += before is not None and before != cell and text[index].isalpha() and text[index - 1].isalpha()
    return divided / max(1, words)


def _filled(grid: Grid, owners: dict[int, int], places: _Places) -> list[_Filled]:
    cells = [_Filled(cell) for cell in grid.cells]
    for index in sorted(owners):
        one = cells[owners[index]]
        last = one.pieces[-1].indices[-1] if one.pieces else -1
        gap = places.text[last + 1 : index]
        if one.pieces and ("\n" not in gap and "\r" not in gap):
            one.pieces[-1].indices.append(index)
            continue
        baseline = places.baseline(index)
        if one.pieces and abs(one.pieces[-1].baseline - baseline) <= _SAME_BASELINE_POINTS:
            one.pieces[-1].indices.append(index)
        else:
            one.pieces.append(_Piece(baseline, [index]))
    for one in cells:
        one.pieces.sort(key=lambda piece: -piece.baseline)
        one.text = " ".join(_text(piece, places.text) for piece in one.pieces)
    return cells


def _text(piece: _Piece, text: str) -> str:
    parts: list[str] = []
    for before, index in zip([-1, *piece.indices], piece.indices, strict=False):
        if before >= 0 and index > before + 1:
            parts.append(" ")
        parts.append(text[index])
    return cleaned("".join(parts)).removesuffix(LEADER.rstrip())


def _without_captions(grid: Grid, filled: Sequence[_Filled]) -> list[_Filled] | None:
    """The cells between the rows of one cell at top and bottom: titles and notes, which stay text."""
    width = len(grid.xs) - 1
    whole = {row for one in filled if one.cell.column == 0 and one.cell.column_end == width
             for row in range(one.cell.row, one.cell.row_end)}  # fmt: skip
    rows = [row for row in range(len(grid.ys) - 1) if row not in whole]
    if not rows:
        return None
    return [one for one in filled if rows[0] <= one.cell.row and one.cell.row_end <= rows[-1] + 1]


def _is_table(grid: Grid, body: Sequence[_Filled]) -> bool:
    texts = [one.text for one in body]
    characters = sum(map(len, texts))
    # A cell of signs that no font explains (arrows, ticks) is filled, though its text is empty.
    if not characters or sum(bool(one.pieces) for one in body) < _LEAST_FILLED_SHARE * len(body):
        return False
    if sum(len(text) for text in texts if len(text) > _PROSE_CHARACTERS) > _MOST_PROSE_SHARE * characters:
        return False
    by_row: dict[int, int] = {}
    for one in body:
        for row in range(one.cell.row, one.cell.row_end):
            by_row[row] = by_row.get(row, 0) + bool(one.pieces)
    if len(body) < _LEAST_SPANNED_CELLS and not all(_is_single(one.cell) for one in body):
        return False
    used = [count for count in by_row.values() if count]
    return len(used) >= 2 and sum(count >= 2 for count in used) >= _LEAST_ROWS_OF_TWO_SHARE * len(used)


def _is_single(cell: GridCell) -> bool:
    return cell.row_end - cell.row == 1 == cell.column_end - cell.column


def _rows(grid: Grid, body: Sequence[_Filled], text: str) -> tuple[tuple[str, ...], ...]:
    """The table's rows without empty rows and columns; a cell over several places stands in each, over all in the first."""
    width = len(grid.xs) - 1
    first = min(one.cell.row for one in body)
    count = max(one.cell.row_end for one in body) - first
    lines = [[""] * width for _ in range(count)]
    for one in body:
        is_whole = one.cell.column_end - one.cell.column == width
        for row in range(one.cell.row, one.cell.row_end):
            for column in range(one.cell.column, one.cell.column + 1 if is_whole else one.cell.column_end):
                lines[row - first][column] = one.text
    result: list[list[str]] = []
    for row, line in enumerate(lines, start=first):
        result += _ruled_apart([one for one in body if one.cell.row == row], width, text) or [line]
    used = [column for column in range(width) if any(line[column] for line in result)]
    return tuple(tuple(line[column] for column in used) for line in result if any(line))


def _ruled_apart(row: Sequence[_Filled], width: int, text: str) -> list[list[str]] | None:
    """The rows of a band in which figures stand line by line in every column: lines are ruled every few rows only."""
    cells = [one for one in row if one.pieces]
    if len(cells) < 3 or any(one.cell.row_end - one.cell.row > 1 for one in row):
        return None
    shared: list[tuple[float, int]] = []
    for baseline in sorted((piece.baseline for one in cells for piece in one.pieces), reverse=True):
        if shared and shared[-1][0] - baseline <= _SAME_BASELINE_POINTS:
            shared[-1] = (shared[-1][0], shared[-1][1] + 1)
        else:
            shared.append((baseline, 1))
    tops = [baseline for baseline, count in shared if count >= _ALIGNED_CELLS_SHARE * len(cells)]
    figures = sum(any(text[index].isdigit() for index in piece.indices) for one in cells for piece in one.pieces)
    pieces = sum(len(one.pieces) for one in cells)
    if len(tops) < 2 or tops[0] != shared[0][0] or 2 * figures <= pieces:
        return None
    lines = [[""] * width for _ in tops]
    for one in cells:
        for piece in one.pieces:
            # A line between two that all cells share is the rest of a cell of the upper one.
            row_number = sum(top >= piece.baseline - _SAME_BASELINE_POINTS for top in tops) - 1
            place = lines[row_number][one.cell.column]
            lines[row_number][one.cell.column] = f"{place} {_text(piece, text)}".strip()
    return lines
