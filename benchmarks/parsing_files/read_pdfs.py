"""Read PDFs with one system and say what it found: `python read_pdfs.py SYSTEM FILE...`, JSON lines on standard output.

A line: `{"file", "seconds", "pages", "text", "tables", "by_ocr"}`; seconds are CPU seconds, those of child processes included;
pages are 0 where the system failed. The first file is read once more before, so that imports are not measured.
"""

import contextlib
import importlib
import io
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Reading(NamedTuple):
    """What a system found in a file; `by_ocr` says that pictures of text were read too."""

    pages: int
    text: str
    tables: int = 0
    by_ocr: bool = False


Read = Callable[[str], Reading]


def assay(path: str) -> Reading:
    parsed = importlib.import_module("assay.documents.parsing").parse_here(Path(path).read_bytes(), path)
    return Reading(len(parsed.pages), parsed.text, len(parsed.tables), "+" in parsed.parser)


def pdfium(path: str) -> Reading:
    document = importlib.import_module("pypdfium2").PdfDocument(path)
    texts = [page.get_textpage().get_text_bounded() for page in document]
    return Reading(len(texts), "\n\n".join(texts))


def pdfplumber(path: str) -> Reading:
    with importlib.import_module("pdfplumber").open(path) as document:
        texts = [page.extract_text() for page in document.pages]
        return Reading(len(texts), "\n\n".join(texts))


def pdfplumber_with_tables(path: str) -> Reading:
    with importlib.import_module("pdfplumber").open(path) as document:
        texts = [page.extract_text() for page in document.pages]
        return Reading(len(texts), "\n\n".join(texts), sum(len(page.extract_tables()) for page in document.pages))


def pypdf(path: str) -> Reading:
    texts = [page.extract_text() for page in importlib.import_module("pypdf").PdfReader(path).pages]
    return Reading(len(texts), "\n\n".join(texts))


def markitdown(path: str) -> Reading:
    pages = len(importlib.import_module("pypdf").PdfReader(path).pages)
    return Reading(pages, importlib.import_module("markitdown").MarkItDown().convert(path).text_content)


SYSTEMS: dict[str, Read] = {
    "assay": assay,
    "pdfium": pdfium,
    "pdfplumber": pdfplumber,
    "pdfplumber-tables": pdfplumber_with_tables,
    "pypdf": pypdf,
    "markitdown": markitdown,
}


def cpu_seconds() -> float:
    return sum(os.times()[:4])


def main() -> None:
    logging.disable(logging.CRITICAL)
    read = SYSTEMS[sys.argv[1]]
    with contextlib.suppress(Exception), contextlib.redirect_stderr(io.StringIO()):
        read(sys.argv[2])
    for path in sys.argv[2:]:
        began = cpu_seconds()
        reading = Reading(0, "")
        with contextlib.suppress(Exception), contextlib.redirect_stderr(io.StringIO()):
            reading = read(path)
        line = {"file": path, "seconds": cpu_seconds() - began, **reading._asdict()}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
