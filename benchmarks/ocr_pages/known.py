"""Page images whose text is known: real scans, scans made from text PDFs, and halves of text PDFs' pages."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
from PIL.Image import Image

from assay.documents.parsing.page_image import OCR_DPI

# pdfium writes U+FFFE for a hyphen at a line's end.
_HYPHEN = re.compile(r"(?<=[^\W\d_])(?:-\s*\n\s*|\ufffe\s*)(?=[a-z])")
_TOKEN = re.compile(r"[^\W_]+")
# File under pdfs/ and page index: Latin prose, forms and tables whose upper halves hold 80 to 350 tokens of visible text.
PRINTED_PAGES = (
    ("docling/pdf/2305.03393v1-pg9.pdf", 0),
    ("docling/pdf/code_and_formula.pdf", 0),
    ("docling/pdf/multi_page.pdf", 0),
    ("docling/pdf/redp5110_sampled.pdf", 2),
    ("pdfplumber/150109DSP-Milw-505-90D.pdf", 0),
    ("pdfplumber/WARN-Report-for-7-1-2015-to-03-25-2016.pdf", 0),
    ("pdfplumber/cupertino_usd_4-6-16.pdf", 0),
    ("pdfplumber/issue-316-example.pdf", 0),
    ("pdfplumber/la-precinct-bulletin-2014-p1.pdf", 0),
    ("pdfplumber/pr-138-example.pdf", 0),
    ("pypdf/crazyones.pdf", 0),
    ("pypdf/side-by-side-subfig.pdf", 0),
)


@dataclass(frozen=True)
class KnownPage:
    """An image in mode L at `OCR_DPI` and the text that can be read on it."""

    name: str
    image: Image
    text: str


def real_scan(folder: Path) -> KnownPage:
    """`linn`, the scanned advertisement in two columns whose text `linn.txt` holds: the upright page of cardinal.pdf."""
    scans = folder / "pdfs" / "ocrmypdf"
    return KnownPage("linn", _drawn(scans / "cardinal.pdf", 0), (scans / "linn.txt").read_text(encoding="utf-8"))


def turned_scans(folder: Path) -> Iterator[KnownPage]:
    """`linn` as scanned in the four directions."""
    for index in range(4):
        page = real_scan(folder)
        yield KnownPage(f"linn, page {index + 1}", _drawn(folder / "pdfs/ocrmypdf/cardinal.pdf", index), page.text)


def derived_scans(folder: Path) -> Iterator[KnownPage]:
    for path in sorted((folder / "scans_derived").glob("*.pdf")):
        yield KnownPage(path.stem, _drawn(path, 0), path.with_suffix(".txt").read_text(encoding="utf-8"))


def printed_halves(folder: Path) -> Iterator[KnownPage]:
    """The upper halves of PRINTED_PAGES; their text is what the PDF says stands there."""
    for name, index in PRINTED_PAGES:
        path = folder / "pdfs" / name
        image = _drawn(path, index)
        with pypdfium2.PdfDocument(path) as document:
            page = document[index]
            text = page.get_textpage().get_text_bounded(bottom=page.get_height() / 2)
        yield KnownPage(f"{path.stem} {index}", image.crop((0, 0, image.width, image.height // 2)), text)


def token_recall(expected: str, found: str) -> float:
    """The share of the expected words that were found, each as often as it stands.

    Words are letters and digits in lower case; those that a hyphen divides at a line's end are put together.
    """
    wanted, got = (Counter(_TOKEN.findall(_HYPHEN.sub("", text).lower())) for text in (expected, found))
    return (wanted & got).total() / wanted.total()


def _drawn(path: Path, index: int) -> Image:
    with pypdfium2.PdfDocument(path) as document:
        return document[index].render(scale=OCR_DPI / 72, grayscale=True).to_pil().convert("L")
