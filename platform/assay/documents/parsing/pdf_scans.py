"""Which pages of a PDF are pictures of text, and those pages as images of a bounded size."""

import ctypes
import re
from typing import TYPE_CHECKING, Any, cast

from assay.documents.parsing.page_image import MAX_PIXELS, OCR_DPI
from assay.errors import DocumentRejected

if TYPE_CHECKING:
    from PIL.Image import Image
    from pypdfium2 import PdfPage

_POINTS_PER_INCH = 72
# A stamp, a page number or a scanner's notice on a picture of a page is not that page's text.
_FEW_CHARACTERS = 50
_PICTURE_SHARE = 0.5
# More unmapped characters than this and the font's codes have no meaning: the glyphs have to be looked at.
_MOST_GARBAGE_SHARE = 0.3
_MEANINGLESS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd]")
# Scans at 1,200 dpi have 140 million pixels. pdfium decodes a picture whole before it shrinks it.
MAX_PICTURE_PIXELS = 1_500_000_000
_MOST_OBJECTS = 2_000
_LONGEST_SIDE_PIXELS = 30_000


def is_garbage(text: str) -> bool:
    """Whether the characters of a text have no meaning, as those of fonts that do not say which letters they draw."""
    return len(_MEANINGLESS.findall(text)) > _MOST_GARBAGE_SHARE * _visible(text)


def is_picture(page: "PdfPage", text: str) -> bool:
    """Whether what can be seen on a page is not in its `text`: there is none, or hardly any beside a large picture."""
    visible = _visible(text)
    if not visible:
        return _shows_something(page)
    return visible < _FEW_CHARACTERS and _picture_share(page) >= _PICTURE_SHARE


def _visible(text: str) -> int:
    return sum(map(len, text.split()))


def page_picture(page: "PdfPage") -> "Image":
    """The page in gray at `OCR_DPI`, or at fewer dots where it would have more than `MAX_PIXELS`.

    Raises DocumentRejected `too_large` for a picture of more than `MAX_PICTURE_PIXELS`, `corrupt` when pdfium fails.
    """
    from pypdfium2 import PdfiumError

    if _largest_picture(page) > MAX_PICTURE_PIXELS:
        raise DocumentRejected("too_large", f"The page holds a picture of more than {MAX_PICTURE_PIXELS:,} pixels.")
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        raise DocumentRejected("corrupt", "The page has no area.")
    scale = min(
        OCR_DPI / _POINTS_PER_INCH, (MAX_PIXELS / (width * height)) ** 0.5, _LONGEST_SIDE_PIXELS / max(width, height)
    )
    try:
        bitmap: Any = page.render(scale=cast(int, scale), grayscale=True)
        return bitmap.to_pil().copy()
    except PdfiumError as error:
        raise DocumentRejected("corrupt", f"The page cannot be drawn: {error}.") from None


def _shows_something(page: "PdfPage") -> bool:
    import pypdfium2.raw as pdfium

    return pdfium.FPDFPage_CountObjects(page.raw) > 0 or pdfium.FPDFPage_GetAnnotCount(page.raw) > 0


def _picture_share(page: "PdfPage") -> float:
    """The share of the page that its pictures cover, strips of one scan added up."""
    import pypdfium2.raw as pdfium

    width, height = page.get_size()
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    covered = 0.0
    for picture, scale in _pictures(page):
        if pdfium.FPDFPageObj_GetBounds(picture, left, bottom, right, top):
            covered += scale * max(0.0, right.value - left.value) * max(0.0, top.value - bottom.value)
    return covered / max(1.0, width * height)


def _largest_picture(page: "PdfPage") -> int:
    import pypdfium2.raw as pdfium

    width, height = ctypes.c_uint(), ctypes.c_uint()
    largest = 0
    for picture, _ in _pictures(page):
        if pdfium.FPDFImageObj_GetImagePixelSize(picture, width, height):
            largest = max(largest, width.value * height.value)
    return largest


def _pictures(page: "PdfPage") -> list[tuple[Any, float]]:
    """The pictures of a page, each with what its bounds times bounds are to be multiplied by: those of forms are scaled."""
    import pypdfium2.raw as pdfium

    found: list[tuple[Any, float]] = []
    matrix: Any = pdfium.FS_MATRIX()
    count = min(pdfium.FPDFPage_CountObjects(page.raw), _MOST_OBJECTS)
    waiting = [(pdfium.FPDFPage_GetObject(page.raw, index), 1.0) for index in range(count)]
    # A form may hold the scan; forms that hold each other end at the same count.
    for one, scale in waiting:
        kind = pdfium.FPDFPageObj_GetType(one)
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            found.append((one, scale))
        elif kind == pdfium.FPDF_PAGEOBJ_FORM:
            if pdfium.FPDFPageObj_GetMatrix(one, matrix):
                scale *= abs(matrix.a * matrix.d - matrix.b * matrix.c)
            inner = min(pdfium.FPDFFormObj_CountObjects(one), _MOST_OBJECTS - len(waiting))
            waiting += [(pdfium.FPDFFormObj_GetObject(one, index), scale) for index in range(inner)]
    return found
