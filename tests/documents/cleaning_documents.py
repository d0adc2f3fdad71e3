"""Parsed documents built by hand: pages with their places, tables and words found in them."""

from assay.documents.parsing import Page, ParsedDocument, Table, Word

BETWEEN = "\n\n"


def document(
    *pages: str, title: str = "Title", tables: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = ()
) -> ParsedDocument:
    """`tables` are pairs of a table's text, which is found on its page, and its cells. Every word of every page is an OCR word."""
    text = BETWEEN.join(pages)
    placed: list[Page] = []
    start = 0
    for number, page in enumerate(pages, start=1):
        end = start + len(page) + (len(BETWEEN) if number < len(pages) else 0)
        placed.append(Page(number, start, end))
        start = end
    return ParsedDocument(
        text=text,
        title=title,
        media_type="application/pdf",
        pages=tuple(placed),
        tables=tuple(_table(text, placed, markdown, rows) for markdown, rows in tables),
        parser="pdf@1",
        encoding=None,
        words=tuple(word for page in placed for word in _words(text, page)),
    )


def _table(text: str, pages: list[Page], markdown: str, rows: tuple[tuple[str, ...], ...]) -> Table:
    start = text.index(markdown)
    [page] = [page.number for page in pages if page.start <= start < page.end]
    return Table(page, start, start + len(markdown), rows, 1.0)


def _words(text: str, page: Page) -> list[Word]:
    found: list[Word] = []
    at = page.start
    for word in text[page.start : page.end].split():
        start = text.index(word, at)
        at = start + len(word)
        found.append(Word(page.number, start, at, 0.5 + len(found) % 5 / 10))
    return found
