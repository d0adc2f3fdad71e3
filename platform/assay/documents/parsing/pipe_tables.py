"""Tables as Markdown pipe tables: the one place that knows how a row is written, whatever format it came from."""

from collections.abc import Sequence
from dataclasses import dataclass

# Above this the cells that reach over several places are not written out: a span is a few bytes and may ask for 65
# million of them.
MAX_SPREAD_CELLS = 100_000
# Half a million cells are some 25,000 chunks; more is a data set and belongs in a table of the lake.
MAX_TABLE_CELLS = 500_000


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that may reach over several columns and rows. Its text may hold line ends and pipes."""

    text: str
    columns: int = 1
    rows: int = 1


def table_rows(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Rows of one width, each cell on one line; cells that a row lacks at its end are empty."""
    width = max(map(len, rows), default=0)
    return tuple((*(" ".join(cell.split()) for cell in row), *[""] * (width - len(row))) for row in rows)


def pipe_table(rows: Sequence[Sequence[str]]) -> str:
    """The Markdown of `table_rows`, the first of which is the head. A pipe in a cell is escaped."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)


def spread(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """The texts of a grid in which a cell over several places stands in each of them."""
    places = sum(cell.columns * min(cell.rows, len(rows)) for row in rows for cell in row)
    if places > MAX_SPREAD_CELLS:
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
