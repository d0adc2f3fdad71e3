"""A passage in the parts that can be quoted: sentences, list items and table rows, each at its exact place."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from assay.documents.chunking.blocks import Table, scan_blocks
from assay.documents.chunking.cuts import sentence_ends

_MARKER = re.compile(r"(?:[ \t>]*(?:[-*+]|\d{1,9}[.)])(?=\s))?[\s>]*")
_CELL_END = re.compile(r"(?<!\\)\|")
_OPENING_FENCE = re.compile(r"[ \t>]*(?:`{3,}|~{3,})[^\r\n]*(?:[\r\n]+|\Z)")
_CLOSING_FENCE = re.compile(r"[\r\n][ \t>]*(?:`{3,}|~{3,})\s*\Z")


@dataclass(frozen=True, slots=True)
class QuotablePart:
    """`passage[start:end]` is what can be quoted. `said`: the same for a reader; of a table row each cell with the name of
    its column, as far as the passage holds the header."""

    start: int
    end: int
    said: str


@lru_cache(maxsize=4096)
def quotable_parts(passage: str) -> tuple[QuotablePart, ...]:
    """The parts of a Markdown passage in their order; headings, header rows and rules are none, for they say nothing alone.

    Parts do not overlap. Every letter and digit outside headings, header rows and the fences of code is in one.
    """
    blocks = scan_blocks(passage)
    headings = {heading.start: heading.body for heading in blocks.headings}
    headers = {table.start: table for table in blocks.tables}
    ends = [place for table in blocks.tables for place in (table.body, table.end)]
    cuts = sorted({0, len(passage), *(cut for depth in blocks.cuts for cut in depth), *headings.values(), *ends})
    found: list[QuotablePart] = []
    for start, end in pairwise(cuts):
        if start in headings or start in headers:
            continue
        table = next((one for one in blocks.tables if one.body <= start < one.end), None)
        found += _rows(passage, start, end, table) if table or _is_row(passage, start) else _prose(passage, start, end)
    return tuple(found)


def _is_row(passage: str, start: int) -> bool:
    """Whether a row stands here of a table whose header is in another passage."""
    return passage[start:].lstrip().startswith("|")


def _rows(passage: str, start: int, end: int, table: Table | None) -> Iterator[QuotablePart]:
    columns = table.columns if table else ()
    for line_start, line_end in _lines(passage, start, end):
        first, last = _visible(passage, line_start, line_end)
        row = passage[first:last]
        if _speaks(row):
            yield QuotablePart(first, last, _named_cells(row, columns))


def _named_cells(row: str, columns: Sequence[str]) -> str:
    cells = [cell.strip().replace("\\|", "|") for cell in _CELL_END.split(row.strip().removeprefix("|"))]
    names = [*columns, *[""] * len(cells)]
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=False) if cell)


def _prose(passage: str, start: int, end: int) -> Iterator[QuotablePart]:
    opening = _OPENING_FENCE.match(passage, start, end)
    start = opening.end() if opening else start
    closing = _CLOSING_FENCE.search(passage, start, end)
    end = closing.start() if closing else end
    cuts = [start, *(cut for cut in sentence_ends(passage, start + 1, end) if cut < end), end]
    for first, last in pairwise(cuts):
        first, last = _visible(passage, first + _marker(passage, first, last), last)
        text = passage[first:last]
        if _speaks(text):
            yield QuotablePart(first, last, " ".join(text.split()))


def _speaks(text: str) -> bool:
    """Whether it is more than marks: no rule, no empty cells."""
    return any(character.isalnum() for character in text)


def _marker(passage: str, start: int, end: int) -> int:
    """How many characters of a list's or a quote's mark stand at `start`."""
    found = _MARKER.match(passage, start, end)
    return found.end() - start if found else 0


def _lines(passage: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for line in passage[start:end].splitlines(keepends=True):
        yield start, start + len(line)
        start += len(line)


def _visible(passage: str, start: int, end: int) -> tuple[int, int]:
    """The span without the white space around it."""
    text = passage[start:end]
    return start + len(text) - len(text.lstrip()), start + len(text.rstrip())
