"""One page of a PDF as lines and tables in reading order, or as the picture of a text that is yet to be read."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.documents.parsing.pdf_forms import field_values
from assay.documents.parsing.pdf_lines import Line, LineRange, LineReader, characters, line_ranges, unclaimed
from assay.documents.parsing.pdf_scans import is_garbage, is_picture
from assay.documents.parsing.pdf_tables import FoundTable, find_tables

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage


@dataclass(frozen=True, slots=True)
class PdfPageText:
    """What stands on a page: `items` from first to last, and the name and value of every field that was filled in.

    `is_picture` says that what can be seen is not, or not all, in the items.
    """

    items: tuple[Line | FoundTable, ...]
    fields: tuple[tuple[str, str], ...]
    is_picture: bool


def read_page(document: "PdfDocument", page: "PdfPage") -> PdfPageText:
    """Read a page. Raises PdfiumError for a page that pdfium cannot make sense of."""
    fields = tuple(field_values(document, page))
    text_page = page.get_textpage()
    text = characters(text_page)
    if is_garbage(text):
        return PdfPageText((), fields, is_picture=True)
    seen_only = is_picture(page, text)
    if not text.strip():
        return PdfPageText((), fields, seen_only)
    reader = LineReader(text_page, text, page.get_bbox())
    ranges = list(line_ranges(text))
    lines = [reader.read(one) for one in ranges]
    tables = find_tables(page, text_page, text, _quarter_turns([line for line in lines if line is not None]))
    items = _in_place(ranges, lines, tables, reader) if tables else [line for line in lines if line is not None]
    return PdfPageText(tuple(items), fields, seen_only)


def _quarter_turns(lines: Sequence[Line]) -> int:
    """The direction of most of the text, in quarter turns counter-clockwise."""
    directions: Counter[int] = Counter()
    for line in lines:
        directions[round(line.direction_degrees / 90) % 4] += len(line.text)
    return max(directions, key=lambda direction: directions[direction]) if directions else 0


def _in_place(
    ranges: Sequence[LineRange], lines: Sequence[Line | None], tables: Sequence[FoundTable], reader: LineReader
) -> list[Line | FoundTable]:
    """Every table where the first of its characters stood, and the lines without what is in a table."""
    owners = {index: table for table in tables for index in table.characters}
    waiting = {min(table.characters): table for table in tables}
    items: list[Line | FoundTable] = []
    for place, line in zip(ranges, lines, strict=True):
        own = [index for index in range(place.start, place.end) if index in owners]
        if not own:
            items += [line] if line is not None else []
            continue
        parts: list[tuple[int, Line | FoundTable]] = [
            (part.start, rest) for part in unclaimed(place, owners) if (rest := reader.read(part)) is not None
        ]
        parts += [(index, waiting.pop(index)) for index in own if index in waiting]
        items += [part for _, part in sorted(parts, key=lambda part: part[0])]
    return items
