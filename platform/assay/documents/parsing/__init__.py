"""From bytes to text with structure: detection by content, a parser per format, a process per danger.

`parse_document` for one document, `ParserPool` for many; a new format is one new module here that defines `PARSER`.
"""

from assay.documents.parsing.isolation import ParserPool, parse_document
from assay.documents.parsing.options import ParseOptions
from assay.documents.parsing.parsed import Page, ParsedDocument, RefusedPage, Table, Word
from assay.documents.parsing.registry import MAX_TEXT_CHARACTERS, Extracted, Parser, is_current, parse_here, parsers

__all__ = [
    "MAX_TEXT_CHARACTERS",
    "Extracted",
    "Page",
    "ParseOptions",
    "ParsedDocument",
    "Parser",
    "ParserPool",
    "RefusedPage",
    "Table",
    "Word",
    "is_current",
    "parse_document",
    "parse_here",
    "parsers",
]
