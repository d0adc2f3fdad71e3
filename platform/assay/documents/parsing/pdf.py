"""PDF: pdfium's text in reading order, ruled tables as rows, form values, and pictures of text through OCR."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from assay.documents.parsing.content_type import Content
from assay.documents.parsing.ocr import Recognized
from assay.documents.parsing.options import ParseOptions
from assay.documents.parsing.page_writer import PageWriter
from assay.documents.parsing.parsed import RefusedPage, Word, has_words
from assay.documents.parsing.pdf_lines import Line, cleaned
from assay.documents.parsing.pdf_pages import PdfPageText, read_page
from assay.documents.parsing.pdf_paragraphs import Block, HeadingStyles, heading_styles, text_blocks
from assay.documents.parsing.pdf_scans import page_picture
from assay.documents.parsing.pdf_tables import FoundTable
from assay.documents.parsing.picture_text import PictureReader, words_at
from assay.documents.parsing.registry import MAX_TEXT_CHARACTERS, Extracted, Parser
from assay.errors import DocumentRejected

if TYPE_CHECKING:
    from PIL.Image import Image
    from pypdfium2 import PdfDocument

# The longest book has some 5,000 pages; a page tree of a few bytes may claim millions.
MAX_PAGES = 20_000
_TITLE_CHARACTERS = 200
_OPENING_BLOCKS = 12
# What programs leave as a title: their own name, the file's name, a placeholder.
_NO_TITLE = re.compile(
    r"^(?:untitled|title|document|slide|print|microsoft (?:word|powerpoint|excel)|powerpoint|presentation)\b[\s\d.-]*(?:$|-)"
    r"|\.(?:docx?|pptx?|xlsx?|pdf|indd|qxp|qxd|rtf|tex|dvi|ps|txt|odt|p65|fm|cdr|ai|dwg)$"
    r"|^\W*$|^\S*(?:[\\/]\S*|\.\w{1,5})$",
    re.I,
)
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class _Page:
    """What became of a page: its text, what was read from its picture, or the reason why there is neither."""

    blocks: tuple[Block | FoundTable, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    recognized: Recognized | None = None
    refused: DocumentRejected | None = None


def parse(content: Content) -> Extracted:
    """Raises DocumentRejected: `encrypted`, `corrupt`, `too_large`; where no page has text, what held the first back."""
    document = _opened(content.data, content.options)
    try:
        if len(document) > MAX_PAGES:
            raise DocumentRejected("too_large", f"The PDF has {len(document):,} pages, more than {MAX_PAGES:,}.")
        reader = PictureReader(content.options)
        pages = list(_pages(document, reader))
        declared = _declared_title(document)
    finally:
        document.close()
    extracted = _written(pages, declared)
    if not any(map(has_words, extracted.pages)):
        for page in pages:
            if page.refused is not None:
                raise page.refused
    return replace(extracted, needed_ocr=reader.was_needed)


def _opened(data: bytes, options: ParseOptions) -> "PdfDocument":
    """With the empty password, else with one of the settings. What opens for reading is read."""
    import pypdfium2
    from pypdfium2 import raw as pdfium

    for password in (None, *options.passwords):
        try:
            document = pypdfium2.PdfDocument(data, password=password)
            document.init_forms()
        except pypdfium2.PdfiumError as error:
            if error.err_code not in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
                raise DocumentRejected("corrupt", f"The PDF cannot be opened: {error}") from None
        else:
            return document
    tried = f" and with none of the {len(options.passwords)} in `ASSAY_DOCUMENT_PASSWORDS`" if options.passwords else ""
    raise DocumentRejected("encrypted", f"The PDF does not open without a password{tried}.")


def _pages(document: "PdfDocument", reader: PictureReader) -> Iterator[_Page]:
    import pypdfium2

    characters = 0
    for index in range(len(document)):
        try:
            page = document[index]
            try:
                read = _page(read_page(document, page), reader, lambda page=page: page_picture(page))
            finally:
                page.close()
        except pypdfium2.PdfiumError as error:
            read = _Page(refused=DocumentRejected("corrupt", f"The page cannot be read: {error}"))
        characters += sum(len(block.text) for block in read.blocks if isinstance(block, Block))
        if characters > MAX_TEXT_CHARACTERS:
            raise DocumentRejected("too_large", f"The text is longer than {MAX_TEXT_CHARACTERS:,} characters.")
        yield read


def _page(read: PdfPageText, reader: PictureReader, draw: "Callable[[], Image]") -> _Page:
    blocks = tuple(_blocks(read.items))
    if not read.is_picture:
        return _Page(blocks, read.fields)
    try:
        recognized = reader.read(draw)
    except DocumentRejected as rejected:
        return _Page(blocks, read.fields) if blocks or read.fields else _Page(refused=rejected)
    # A photo below a line of text: what stands in the file is exact, what is seen may be less.
    if sum(len(block.text) for block in blocks if isinstance(block, Block)) > len(recognized.text):
        return _Page(blocks, read.fields)
    return _Page(fields=read.fields, recognized=recognized)


def _blocks(items: Iterable[Line | FoundTable]) -> Iterator[Block | FoundTable]:
    for is_text, group in groupby(items, key=lambda item: isinstance(item, Line)):
        if is_text:
            yield from text_blocks([item for item in group if isinstance(item, Line)])
        else:
            yield from (item for item in group if isinstance(item, FoundTable))


def _written(pages: Sequence[_Page], declared_title: str | None) -> Extracted:
    blocks = [block for page in pages for block in page.blocks if isinstance(block, Block)]
    styles = heading_styles(blocks)
    writer = PageWriter()
    words: list[Word] = []
    for number, page in enumerate(pages, start=1):
        if page.recognized is not None:
            words += words_at(page.recognized, number, writer.whole_page(page.recognized.text))
        for block in page.blocks:
            _write(writer, block, styles)
        writer.prose("\n".join(f"{name}: {value}" for name, value in page.fields))
        writer.end_page()
    refused = tuple(
        RefusedPage(number, page.refused.reason, page.refused.detail)
        for number, page in enumerate(pages, start=1)
        if page.refused is not None
    )
    title = declared_title or _first_heading(blocks, styles)
    return replace(writer.extracted(title), words=tuple(words), refused_pages=refused)


def _write(writer: PageWriter, block: Block | FoundTable, styles: HeadingStyles) -> None:
    if isinstance(block, FoundTable):
        writer.table(block.rows, confidence=block.confidence)
    elif level := styles.level(block):
        writer.heading(block.text, level)
    elif block.marker:
        writer.item(block.text, round(block.left), block.marker)
    else:
        writer.prose(block.text)


def _declared_title(document: "PdfDocument") -> str | None:
    title = cleaned(document.get_metadata_value("Title"))
    return title if len(title) <= _TITLE_CHARACTERS and _WORD.search(title) and not _NO_TITLE.search(title) else None


def _first_heading(blocks: Sequence[Block], styles: HeadingStyles) -> str | None:
    """The first of the largest headings near the beginning, else a first line that stands alone."""
    opening = blocks[:_OPENING_BLOCKS]
    headings = [block for block in opening if styles.level(block)]
    if headings:
        return min(headings, key=styles.level).text
    alone = opening[0] if opening else None
    return alone.text if alone and alone.lines == 1 and not alone.marker and _WORD.search(alone.text) else None


PARSER = Parser(name="pdf", version=1, media_types=("application/pdf",), parse=parse)
