"""The cells of an Excel sheet as texts: shared strings, dates and percentages as a reader sees them."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from assay.documents.parsing.office_package import OfficePackage, XmlElement, whole_number
from assay.documents.parsing.pipe_tables import MAX_SPREAD_CELLS, MAX_TABLE_CELLS
from assay.errors import DocumentRejected

S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")
_FLOAT = re.compile(r"-?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][+-]?[0-9]{1,3})?")
_TRUE = ("1", "true")
# What cannot be a date: before 1900 and after 9999 the number itself is shown.
_NO_DATE = (OverflowError, ValueError)

Grid = dict[int, dict[int, str]]


@dataclass(slots=True)
class CellReader:
    """Reads the sheets of one workbook, all of them together within MAX_TABLE_CELLS. Rows and columns are from 1."""

    strings: list[str]
    # Per cell style: the code of its number format.
    formats: list[str]
    epoch: dt.datetime
    cells: int = 0
    merged: int = 0

    @classmethod
    def of(cls, package: OfficePackage, main: str) -> "CellReader":
        from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

        strings = [_text(item) for part in package.related("sharedStrings", main) for item in package.root(part)]
        formats = [code for part in package.related("styles", main) for code in _formats(package.root(part))]
        properties = package.root(main).find(f"{S}workbookPr")
        is_mac = properties is not None and properties.get("date1904") in _TRUE
        return cls(strings, formats, MAC_EPOCH if is_mac else WINDOWS_EPOCH)

    def grid(self, sheet: XmlElement) -> Grid:
        """Row -> column -> text, without the empty ones; a merged cell stands in all its places in those rows.

        Raises DocumentRejected("too_large").
        """
        grid: Grid = {}
        number = 0
        for row in sheet.findall(f"{S}sheetData/{S}row"):
            number = whole_number(row.get("r"), number + 1)
            column = 0
            for cell in row:
                place = _REFERENCE.fullmatch(cell.get("r") or "")
                column = _column(place[1]) if place else column + 1
                if text := self._value(cell):
                    grid.setdefault(number, {})[column] = text
                    self.cells += 1
            if self.cells > MAX_TABLE_CELLS:
                raise DocumentRejected("too_large", f"The workbook has more than {MAX_TABLE_CELLS:,} cells.")
        for merge in sheet.findall(f"{S}mergeCells/{S}mergeCell"):
            self._spread(grid, merge.get("ref") or "")
        return grid

    def _spread(self, grid: Grid, reference: str) -> None:
        first, _, last = reference.partition(":")
        start, end = _REFERENCE.fullmatch(first), _REFERENCE.fullmatch(last)
        if start is None or end is None:
            return
        top, left, bottom, right = int(start[2]), _column(start[1]), int(end[2]), _column(end[1])
        text = grid.get(top, {}).get(left)
        # Of a merge as high as the sheet only the rows with something in them matter.
        rows = range(top, bottom + 1) if bottom - top < len(grid) else [row for row in grid if top <= row <= bottom]
        self.merged += len(rows) * max(0, right - left + 1)
        if text is None or self.merged > MAX_SPREAD_CELLS:
            return
        for row in rows:
            if row in grid:
                grid[row] |= dict.fromkeys(range(left, right + 1), text)

    def _value(self, cell: XmlElement) -> str:
        kind = cell.get("t") or "n"
        if kind == "inlineStr":
            inline = cell.find(f"{S}is")
            return "" if inline is None else _text(inline)
        value = cell.find(f"{S}v")
        raw = "" if value is None else (value.text or "").strip()
        if kind == "s":
            index = whole_number(raw, len(self.strings))
            if index >= len(self.strings):
                raise DocumentRejected("corrupt", f"A cell points to shared string {raw[:20]}, which is not there.")
            return self.strings[index]
        if kind == "b":
            return "TRUE" if raw in _TRUE else "FALSE"
        if kind != "n" or not _FLOAT.fullmatch(raw):
            return raw
        style = whole_number(cell.get("s"), 0)
        return self._number(raw, self.formats[style] if style < len(self.formats) else "General")

    def _number(self, raw: str, code: str) -> str:
        from openpyxl.styles.numbers import is_date_format, is_timedelta_format
        from openpyxl.utils.datetime import from_excel

        if is_date_format(code):
            try:
                return _moment(from_excel(float(raw), self.epoch, timedelta=is_timedelta_format(code)))
            except _NO_DATE:
                return raw
        if "%" in code:
            return f"{float(raw) * 100:.15g}%"
        # Excel computes with 15 digits and stores 17.
        return raw if raw.lstrip("-").isdecimal() else f"{float(raw):.15g}"


def _moment(value: object) -> str:
    if isinstance(value, dt.datetime):
        value = value.replace(microsecond=0)
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    return value.replace(microsecond=0).isoformat() if isinstance(value, dt.time) else str(value)


def _text(item: XmlElement) -> str:
    """The text of a string with its formatted runs, without phonetic readings."""
    runs = [item, *item.findall(f"{S}r")]
    return "".join(text.text or "" for run in runs for text in run.findall(f"{S}t"))


def _formats(styles: XmlElement) -> Iterator[str]:
    from openpyxl.styles.numbers import BUILTIN_FORMATS

    own = {one.get("numFmtId"): one.get("formatCode") or "" for one in styles.findall(f"{S}numFmts/{S}numFmt")}
    for style in styles.findall(f"{S}cellXfs/{S}xf"):
        number = style.get("numFmtId")
        yield own.get(number) or BUILTIN_FORMATS.get(whole_number(number, 0), "General")


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
