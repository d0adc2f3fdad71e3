"""The ruling lines of a PDF page: straight horizontal and vertical strokes, thin bars and the borders of filled boxes."""

import ctypes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

# Beyond this a page is a drawing or a map: a grid of paper has 18,560 lines and took pdfplumber 19 s.
_MOST_OBJECTS = 10_000
_MOST_SEGMENTS = 20_000
_MOST_NESTED_FORMS = 3
# Thinner shapes are lines drawn as bars.
_BAR_POINTS = 3.0
_STRAIGHT_POINTS = 0.5
# A fill as light as this on white paper divides nothing.
_WHITE = 250
_ENDS_POINTS = 2.0
_BAR_SEGMENTS = 5
# Smaller shapes of many segments are letters drawn as curves, arrows, markers of charts.
_ICON_POINTS = 8.0

# x and y of both ends, in points.
Segment = tuple[float, float, float, float]
Matrix = tuple[float, float, float, float, float, float]
_UNMOVED: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A straight line at `at`, from `start` to `end` (start < end), in points: y for horizontal lines, x for vertical."""

    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Rulings:
    horizontal: tuple[Ruling, ...]
    vertical: tuple[Ruling, ...]

    def may_hold_table(self) -> bool:
        """Whether there are lines enough for two rows of two cells: the cheap test before any other work."""
        rows = {round(one.at) for one in self.horizontal}
        columns = {round(one.at) for one in self.vertical}
        return len(rows) >= 2 and len(columns) >= 1 and len(rows) + len(columns) >= 4


def rulings(page: "PdfPage", quarter_turns: int = 0) -> Rulings:
    """The lines of a page, seen so that text written at `quarter_turns` times 90 degrees runs from left to right.

    Empty for a page with too many shapes to be text with tables.
    """
    horizontal: list[Ruling] = []
    vertical: list[Ruling] = []
    for count, (x0, y0, x1, y1) in enumerate(_strokes(page)):
        if count > _MOST_SEGMENTS:
            return Rulings((), ())
        if abs(x1 - x0) > _STRAIGHT_POINTS and abs(y1 - y0) > _STRAIGHT_POINTS:
            continue
        left, bottom, right, top = turned(x0, y0, x1, y1, quarter_turns)
        if top - bottom <= _STRAIGHT_POINTS and right - left > _ENDS_POINTS:
            horizontal.append(Ruling((top + bottom) / 2, left, right))
        elif right - left <= _STRAIGHT_POINTS and top - bottom > _ENDS_POINTS:
            vertical.append(Ruling((left + right) / 2, bottom, top))
    return Rulings(tuple(horizontal), tuple(vertical))


def turned(x0: float, y0: float, x1: float, y1: float, quarter_turns: int) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of a box after turning the page back by `quarter_turns` times 90 degrees."""
    for _ in range(quarter_turns % 4):
        x0, y0, x1, y1 = y0, -x0, y1, -x1
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _strokes(page: "PdfPage") -> Iterator[Segment]:
    import pypdfium2.raw as pdfium

    paths = _PathReader(pdfium)
    count = pdfium.FPDFPage_CountObjects(page.raw)
    if count > _MOST_OBJECTS:
        return
    for index in range(count):
        shape = pdfium.FPDFPage_GetObject(page.raw, index)
        kind = pdfium.FPDFPageObj_GetType(shape)
        if kind == pdfium.FPDF_PAGEOBJ_PATH:
            yield from paths.strokes(shape, _UNMOVED)
        elif kind == pdfium.FPDF_PAGEOBJ_FORM:
            yield from _strokes_of_form(pdfium, paths, shape, _UNMOVED, 1)


def _strokes_of_form(pdfium: Any, paths: "_PathReader", form: Any, outer: Matrix, depth: int) -> Iterator[Segment]:
    placed = combined(paths.matrix(form), outer)
    for index in range(min(pdfium.FPDFFormObj_CountObjects(form), _MOST_OBJECTS)):
        shape = pdfium.FPDFFormObj_GetObject(form, index)
        kind = pdfium.FPDFPageObj_GetType(shape)
        if kind == pdfium.FPDF_PAGEOBJ_PATH:
            yield from paths.strokes(shape, placed)
        elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _MOST_NESTED_FORMS:
            yield from _strokes_of_form(pdfium, paths, shape, placed, depth + 1)


def combined(inner: Matrix, outer: Matrix) -> Matrix:
    """First `inner`, then `outer`: PDF's row vectors."""
    a, b, c, d, e, f = inner
    g, h, i, j, k, m = outer
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m)


class _PathReader:
    """Reads the straight segments of visible path objects."""

    def __init__(self, pdfium: Any) -> None:
        self._pdfium = pdfium
        self._fill_mode, self._stroked = ctypes.c_int(), ctypes.c_int()
        self._x, self._y = ctypes.c_float(), ctypes.c_float()
        self._color = [ctypes.c_uint() for _ in range(4)]
        self._bounds = [ctypes.c_float() for _ in range(4)]
        self._matrix: Any = pdfium.FS_MATRIX()

    def matrix(self, shape: Any) -> Matrix:
        if not self._pdfium.FPDFPageObj_GetMatrix(shape, self._matrix):
            return _UNMOVED
        one = self._matrix
        return (one.a, one.b, one.c, one.d, one.e, one.f)

    def strokes(self, shape: Any, outer: Matrix) -> Iterable[Segment]:
        """Both ends of every line; a bar is one line along its middle."""
        pdfium = self._pdfium
        left, bottom, right, top = self._bounds
        if not pdfium.FPDFPageObj_GetBounds(shape, left, bottom, right, top):
            return ()
        width, height = right.value - left.value, top.value - bottom.value
        count = pdfium.FPDFPath_CountSegments(shape)
        if max(width, height) < (_ENDS_POINTS if count <= _BAR_SEGMENTS else _ICON_POINTS) or not self._is_seen(shape):
            return ()
        if min(width, height) <= _BAR_POINTS and count <= _BAR_SEGMENTS:
            middle_x, middle_y = (left.value + right.value) / 2, (bottom.value + top.value) / 2
            if width >= height:
                return (_moved((left.value, middle_y, right.value, middle_y), outer),)
            return (_moved((middle_x, bottom.value, middle_x, top.value), outer),)
        return self._segments(shape, min(count, _MOST_SEGMENTS), combined(self.matrix(shape), outer))

    def _is_seen(self, shape: Any) -> bool:
        """Whether a shape is painted in a colour that shows on white paper; one that cannot be told (a pattern) does."""
        pdfium = self._pdfium
        if not pdfium.FPDFPath_GetDrawMode(shape, self._fill_mode, self._stroked):
            return False
        for is_used, get_color in (
            (self._stroked.value, pdfium.FPDFPageObj_GetStrokeColor),
            (self._fill_mode.value, pdfium.FPDFPageObj_GetFillColor),
        ):
            if is_used:
                red, green, blue, opacity = self._color
                if not get_color(shape, red, green, blue, opacity):
                    return True
                if opacity.value and min(red.value, green.value, blue.value) < _WHITE:
                    return True
        return False

    def _segments(self, shape: Any, count: int, placed: Matrix) -> Iterator[Segment]:
        pdfium = self._pdfium
        get_segment, get_point, get_type, get_close = (
            pdfium.FPDFPath_GetPathSegment,
            pdfium.FPDFPathSegment_GetPoint,
            pdfium.FPDFPathSegment_GetType,
            pdfium.FPDFPathSegment_GetClose,
        )
        x, y = self._x, self._y
        a, b, c, d, e, f = placed
        here = begin = (0.0, 0.0)
        for index in range(count):
            segment = get_segment(shape, index)
            get_point(segment, x, y)
            point = (a * x.value + c * y.value + e, b * x.value + d * y.value + f)
            kind = get_type(segment)
            if kind == pdfium.FPDF_SEGMENT_MOVETO:
                begin = point
            elif kind == pdfium.FPDF_SEGMENT_LINETO:
                yield (*here, *point)
            here = point
            if get_close(segment) and here != begin:
                yield (*here, *begin)
                here = begin


def _moved(segment: Segment, placed: Matrix) -> Segment:
    x0, y0, x1, y1 = segment
    a, b, c, d, e, f = placed
    return (a * x0 + c * y0 + e, b * x0 + d * y0 + f, a * x1 + c * y1 + e, b * x1 + d * y1 + f)


def joined(lines: Iterable[Ruling], *, snap_points: float) -> list[Ruling]:
    """Lines at nearly one place put on it, and those of them that touch or overlap made one."""
    groups: list[list[Ruling]] = []
    for line in sorted(lines, key=lambda line: line.at):
        if groups and line.at - groups[-1][-1].at <= snap_points and line.at - groups[-1][0].at <= 2 * snap_points:
            groups[-1].append(line)
        else:
            groups.append([line])
    result: list[Ruling] = []
    for group in groups:
        at = sum(line.at for line in group) / len(group)
        start, end = 0.0, float("-inf")
        for line in sorted(group, key=lambda line: line.start):
            if line.start > end + snap_points:
                if end > start:
                    result.append(Ruling(at, start, end))
                start, end = line.start, line.end
            end = max(end, line.end)
        if end > start:
            result.append(Ruling(at, start, end))
    return result
