"""Parsers that show what their options were, or work for long. They run in the workers of a `ParserPool`."""

import time

from assay.documents.parsing import ParsedDocument, ParseOptions
from assay.documents.parsing.heartbeat import beat


def say_options(data: bytes, name: str, media_type: str | None, options: ParseOptions) -> ParsedDocument:
    return _document(f"{len(options.passwords)} {options.ocr_languages}")


def work_page_by_page(data: bytes, name: str, media_type: str | None, options: ParseOptions) -> ParsedDocument:
    """So many bounded parts of .4 s as the name says; after each, if the data says so, a sign of life."""
    for _ in range(int(name)):
        time.sleep(0.4)
        if data == b"alive":
            beat()
    return _document("done")


def _document(text: str) -> ParsedDocument:
    return ParsedDocument(text, "title", "text/plain", (), (), "said@1", None)
