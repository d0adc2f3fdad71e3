"""A text with its tokens placed, so that sizes are looked up instead of counted again."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol

# Spaces, control characters and words longer than a tokenizer reads hold few tokens or none. This many characters per
# token of `size` end a chunk whatever its tokens; English has 4 to 5, a table padded with spaces about 15.
MAX_CHARACTERS_PER_TOKEN = 32

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# The white space that every tokenizer takes for white space. Python also counts form feeds and \x1c to \x1f, which
# BERT's normalizer removes, joining the words around them.
_PLAIN_SPACE = " \n\r\t"
_PROBE = "Antidisestablishmentarianism  (un-split)\n\nnaïve\tcafé\n`x_1=2`  — 東京 한국 words' end. "


class TokenCounter(Protocol):
    """The tokenizer of an embedding model, as far as chunking needs it."""

    @property
    def max_tokens(self) -> int:
        """Where the model cuts its input, special tokens included."""
        ...

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """`(start, end)` of every content token in characters, in order; without special tokens or truncation."""
        ...


class TokenizedText:
    """A text, the places of its tokens and the limits of one chunk: `size` tokens and `max_characters`."""

    def __init__(self, text: str, encoder: TokenCounter, size: int) -> None:
        self.text = text
        self.size = size
        self.max_characters = size * MAX_CHARACTERS_PER_TOKEN
        self._encoder = encoder
        self._starts = [start for start, _ in self._spans(text)]
        self._additive = len(self._spans(_PROBE)) == sum(len(self._spans(word)) for word in _PROBE.split())

    def count(self, start: int, end: int) -> int:
        """Tokens of `text[start:end]` tokenized by itself: those a model will see.

        Looked up where white space on both sides keeps the neighbours from mattering, else counted anew: a cut
        inside a word changes its tokens, and byte-level vocabularies count the space before a word.
        """
        if self._additive and self._bounded(start, end):
            return self.estimate(start, end)
        return len(self._spans(self.text[start:end]))

    def tokens_of(self, text: str) -> int:
        """Tokens of a text that goes beside this one."""
        return len(self._spans(text))

    def estimate(self, start: int, end: int) -> int:
        """Tokens of the whole text that begin in `[start, end)`."""
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def fits(self, start: int, end: int) -> bool:
        """Whether the range is within the limits of a chunk, by estimate."""
        return end - start <= self.max_characters and self.estimate(start, end) <= self.size

    def reach(self, start: int, tokens: int) -> int:
        """Where the token begins that `tokens` tokens from `start` on no longer hold; the text's end without one."""
        index = bisect_left(self._starts, start) + tokens
        return self._starts[index] if index < len(self._starts) else len(self.text)

    def back(self, position: int, tokens: int) -> int:
        """Where the last `tokens` tokens before `position` begin."""
        index = bisect_left(self._starts, position)
        return self._starts[index - tokens] if index >= tokens > 0 else (position if tokens <= 0 else 0)

    def _bounded(self, start: int, end: int) -> bool:
        before, after = self.text[start - 1 : start] if start else "", self.text[end : end + 1]
        return before in _PLAIN_SPACE and after in _PLAIN_SPACE

    def _spans(self, text: str) -> Sequence[tuple[int, int]]:
        # A lone surrogate has no UTF-8 form; a replacement of the same length keeps every offset.
        return self._encoder.spans(_LONE_SURROGATE.sub("\ufffd", text))
