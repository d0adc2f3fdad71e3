"""What edits of a text do to everything that has a place in it: pages, tables and words stay true."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from assay.documents.cleaning.offset_map import Edit, OffsetMap, edited
from assay.documents.parsing import Page, ParsedDocument, Table, Word


def edited_document(
    parsed: ParsedDocument, edits: Sequence[Edit], masked: Callable[[str], str]
) -> tuple[ParsedDocument, OffsetMap]:
    """The document after `edits` (sorted, not overlapping), and the map of its text to the text before.

    `masked` is applied to the title and to the cells of tables, which are no slices of the text.
    """
    source_characters = len(parsed.text)
    offsets = OffsetMap.of(edits, source_characters)
    placed = _Places(offsets, source_characters)
    document = replace(
        parsed,
        text=edited(parsed.text, edits),
        title=masked(parsed.title),
        pages=_pages(parsed.pages, placed),
        tables=tuple(_table(table, placed, masked) for table in parsed.tables),
        words=_words(parsed.words, placed),
    )
    return document, offsets


class _Places:
    """Where offsets and slices of the text before the edits are now."""

    def __init__(self, offsets: OffsetMap, source_characters: int) -> None:
        self._inverse = offsets.inverse
        self._source_characters = source_characters
        self._characters = offsets.starts[-1]

    def offset(self, before: int) -> int:
        if before == self._source_characters:
            return self._characters
        return self._inverse.source_span(before, before + 1)[0]

    def span(self, start: int, end: int) -> tuple[int, int]:
        return self._inverse.source_span(start, end) if start < end else (self.offset(start), self.offset(start))


def _pages(pages: tuple[Page, ...], placed: _Places) -> tuple[Page, ...]:
    """Pages follow each other without a gap; a token over the border of two pages lies on the later one."""
    starts = [placed.offset(page.start) for page in pages]
    ends = [*starts[1:], placed.offset(pages[-1].end)] if pages else []
    return tuple(Page(page.number, start, end) for page, start, end in zip(pages, starts, ends, strict=True))


def _table(table: Table, placed: _Places, masked: Callable[[str], str]) -> Table:
    start, end = placed.span(table.start, table.end)
    rows = tuple(tuple(masked(cell) for cell in row) for row in table.rows)
    return replace(table, start=start, end=end, rows=rows)


def _words(words: tuple[Word, ...], placed: _Places) -> tuple[Word, ...]:
    """Removed words are gone; those that share a token are one word, as doubtful as the most doubtful of them."""
    found: list[Word] = []
    for word in sorted(words, key=lambda word: word.start):
        start, end = placed.span(word.start, word.end)
        if start == end:
            continue
        if found and start < found[-1].end:
            last = found.pop()
            word = replace(word, page=last.page, confidence=min(last.confidence, word.confidence))
            start, end = last.start, max(last.end, end)
        found.append(replace(word, start=start, end=end))
    return tuple(found)
