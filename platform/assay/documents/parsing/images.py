"""Pictures of text (PNG, JPEG, TIFF with all its pages, WebP), decoded within bounds and read by OCR."""

import io
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from assay.documents.parsing.content_type import Content
from assay.documents.parsing.ocr import Recognized
from assay.documents.parsing.page_writer import PageWriter
from assay.documents.parsing.parsed import RefusedPage, Word, has_words
from assay.documents.parsing.picture_text import PictureReader, words_at
from assay.documents.parsing.registry import Extracted, Parser
from assay.errors import DocumentRejected

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

# An A0 page at 300 dpi has 139 million pixels. In colour this many take 600 MB, of the 2 GiB that a worker has.
MAX_PIXELS = 150_000_000
# A TIFF of a scanner that feeds itself; each page takes a second or more.
MAX_PAGES = 1_000
# JPEG is decoded at a half, a quarter or an eighth where both sides keep as many pixels: A4 at 300 dpi has 2,480 x 3,508.
_DRAFT_PIXELS = 4_000
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP")


def parse(content: Content) -> Extracted:
    """Raises DocumentRejected: `corrupt`, `too_large`, and where no page can be read, what held back the first."""
    reader = PictureReader(content.options)
    writer = PageWriter()
    words: list[Word] = []
    refused: list[RefusedPage] = []
    with _opened(content.data) as image:
        for number in _page_numbers(image):
            try:
                recognized = _read(image, number, reader)
                words += words_at(recognized, number, writer.whole_page(recognized.text))
            except DocumentRejected as rejected:
                refused.append(RefusedPage(number, rejected.reason, rejected.detail))
            writer.end_page()
    if refused and not any(map(has_words, writer.pages)):
        raise DocumentRejected(refused[0].reason, refused[0].detail)
    return replace(writer.extracted(), words=tuple(words), refused_pages=tuple(refused), needed_ocr=reader.was_needed)


@contextmanager
def _opened(data: bytes) -> "Generator[ImageFile]":
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Its own warning comes at 89 million pixels; the bound here is ours.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise DocumentRejected("too_large", f"{error}") from None
    except UnidentifiedImageError:  # its message has an address in it
        raise DocumentRejected("corrupt", "The image cannot be opened: its head is damaged.") from None
    except (OSError, SyntaxError, ValueError, EOFError, TypeError) as error:
        raise DocumentRejected("corrupt", f"The image cannot be opened: {error}.") from None
    with image:
        yield image


def _page_numbers(image: "ImageFile") -> range:
    try:
        count: int = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError) as error:
        raise DocumentRejected("corrupt", f"The pages of the image cannot be counted: {error}.") from None
    if count > MAX_PAGES:
        raise DocumentRejected("too_large", f"The image has {count:,} pages, more than {MAX_PAGES:,}.")
    return range(1, count + 1)


def _read(image: "ImageFile", number: int, reader: PictureReader) -> Recognized:
    return reader.read(lambda: _decoded(image, number))


def _decoded(image: "ImageFile", number: int) -> "Image":
    """One page, as a camera's EXIF says it is to be held; the first picture of an animation."""
    import struct

    from PIL import Image, ImageOps

    try:
        if number > 1:
            image.seek(number - 1)
        if image.width * image.height > MAX_PIXELS:
            raise DocumentRejected("too_large", f"The image has {image.width:,} x {image.height:,} pixels.")
        image.draft("L", (_DRAFT_PIXELS, _DRAFT_PIXELS))
        image.load()
        return ImageOps.exif_transpose(image)
    except Image.DecompressionBombError as error:
        raise DocumentRejected("too_large", f"{error}") from None
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError, struct.error) as error:
        raise DocumentRejected("corrupt", f"The image is damaged: {error}.") from None


PARSER = Parser(
    name="image", version=1, media_types=("image/png", "image/jpeg", "image/tiff", "image/webp"), parse=parse
)
