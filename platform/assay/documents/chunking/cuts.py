"""Places at which running text may be cut, the best one first: sentence, line, word, token."""

import math
import re
import zlib
from collections.abc import Sequence

# A cut falls after the white space behind a sentence's end; a small letter after it speaks of an abbreviation.
# Lookbehind and possessive runs keep the search linear on lines of dots or quotes.
_SENTENCE_END = re.compile(
    r"""(?:(?<=[.!?…])["'”’»)\]*_`]*+\s++(?![a-z])|(?<=[。！？])["'”’»」』）]*+\s*+(?![。！？]))"""
)
_PARAGRAPH_END = re.compile(r"(?:\r\n?+|\n)[ \t]*+(?:\r\n?+|\n)\s*+")

# Some 80 words on each side of a cut tell whether they speak of the same. With 200 characters, recall was no better than
# with cuts picked by a hash.
_COHESION_CHARACTERS = 500
# Words of three letters are mostly function words; six letters are the same in most inflections of a word.
_WORD = re.compile(r"\w{4,}")
_STEM_LETTERS = 6
_HASHED_CHARACTERS = 32

PARAGRAPH, SENTENCE, LINE, WORD, TOKEN = range(5)


def last_paragraph(text: str, low: int, high: int) -> int | None:
    """The last cut in `[low, high]` that follows an empty line."""
    return max(_ends(_PARAGRAPH_END, text, low, high), default=None)


def paragraph_ends(text: str) -> list[int]:
    """Every cut that follows an empty line."""
    return [match.end() for match in _PARAGRAPH_END.finditer(text)]


def last_sentence(text: str, low: int, high: int) -> int | None:
    """The last cut in `[low, high]` that follows a sentence's end, of its line too where there is one."""
    return max(best_sentence_ends(text, low, high), default=None)


def sentence_ends(text: str, low: int, high: int) -> list[int]:
    """Every cut in `[low, high]` that follows a sentence's end."""
    return _ends(_SENTENCE_END, text, low, high)


def best_sentence_ends(text: str, low: int, high: int) -> list[int]:
    """The cuts in `[low, high]` that follow the end of a sentence and of its line; without any, of a sentence.

    Where every line is a paragraph, as in text that was never wrapped, the end of one is worth more than a full stop.
    """
    ends = sentence_ends(text, low, high)
    return [end for end in ends if _ends_line(text, end)] or ends


def settled(text: str, cuts: Sequence[int]) -> int:
    """The one of several cuts that the text around it picks, wherever the chunk begins: whose sides share fewest words.

    Two passes that meet the same cuts agree on one, so an edit's effect on later cuts ends after a chunk or two. That
    the subject changes where few words go on is TextTiling's observation (Hearst 1997). A hash of the text behind the
    cut settles ties.
    """

    def preference(cut: int) -> tuple[float, int]:
        ahead = text[cut : cut + _HASHED_CHARACTERS].encode(errors="replace")
        return _cohesion(text, cut), zlib.crc32(ahead)

    return min(reversed(cuts), key=preference)


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


def _cohesion(text: str, cut: int) -> float:
    """Cosine of the sets of words on both sides of a cut."""
    before, after = (
        {word[:_STEM_LETTERS].lower() for word in _WORD.findall(text, start, end)}
        for start, end in ((max(cut - _COHESION_CHARACTERS, 0), cut), (cut, cut + _COHESION_CHARACTERS))
    )
    return len(before & after) / math.sqrt(len(before) * len(after) or 1)


def _ends_line(text: str, cut: int) -> bool:
    """Whether a line end is part of the white space before `cut`."""
    while cut > 0 and text[cut - 1].isspace():
        if text[cut - 1] in "\r\n":
            return True
        cut -= 1
    return False


def _ends(pattern: re.Pattern[str], text: str, low: int, high: int) -> list[int]:
    # One character more at the end, so that the lookahead sees what follows the cut; a few more at the start, for
    # matches that begin before `low` and end in the range.
    found = (match.end() for match in pattern.finditer(text, max(low - 4, 0), high + 1))
    return [end for end in found if low <= end <= high]
