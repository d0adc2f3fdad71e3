"""Grids of cells that ruling lines make: plain geometry, without text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assay.documents.parsing.pdf_rulings import Ruling, Rulings, joined

# Lines this near are one line, and ends this near meet.
_SNAP_POINTS = 2.5
# Cells narrower or lower than a letter hold no text: the two edges of a thick line, double lines.
_LEAST_CELL_POINTS = 3.5
# Grids with more lines one way are graph paper, and their cells would be counted in millions.
_MOST_LINES = 400


@dataclass(frozen=True, slots=True)
class GridCell:
    """A cell over the places `row:row_end`, `column:column_end` of its grid."""

    row: int
    row_end: int
    column: int
    column_end: int


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid of rows from top to bottom: `ys` falling, `xs` rising, in points; every place belongs to one cell."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    cells: tuple[GridCell, ...]

    @property
    def area(self) -> float:
        return (self.xs[-1] - self.xs[0]) * (self.ys[0] - self.ys[-1])


def grids(lines: Rulings) -> list[Grid]:
    """Every set of lines that cross or meet each other, as a grid; the largest first."""
    horizontal = joined(lines.horizontal, snap_points=_SNAP_POINTS)
    vertical = joined(lines.vertical, snap_points=_SNAP_POINTS)
    if len(horizontal) > 4 * _MOST_LINES or len(vertical) > 4 * _MOST_LINES:
        return []
    found = [_grid(rows, columns) for rows, columns in _connected(horizontal, vertical)]
    return sorted((grid for grid in found if grid is not None), key=lambda grid: -grid.area)


def _connected(horizontal: Sequence[Ruling], vertical: Sequence[Ruling]) -> Iterable[tuple[list[Ruling], list[Ruling]]]:
    parents = list(range(len(horizontal) + len(vertical)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    for row, across in enumerate(horizontal):
        for column, down in enumerate(vertical, start=len(horizontal)):
            if _covers(across, down.at) and _covers(down, across.at):
                parents[root(row)] = root(column)
    groups: dict[int, tuple[list[Ruling], list[Ruling]]] = {}
    for index in range(len(parents)):
        rows, columns = groups.setdefault(root(index), ([], []))
        if index < len(horizontal):
            rows.append(horizontal[index])
        else:
            columns.append(vertical[index - len(horizontal)])
    return groups.values()


def _covers(line: Ruling, place: float) -> bool:
    return line.start - _SNAP_POINTS <= place <= line.end + _SNAP_POINTS


def _grid(horizontal: list[Ruling], vertical: list[Ruling]) -> Grid | None:
    if not horizontal or not vertical:
        return None
    horizontal, vertical = _with_open_sides(horizontal, vertical)
    ys = _places(line.at for line in horizontal)[::-1]
    xs = _places(line.at for line in vertical)
    if not (2 < len(xs) <= _MOST_LINES and 2 < len(ys) <= _MOST_LINES):
        return None
    return Grid(tuple(xs), tuple(ys), _cells(xs, ys, horizontal, vertical))


def _with_open_sides(horizontal: list[Ruling], vertical: list[Ruling]) -> tuple[list[Ruling], list[Ruling]]:
    """Borders where two or more lines end at one place beyond the last line: tables are often open at their sides."""
    left, right = min(line.at for line in vertical), max(line.at for line in vertical)
    bottom, top = min(line.at for line in horizontal), max(line.at for line in horizontal)
    columns = [
        *_border((line.start for line in horizontal if line.start < left - 2 * _SNAP_POINTS), bottom, top),
        *_border((line.end for line in horizontal if line.end > right + 2 * _SNAP_POINTS), bottom, top),
    ]
    rows = [
        *_border((line.start for line in vertical if line.start < bottom - 2 * _SNAP_POINTS), left, right),
        *_border((line.end for line in vertical if line.end > top + 2 * _SNAP_POINTS), left, right),
    ]
    if columns:
        left, right = min(left, *(line.at for line in columns)), max(right, *(line.at for line in columns))
        rows = [Ruling(row.at, left, right) for row in rows]
    return [*horizontal, *rows], [*vertical, *columns]


def _border(ends: Iterable[float], start: float, end: float) -> list[Ruling]:
    places = list(ends)
    if len(places) < 2 or max(places) - min(places) > 2 * _SNAP_POINTS:
        return []
    return [Ruling(sum(places) / len(places), start, end)]


def _places(values: Iterable[float]) -> list[float]:
    places: list[float] = []
    for value in sorted(values):
        if not places or value - places[-1] > _LEAST_CELL_POINTS:
            places.append(value)
    return places


def _cells(
    xs: Sequence[float], ys: Sequence[float], horizontal: Sequence[Ruling], vertical: Sequence[Ruling]
) -> tuple[GridCell, ...]:
    """Places that no line divides are one cell. One that is not a rectangle is given place by place."""
    rows, columns = len(ys) - 1, len(xs) - 1
    parents = list(range(rows * columns))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    down = _by_place(vertical, xs)
    across = _by_place(horizontal, ys)
    for row in range(rows):
        for column in range(columns):
            middle_x, middle_y = (xs[column] + xs[column + 1]) / 2, (ys[row] + ys[row + 1]) / 2
            place = row * columns + column
            if column + 1 < columns and not any(_covers(line, middle_y) for line in down[column + 1]):
                parents[root(place)] = root(place + 1)
            if row + 1 < rows and not any(_covers(line, middle_x) for line in across[row + 1]):
                parents[root(place)] = root(place + columns)
    members: dict[int, list[int]] = {}
    for place in range(rows * columns):
        members.setdefault(root(place), []).append(place)
    cells: list[GridCell] = []
    for places in members.values():
        top, bottom = places[0] // columns, places[-1] // columns + 1
        left, right = min(place % columns for place in places), max(place % columns for place in places) + 1
        if len(places) == (bottom - top) * (right - left):
            cells.append(GridCell(top, bottom, left, right))
        else:
            cells += [
                GridCell(place // columns, place // columns + 1, place % columns, place % columns + 1)
                for place in places
            ]
    return tuple(sorted(cells, key=lambda cell: (cell.row, cell.column)))


def _by_place(lines: Sequence[Ruling], places: Sequence[float]) -> list[list[Ruling]]:
    """The lines at each place, those within a cell's least size of it included."""
    return [[line for line in lines if abs(line.at - place) <= _LEAST_CELL_POINTS] for place in places]
