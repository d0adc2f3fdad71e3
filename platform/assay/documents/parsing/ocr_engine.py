"""What reading pages asks of an OCR engine: tesseract today, rapidocr is the known second."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class SeenWord:
    """A word of a page image; `confidence` is from 0 to 1, `box` is left, top, right and bottom in pixels.

    Words of one line share `line`, lines of one paragraph share `paragraph`; both are numbers within the page.
    """

    text: str
    confidence: float
    paragraph: int
    line: int
    box: tuple[int, int, int, int]


class OcrEngine(Protocol):
    """Images are mode L, black on white, at `page_image.OCR_DPI`.

    Both methods that read raise DocumentRejected: `ocr_unavailable` for a missing engine or language, `crashed` when it
    fails on the image, `timeout` when `timeout_seconds` have passed.
    """

    def identity(self, languages: str) -> str:
        """Name, version and languages, which decide the text; `none` where the engine is missing."""
        ...

    def words(self, gray: "Image", *, languages: str, timeout_seconds: float) -> list[SeenWord]:
        """The words in reading order, none where it sees none."""
        ...

    def rotation(self, gray: "Image", *, timeout_seconds: float) -> int | None:
        """By how many degrees (0, 90, 180, 270) to turn the image clockwise; None where the engine is not sure."""
        ...
