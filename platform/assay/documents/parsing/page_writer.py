"""Pages of Markdown written block by block, with the exact place of every table in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from assay.documents.parsing.parsed import Table, normalize_text
from assay.documents.parsing.pipe_tables import pipe_table, table_rows
from assay.documents.parsing.registry import BETWEEN_PAGES, Extracted

_MAX_HEADING_LEVEL = 6
# Deep enough for an item below `10. `, and never so deep that it would be code.
_ITEM_INDENT = "    "
# Deeper nesting says nothing more.
_MAX_ITEM_DEPTH = 8
# Prose that a Markdown reader would take for a heading, a fence or the rule under a heading.
_TAKEN_FOR_STRUCTURE = re.compile(r"^(?=#{1,6} |```|~~~|={3,}$|-{3,}$)", re.M)


def as_prose(text: str) -> str:
    """The text with its lines that look like structure escaped."""
    return _TAKEN_FOR_STRUCTURE.sub(r"\\", text)


@dataclass(slots=True)
class PageWriter:
    """Every block is normalized before it is placed, so that later normalization moves no offset."""

    pages: list[str] = field(default_factory=list[str])
    tables: list[Table] = field(default_factory=list[Table])
    _parts: list[str] = field(default_factory=list[str])
    _length: int = 0
    _before_page: int = 0
    # The levels of the list items above the next one and whether they are numbered; empty outside of lists.
    _levels: list[tuple[int, bool]] = field(default_factory=list[tuple[int, bool]])

    def heading(self, text: str, level: int) -> None:
        words = " ".join(text.split())
        if words:
            self._block(f"{'#' * min(level, _MAX_HEADING_LEVEL)} {words}")

    def prose(self, text: str) -> None:
        self._block(as_prose("\n".join(line.strip() for line in text.split("\n") if line.strip())))

    def item(self, text: str, level: int, marker: str = "- ") -> None:
        """An item of a list, below the items before it whose level is smaller."""
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        if not lines:
            return
        is_numbered = marker[0].isdecimal()
        is_joined = bool(self._levels)
        while self._levels and self._levels[-1][0] >= level:
            # Without an empty line a number would go on with the bullet above it.
            is_joined = self._levels.pop() != (level, not is_numbered) and is_joined
        levels = [*self._levels, (level, is_numbered)]
        indent = _ITEM_INDENT * min(len(self._levels), _MAX_ITEM_DEPTH)
        next_line = "\n" + indent + " " * len(marker)
        self._block(indent + marker + next_line.join(lines), is_joined=is_joined)
        self._levels = levels

    def table(self, rows: Sequence[Sequence[str]], *, confidence: float = 1.0) -> None:
        """A table of data whose first row is the head; confidence 1 is for formats that declare their tables."""
        cells = table_rows([[normalize_text(cell) for cell in row] for row in rows])
        if any(cell for row in cells for cell in row):
            block = pipe_table(cells)
            self._block(block)
            end = self._before_page + self._length
            self.tables.append(Table(len(self.pages) + 1, end - len(block), end, cells, confidence))

    def whole_page(self, text: str) -> int:
        """A page that is normalized and written already, as it is; gives its offset in the document."""
        self._parts.append(text)
        self._length = len(text)
        return self._before_page

    def markdown(self, text: str, tables: Sequence[Table] = ()) -> None:
        """Normalized Markdown from elsewhere, with the tables at their offsets in it."""
        self._block(text)
        start = self._before_page + self._length - len(text)
        for table in tables:
            self.tables.append(
                replace(table, page=len(self.pages) + 1, start=start + table.start, end=start + table.end)
            )

    def end_page(self) -> None:
        self.pages.append("".join(self._parts))
        self._before_page += self._length + len(BETWEEN_PAGES)
        self._parts.clear()
        self._length = 0
        self._levels.clear()

    def extracted(self, title: str | None = None) -> Extracted:
        """All pages, the one being written included."""
        if self._parts or not self.pages:
            self.end_page()
        return Extracted(pages=tuple(self.pages), title=title, tables=tuple(self.tables))

    def _block(self, block: str, *, is_joined: bool = False) -> None:
        block = normalize_text(block)
        if not block:
            return
        if self._parts:
            self._parts.append("\n" if is_joined else "\n\n")
            self._length += len(self._parts[-1])
        self._parts.append(block)
        self._length += len(block)
        self._levels.clear()
