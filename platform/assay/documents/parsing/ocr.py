"""Pages that are images: turned upright, read by an OCR engine, and refused when what it read cannot be relied on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.documents.parsing.deskew import line_direction
from assay.documents.parsing.heartbeat import beat
from assay.documents.parsing.ocr_engine import OcrEngine, SeenWord
from assay.documents.parsing.ocr_layout import RecognizedWord, laid_out
from assay.documents.parsing.ocr_quality import MIN_PAGE_SCORE, page_score
from assay.documents.parsing.ocr_tesseract import Tesseract
from assay.documents.parsing.options import ParseOptions
from assay.documents.parsing.page_image import as_page, cleaned, ink_share, turned
from assay.errors import DocumentRejected

if TYPE_CHECKING:
    from PIL.Image import Image

ENGINE: OcrEngine = Tesseract()
# A dense page takes 3 s of CPU. Each reading is a part of its own for the worker's deadline of 60 s.
READING_TIMEOUT_SECONDS = 45.0
# From this score on a page lies right and is read once. A page that lay upside down scored .54.
SURE_SCORE = 0.8
# A page number alone is .00003 of a page.
NO_INK_SHARE = 0.00002
# With more ink the direction of the lines is sure, so that a page can only lie upside down.
SPARSE_INK_SHARE = 0.02
# Less ink without a word in it is a blank page with specks and folds.
BLANK_INK_SHARE = 0.002


@dataclass(frozen=True, slots=True)
class Recognized:
    """A page's text, normalized, with its words and its score from 0 to 1.

    Before it was read the image was turned clockwise by `rotation` (0, 90, 180, 270) and then by `skew_degrees`.
    """

    text: str
    words: tuple[RecognizedWord, ...]
    confidence: float
    rotation: int
    skew_degrees: float


@dataclass(frozen=True, slots=True)
class PageReading:
    """What an engine saw on a page, good or bad; `ink` is the page's share of dark pixels."""

    words: list[SeenWord]
    score: float
    rotation: int
    skew_degrees: float
    ink: float


def recognize(image: "Image", options: ParseOptions) -> Recognized:
    """Read a page image of any mode and size. A blank page gives an empty text.

    Raises DocumentRejected: `ocr_unreadable`, `ocr_unavailable` (no engine, no such language), `crashed`, `timeout`.
    """
    reading = read_page(image, options)
    if reading.score >= MIN_PAGE_SCORE:
        text, words = laid_out(reading.words)
        return Recognized(text, words, reading.score, reading.rotation, reading.skew_degrees)
    if reading.ink < BLANK_INK_SHARE and not any(word.confidence >= MIN_PAGE_SCORE for word in reading.words):
        return Recognized("", (), 1.0, 0, 0.0)
    raise DocumentRejected(
        "ocr_unreadable",
        f"The page scores {reading.score:.2f}, text to rely on {MIN_PAGE_SCORE} and more; "
        f"{len(reading.words)} words were seen in {reading.ink:.1%} of ink.",
    )


def ocr_identity(options: ParseOptions) -> str:
    """What decides the text of an image beside the parser: `tesseract-5.3.0:eng`; `none` without an engine."""
    return ENGINE.identity(options.ocr_languages)


def read_page(image: "Image", options: ParseOptions) -> PageReading:
    """Read a page image without judging what came out.

    As it lies first; if that goes badly as the engine says it lies, and where that is not sure the other ways round.
    """
    page = cleaned(as_page(image))
    ink = ink_share(page)
    if ink < NO_INK_SHARE:
        return PageReading([], 0.0, 0, 0.0, ink)
    direction = line_direction(page)
    straight = turned(page, direction.rotation, direction.skew_degrees)

    def read(rotation: int) -> PageReading:
        beat()
        lying = turned(straight, rotation)
        words = ENGINE.words(lying, languages=options.ocr_languages, timeout_seconds=READING_TIMEOUT_SECONDS)
        whole = (direction.rotation + rotation) % 360
        return PageReading(words, page_score(words), whole, direction.skew_degrees, ink)

    best = read(0)
    if best.score >= SURE_SCORE:
        return best
    beat()
    rotation = ENGINE.rotation(straight, timeout_seconds=READING_TIMEOUT_SECONDS)
    unsure = (180, 90, 270) if ink < SPARSE_INK_SHARE else (180,)
    for other in unsure if rotation is None else (rotation,) if rotation else ():
        best = max(best, read(other), key=lambda reading: reading.score)
        if best.score >= SURE_SCORE:
            break
    return best
