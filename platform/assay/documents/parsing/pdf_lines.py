"""The text of a PDF page as lines, each with its place, size and direction, in the order in which pdfium reads."""

import ctypes
import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypdfium2 import PdfTextPage

# pdfium ends a line that it has joined to the next one at a hyphen with this instead of hyphen and line end.
_HYPHEN = "\ufffe"
_LINE_END = re.compile(r"[\r\n]+")
_LIGATURES = {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb06": "st"}
# Characters that are no text: controls, soft hyphens, non-characters, zero-width marks that split words for a search.
_CLEANING = str.maketrans(
    {**dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160), 0xAD, 0x200B, 0xFEFF, 0xFFFF]), **_LIGATURES}
)
# A hyphen before a digit or a capital belongs to the word, as in `COVID-19`; before a small letter it divides one.
_DIVIDING_HYPHEN = re.compile(_HYPHEN + r"(?=[^\W\d_])(?![A-Z])")
# The dots of tables of contents would be half of their tokens.
_LEADER = re.compile(r"(?:\s?[.·_…]){6,}\s*")
LEADER = " ... "
_FONT_NAME_BYTES = 128
_BOLD = re.compile(rb"bold|black|heavy|(?:cm|sf|ec)bx|[,-]b(?:d|x)?\b", re.I)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text. Places are in points along and across its own direction, so that turned text reads like any other.

    `first_baseline` and `last_baseline` differ where pdfium joined two lines at a hyphen; both grow upwards.
    `direction_degrees` is that of the writing, 0 for left to right. `left` and `right` count along the writing. `size`
    is that of its middle, for lines may begin with bullets and footnote marks; `is_bold` that of both ends.
    """

    text: str
    left: float
    right: float
    first_baseline: float
    last_baseline: float
    size: float
    direction_degrees: int
    is_bold: bool


@dataclass(frozen=True, slots=True)
class LineRange:
    """The characters `start:end` of a text page, without their line end."""

    start: int
    end: int


def characters(text_page: "PdfTextPage") -> str:
    """The characters of a page, one for each of pdfium's, so that an index counts in both."""
    import pypdfium2.raw as pdfium

    count = text_page.count_chars()
    if not count:
        return ""
    buffer = (ctypes.c_ushort * (count + 1))()
    written = pdfium.FPDFText_GetText(text_page.raw, 0, count, buffer)
    text = bytes(buffer)[: 2 * max(0, written - 1)].decode("utf-16-le", "replace")
    if len(text) == count:
        return text
    # Where pdfium leaves characters out of a text (those beyond UCS-2 are), its indices are its own.
    codes = (pdfium.FPDFText_GetUnicode(text_page.raw, index) for index in range(count))
    return "".join("\ufffd" if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF else chr(code) for code in codes)


def line_ranges(text: str) -> Iterator[LineRange]:
    start = 0
    for end in _LINE_END.finditer(text):
        yield LineRange(start, end.start())
        start = end.end()
    yield LineRange(start, len(text))


def unclaimed(line: LineRange, claimed: Collection[int]) -> Iterator[LineRange]:
    """The parts of a line that no table has taken."""
    start = line.start
    for index in range(line.start, line.end):
        if index in claimed:
            if start < index:
                yield LineRange(start, index)
            start = index + 1
    if start < line.end:
        yield LineRange(start, line.end)


def cleaned(text: str) -> str:
    """Readable text: words that were divided at a line end whole again, ligatures as letters, no controls."""
    whole = _DIVIDING_HYPHEN.sub("", text).replace(_HYPHEN, "-").translate(_CLEANING)
    return " ".join(_LEADER.sub(LEADER, whole).split())


class LineReader:
    """Measures the lines of one text page. `bounds` is what of the page is shown: left, bottom, right, top."""

    def __init__(self, text_page: "PdfTextPage", text: str, bounds: tuple[float, float, float, float]) -> None:
        import pypdfium2.raw as pdfium

        self._raw: Any = text_page.raw
        self._pdfium: Any = pdfium
        self._text = text
        self._bounds = bounds
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._matrix: Any = pdfium.FS_MATRIX()
        self._font_name = ctypes.create_string_buffer(_FONT_NAME_BYTES)

    def read(self, place: LineRange) -> Line | None:
        """The line at a place; None when nothing of it can be seen or read."""
        raw = self._text[place.start : place.end]
        text = cleaned(raw)
        if not text:
            return None
        first = place.start + len(raw) - len(raw.lstrip())
        last = place.start + len(raw.rstrip()) - 1
        x, y = self._origin(first)
        left, bottom, right, top = self._bounds
        if not (left <= x <= right and bottom <= y <= top):
            return None
        middle = next(index for index in range((first + last) // 2, last + 1) if not self._text[index].isspace())
        size, angle = self._size_and_angle(middle)
        last_x, last_y = self._origin(last)
        cosine, sine = math.cos(angle), math.sin(angle)
        return Line(
            text=text,
            left=x * cosine + y * sine,
            right=last_x * cosine + last_y * sine + size / 2,
            first_baseline=y * cosine - x * sine,
            last_baseline=last_y * cosine - last_x * sine,
            size=size,
            direction_degrees=round(math.degrees(angle)) % 360,
            is_bold=self._is_bold(first) and self._is_bold(last),
        )

    def _origin(self, index: int) -> tuple[float, float]:
        self._pdfium.FPDFText_GetCharOrigin(self._raw, index, self._x, self._y)
        return self._x.value, self._y.value

    def _is_bold(self, index: int) -> bool:
        """By the font's name: the weight that pdfium computes is a guess from the width of stems."""
        size: int = self._pdfium.FPDFText_GetFontInfo(self._raw, index, self._font_name, len(self._font_name), None)
        return _BOLD.search(self._font_name.raw[: max(0, size)]) is not None

    def _size_and_angle(self, index: int) -> tuple[float, float]:
        """Font size in points of the page, and the direction of the writing in radians."""
        size: float = self._pdfium.FPDFText_GetFontSize(self._raw, index)
        if not self._pdfium.FPDFText_GetMatrix(self._raw, index, self._matrix):
            return abs(size) or 1.0, 0.0
        matrix = self._matrix
        return abs(size) * math.hypot(matrix.c, matrix.d) or 1.0, math.atan2(matrix.b, matrix.a)
