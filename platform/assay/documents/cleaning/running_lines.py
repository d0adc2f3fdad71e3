"""Headers and footers: lines at the edges of pages that come again on others, page numbers included.

A line runs when it stands in the same zone of enough pages. Its numbers must be the same everywhere (`of 12`, a date) or
count with the pages (`page 7` on page 7, 17 on page 5 and 18 on page 6): what only looks alike, as the subtotals at the
end of each page of an account do, stays.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, product

from assay.documents.cleaning.offset_map import Edit
from assay.documents.parsing import Page, ParsedDocument, Table
from assay.documents.parsing.parsed import has_words

# A book alternates between two headers, and chapters begin without one: each may be on little more than a third.
MIN_PAGES, MIN_SHARE, MIN_HEADING_SHARE = 3, 0.35, 0.6
# Lines with something in them, from either edge. Letterheads have up to 4; more would reach into a short page's content.
ZONE_LINES = 4
# Numbers in a line that are read both as they are and as counting with the pages; a line of more is a table's row.
_MAX_COUNTERS = 3
# Longer ones are no page numbers; they count as words.
_NUMBER = re.compile(r"(?<!\d)\d{1,6}(?!\d)")
_ROMAN = re.compile(r"[\W_]*([ivxlc]+)[\W_]*", re.IGNORECASE)
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str


def running_lines(parsed: ParsedDocument) -> list[Edit]:
    """The removals, in the order of the text. A page of which nothing else would be left keeps its lines.

    What lies in a table never runs. A header set in large letters comes as a Markdown heading, and so does a title that a
    few slides share: a heading runs when it is on most pages.
    """
    if len(parsed.pages) < MIN_PAGES:
        return []
    pages = {page: _lines(parsed.text, page) for page in parsed.pages}
    pages = {page: lines for page, lines in pages.items() if any(has_words(line.text) for line in lines)}
    tables = _Tables(parsed.tables)
    zones = {page: _zones(lines, tables) for page, lines in pages.items()}
    counted = Counter(
        (edge, key)
        for page, of_page in zones.items()
        for edge, found in enumerate(of_page)
        for key in {key for position in found for key in _keys(pages[page][position].text, page.number)}
    )
    edits: list[Edit] = []
    for page, lines in pages.items():
        running = {
            position
            for edge, found in enumerate(zones[page])
            for position in found
            if any(
                counted[edge, key] >= max(MIN_PAGES, _least_share(lines[position].text) * len(pages))
                for key in _keys(lines[position].text, page.number)
            )
        }
        if any(has_words(line.text) for position, line in enumerate(lines) if position not in running):
            edits += _removals(lines, _with_blank_edges(lines, running))
    return edits


def _lines(text: str, page: Page) -> list[_Line]:
    """The lines of a page without the line ends that part it from the next."""
    lines: list[_Line] = []
    start = page.start
    for line in text[page.start : page.end].rstrip("\n").split("\n"):
        lines.append(_Line(start, start + len(line), line.strip()))
        start += len(line) + 1
    return lines


def _least_share(line: str) -> float:
    return MIN_HEADING_SHARE if line.startswith("#") else MIN_SHARE


class _Tables:
    """The tables of a text by their places: a workbook may have 100,000, too many to go through for every line."""

    def __init__(self, tables: Sequence[Table]) -> None:
        spans = sorted((table.start, table.end) for table in tables)
        self._starts = [start for start, _ in spans]
        self._last_ends = list(accumulate((end for _, end in spans), max))

    def hold(self, line: _Line) -> bool:
        """Whether a table holds some of the line."""
        begun = bisect_left(self._starts, line.end)
        return begun > 0 and line.start < self._last_ends[begun - 1]


def _zones(lines: list[_Line], tables: _Tables) -> tuple[list[int], list[int]]:
    """Positions of the lines that may be a header, and of those that may be a footer; from the edge to the middle."""
    filled = [position for position, line in enumerate(lines) if line.text]
    # At most a third of a page is its header: else the points of a slide would pass for one.
    size = min(ZONE_LINES, max(1, len(filled) // 3))
    top, bottom = filled[:size], filled[::-1][:size]
    return [one for one in top if not tables.hold(lines[one])], [one for one in bottom if not tables.hold(lines[one])]


def _keys(line: str, page_number: int) -> Iterator[tuple[str, tuple[tuple[str, int], ...]]]:
    """What a line is on every page that it runs over: its words, and each number as it is or less the page's number."""
    line = line.lstrip("#").strip()
    if (roman := _ROMAN.fullmatch(line)) and (value := _roman_value(roman[1].lower())):
        yield "<roman>", (("counts", value - page_number),)
    numbers = [int(number) for number in _NUMBER.findall(line)]
    template = " ".join(_NUMBER.sub("#", line).casefold().split())
    readings = [[("is", number), ("counts", number - page_number)] for number in numbers]
    if len(numbers) > _MAX_COUNTERS:
        readings = [reading[:1] for reading in readings]
    # A number alone is no header by being the same on several pages: so are the cells of a column.
    if template.strip("#- .–—|/") == "" and numbers:
        readings = [reading[1:] for reading in readings]
    for reading in product(*readings):
        yield template, reading


def _roman_value(numeral: str) -> int:
    """The value of a numeral as pages have them (below 400), 0 for letters that are none."""
    values = [_ROMAN_VALUES[letter] for letter in numeral]
    total = sum(-one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True))
    return total if _roman(total) == numeral else 0


def _roman(value: int) -> str:
    parts = ("c", 100), ("xc", 90), ("l", 50), ("xl", 40), ("x", 10), ("ix", 9), ("v", 5), ("iv", 4), ("i", 1)
    numeral = ""
    for letters, worth in parts:
        numeral += letters * (value // worth)
        value %= worth
    return numeral


def _with_blank_edges(lines: list[_Line], running: set[int]) -> list[int]:
    """The positions to remove: those that run, and the blank lines between them and an edge or the content."""
    removed = set(running)
    for positions in (range(len(lines)), range(len(lines) - 1, -1, -1)):
        blank: list[int] = []
        seen = False
        for position in positions:
            if position in running:
                removed.update(blank)
                blank, seen = [], True
            elif not lines[position].text:
                blank.append(position)
            else:
                break
        if seen:
            removed.update(blank)
    return sorted(removed)


def _removals(lines: list[_Line], removed: list[int]) -> Iterator[Edit]:
    """Each run of removed lines with one of the line ends beside it."""
    runs: list[list[int]] = []
    for position in removed:
        if runs and runs[-1][1] == position - 1:
            runs[-1][1] = position
        else:
            runs.append([position, position])
    for first, last in runs:
        if last == len(lines) - 1:
            yield Edit(lines[first - 1].end, lines[last].end)
        else:
            yield Edit(lines[first].start, lines[last + 1].start)
