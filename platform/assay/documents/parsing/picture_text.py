"""Text from the pictures of a document: one reader per document, which notes whether OCR took part."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from assay.documents.parsing.heartbeat import beat
from assay.documents.parsing.ocr import Recognized, recognize
from assay.documents.parsing.options import ParseOptions
from assay.documents.parsing.parsed import Word
from assay.errors import DocumentRejected

if TYPE_CHECKING:
    from PIL.Image import Image


# At some 3 seconds a page a quarter of an hour, during which a worker does nothing else.
MAX_PICTURES = 300
# Each reading starts the document's deadline anew; pages made to be slow would hold a worker for hours.
MAX_READING_SECONDS = 1800.0


class PictureReader:
    """`was_needed` says whether any picture was to be read, with success or without."""

    def __init__(self, options: ParseOptions) -> None:
        self.was_needed = False
        self._read = 0
        self._seconds = 0.0
        self._options = options
        self._unavailable: DocumentRejected | None = None

    def read(self, draw: "Callable[[], Image]") -> Recognized:
        """Read what `draw` gives; nothing is drawn any more once the engine is known to be missing.

        Raises DocumentRejected as `recognize` and `draw` do, `too_large` from the picture after `MAX_PICTURES` on, and
        `timeout` once reading took `MAX_READING_SECONDS`.
        """
        self.was_needed = True
        if self._unavailable is not None:
            raise self._unavailable
        if self._read == MAX_PICTURES:
            raise DocumentRejected("too_large", f"More than {MAX_PICTURES} pages of the document are pictures of text.")
        if self._seconds > MAX_READING_SECONDS:
            raise DocumentRejected("timeout", f"Reading its pictures took longer than {MAX_READING_SECONDS:.0f} s.")
        self._read += 1
        began = time.monotonic()
        beat()
        try:
            return recognize(draw(), self._options)
        except DocumentRejected as rejected:
            if rejected.reason == "ocr_unavailable":
                self._unavailable = rejected
            raise
        finally:
            self._seconds += time.monotonic() - began


def words_at(recognized: Recognized, page: int, offset: int) -> list[Word]:
    """The words of a page whose text begins at `offset` of the document."""
    return [Word(page, offset + word.start, offset + word.end, word.confidence) for word in recognized.words]
