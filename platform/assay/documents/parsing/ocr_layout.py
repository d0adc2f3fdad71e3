"""From an engine's words to a page's text in which each of them has its place."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assay.documents.parsing.ocr_engine import SeenWord
from assay.documents.parsing.parsed import normalize_text

_DIVIDED = re.compile(r"[^\W\d_]-$")


@dataclass(frozen=True, slots=True)
class RecognizedWord:
    """`text[start:end]` of the page, with the engine's confidence from 0 to 1."""

    start: int
    end: int
    confidence: float


def laid_out(seen: Sequence[SeenWord]) -> tuple[str, tuple[RecognizedWord, ...]]:
    """Words parted by spaces, lines by line ends, paragraphs by empty lines; the text is normalized.

    As in PDFs, a word that a hyphen divides at the end of a line, and that goes on with a small letter, is put together,
    and its two lines become one. It is one word then, with the lower confidence of its two parts.
    """
    parts: list[str] = []
    words: list[RecognizedWord] = []
    length = 0
    last: SeenWord | None = None
    for word in seen:
        text = normalize_text(word.text)
        if last is not None and _goes_on(last, word):
            parts[-1] = parts[-1][:-1]
            whole = words.pop()
            words.append(RecognizedWord(whole.start, length - 1 + len(text), min(whole.confidence, word.confidence)))
            length += len(text) - 1
        else:
            gap = "" if last is None else _gap(last, word)
            words.append(RecognizedWord(length + len(gap), length + len(gap) + len(text), word.confidence))
            parts.append(gap)
            length += len(gap) + len(text)
        parts.append(text)
        last = word
    return "".join(parts), tuple(words)


def _gap(last: SeenWord, word: SeenWord) -> str:
    if word.paragraph != last.paragraph:
        return "\n\n"
    return "\n" if word.line != last.line else " "


def _goes_on(last: SeenWord, word: SeenWord) -> bool:
    is_next_line = word.paragraph == last.paragraph and word.line != last.line
    return is_next_line and word.text[0].islower() and _DIVIDED.search(last.text) is not None
