"""Which parser reads which media type. A new format is one new module in this folder that defines `PARSER`."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from assay.documents.parsing.content_type import Content, detect
from assay.documents.parsing.options import DEFAULT_OPTIONS, ParseOptions
from assay.documents.parsing.parsed import (
    Page,
    ParsedDocument,
    RefusedPage,
    Table,
    Word,
    has_words,
    normalize_text,
    stem_of,
)
from assay.errors import DocumentRejected

# 50 million characters are some 25,000 pages; more is a bomb or a data dump, and would fill memory downstream.
MAX_TEXT_CHARACTERS = 50_000_000
BETWEEN_PAGES = "\n\n"
# For a refusal that a person understands; others are named by their media type.
_TYPE_NAMES = {
    "application/pdf": "PDF",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word (DOCX)",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint (PPTX)",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel (XLSX)",
    "application/x-ole-storage": "Office before 2007 or Outlook (OLE2)",
    "application/zip": "ZIP archive",
    "application/gzip": "gzip",
    "application/rtf": "RTF",
    "image/png": "PNG image",
    "image/jpeg": "JPEG image",
    "image/gif": "GIF image",
    "image/tiff": "TIFF image",
    "image/webp": "WebP image",
}


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a parser took from a document.

    `pages` are their texts, one for formats without pages; `title` is None when the document declares none. The
    offsets of `tables` and `words` count in the pages' normalized texts joined by an empty line. A page in
    `refused_pages` has an empty text. `needed_ocr` says that the text depends on the engine that reads images.
    """

    pages: tuple[str, ...]
    title: str | None = None
    tables: tuple[Table, ...] = ()
    words: tuple[Word, ...] = ()
    refused_pages: tuple[RefusedPage, ...] = ()
    needed_ocr: bool = False


@dataclass(frozen=True, slots=True)
class Parser:
    """How to read a format. Raise `version` whenever the same bytes give another text.

    `parse` may raise DocumentRejected. `recognizes`, given the bytes and the name, lets a parser claim as its own
    (its first media type) what detection does not know.
    """

    name: str
    version: int
    media_types: tuple[str, ...]
    parse: Callable[[Content], Extracted]
    recognizes: Callable[[bytes, str], bool] | None = None

    @property
    def identity(self) -> str:
        return f"{self.name}@{self.version}"


@cache
def parsers() -> tuple[Parser, ...]:
    """Every parser of this folder, by name."""
    import assay.documents.parsing as package

    names = (f"{package.__name__}.{found.name}" for found in pkgutil.iter_modules(package.__path__))
    declared = (getattr(importlib.import_module(name), "PARSER", None) for name in names)
    return tuple(sorted((parser for parser in declared if isinstance(parser, Parser)), key=lambda parser: parser.name))


def is_current(parser: str, options: ParseOptions) -> bool:
    """Whether a text whose `ParsedDocument.parser` is `parser` would be made the same today, by parser and OCR engine."""
    identity, _, engine = parser.partition("+")
    return any(identity == one.identity for one in parsers()) and (not engine or engine == _engine(options))


def _engine(options: ParseOptions) -> str:
    from assay.documents.parsing.ocr import ocr_identity

    return ocr_identity(options)


def parse_here(
    data: bytes, name: str, media_type: str | None = None, options: ParseOptions = DEFAULT_OPTIONS
) -> ParsedDocument:
    """Parse in this very process: what a worker runs. A hostile document can take the process down.

    Raises DocumentRejected; beside what detection and the parser refuse: `unsupported_type`, `no_text`, `too_large`.
    """
    content, parser = _content_and_parser(data, name, media_type)
    extracted = parser.parse(replace(content, options=options))
    texts = [normalize_text(page) for page in extracted.pages]
    if sum(map(len, texts)) > MAX_TEXT_CHARACTERS:
        raise DocumentRejected("too_large", f"The text is longer than {MAX_TEXT_CHARACTERS:,} characters.")
    if not any(map(has_words, texts)):
        raise DocumentRejected("no_text", "There is nothing to read in the document.")
    pages: list[Page] = []
    start = 0
    for number, text in enumerate(texts, start=1):
        end = start + len(text) + (len(BETWEEN_PAGES) if number < len(texts) else 0)
        pages.append(Page(number, start, end))
        start = end
    return ParsedDocument(
        text=BETWEEN_PAGES.join(texts),
        title=normalize_text(" ".join((extracted.title or "").split()) or stem_of(name)),
        media_type=content.media_type,
        pages=tuple(pages),
        tables=extracted.tables,
        parser=f"{parser.identity}+{_engine(options)}" if extracted.needed_ocr else parser.identity,
        encoding=content.encoding,
        words=extracted.words,
        refused_pages=extracted.refused_pages,
    )


def _content_and_parser(data: bytes, name: str, media_type: str | None) -> tuple[Content, Parser]:
    for parser in parsers():
        if data and parser.recognizes is not None and parser.recognizes(data, name):
            return Content(data, name, parser.media_types[0]), parser
    content = detect(data, name=name, media_type=media_type)
    for parser in parsers():
        if content.media_type in parser.media_types:
            return content, parser
    type_name = _TYPE_NAMES.get(content.media_type, content.media_type)
    raise DocumentRejected("unsupported_type", f"The content is {type_name}, which is not read yet.")
