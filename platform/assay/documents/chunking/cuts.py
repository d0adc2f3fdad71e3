"""Places at which running text may be cut, the best one first: sentence, line, word, token."""

import re
import zlib
from collections.abc import Sequence

# A cut falls after the white space behind a sentence's end; a small letter after it speaks of an abbreviation.
# Lookbehind and possessive runs keep the search linear on lines of dots or quotes.
_SENTENCE_END = re.compile(
    r"""(?:(?<=[.!?…])["'”’»)\]*_`]*+\s++(?![a-z])|(?<=[。！？])["'”’»」』）]*+\s*+(?![。！？]))"""
)
_PARAGRAPH_END = re.compile(r"(?:\r\n?+|\n)[ \t]*+(?:\r\n?+|\n)\s*+")

_HASHED_CHARACTERS = 32

PARAGRAPH, SENTENCE, LINE, WORD, TOKEN = range(5)


def last_paragraph(text: str, low: int, high: int) -> int | None:
    """The last cut in `[low, high]` that follows an empty line."""
    return max(_ends(_PARAGRAPH_END, text, low, high), default=None)


def last_sentence(text: str, low: int, high: int) -> int | None:
    """The last cut in `[low, high]` that follows a sentence's end."""
    return max(sentence_ends(text, low, high), default=None)


def sentence_ends(text: str, low: int, high: int) -> list[int]:
    """Every cut in `[low, high]` that follows a sentence's end."""
    return _ends(_SENTENCE_END, text, low, high)


def settled(text: str, cuts: Sequence[int]) -> int:
    """The one of several cuts that the text behind it picks, whatever the text before: the last with the least hash.

    Two passes that meet the same cuts agree on one, so an edit's effect on later cuts ends after a chunk or two.
    """
    return min(
        reversed(cuts), key=lambda cut: zlib.crc32(text[cut : cut + _HASHED_CHARACTERS].encode(errors="replace"))
    )


def last_line(text: str, low: int, high: int) -> int | None:
    """The last cut in `[low, high]` that follows a line's end."""
    newline = max(text.rfind("\n", low - 1, high), text.rfind("\r", low - 1, high))
    return newline + 1 if newline >= 0 else None


def last_word(text: str, low: int, high: int) -> int | None:
    """The last cut in `[low, high]` that follows white space."""
    for cut in range(high, low - 1, -1):
        if text[cut - 1].isspace():
            return cut
    return None


def prose_cut(text: str, low: int, high: int) -> tuple[int, int]:
    """The best cut in `[low, high]` (`1 <= low <= high`) and its rank; `high` where all else fails."""
    for rank, last in ((SENTENCE, last_sentence), (LINE, last_line), (WORD, last_word)):
        if (cut := last(text, low, high)) is not None:
            return cut, rank
    return high, TOKEN


def _ends(pattern: re.Pattern[str], text: str, low: int, high: int) -> list[int]:
    # One character more at the end, so that the lookahead sees what follows the cut; a few more at the start, for
    # matches that begin before `low` and end in the range.
    found = (match.end() for match in pattern.finditer(text, max(low - 4, 0), high + 1))
    return [end for end in found if low <= end <= high]
