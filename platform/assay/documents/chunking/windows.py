"""Cutting a range into chunks from its start on: each as full as its best cut allows."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from assay.documents.chunking.tokens import TokenizedText

# A cut that leaves less than this part of a chunk filled is passed over for a lesser one further on.
MIN_FILL = 4
# A last piece of fewer tokens says too little to be found by; the chunk before it gives up a part.
MIN_TAIL_TOKENS = 20
# Indentation kept before a chunk's first line, so that code and nested lists stay aligned.
_MAX_INDENT_CHARACTERS = 40

_VISIBLE = re.compile(r"\S")

# (first character that must be inside, lowest cut that fills enough, highest cut that fits) -> (cut, its rank).
# The cut lies above the first and not above the last; a lesser rank is a better place.
Choose = Callable[[int, int, int], tuple[int, int]]
# (start of the chunk, its cut) -> where the next chunk begins, not after the cut.
Restart = Callable[[int, int], int]
# first visible character of the chunk -> tokens that it may hold, from 1 to the size of a chunk.
Room = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Window:
    """A chunk's place and its tokens."""

    start: int
    end: int
    tokens: int


def next_visible(text: str, start: int, end: int) -> int:
    """The first character from `start` on that is not white space; `end` without one."""
    found = _VISIBLE.search(text, start, end)
    return found.start() if found else end


def windows(
    tokenized: TokenizedText,
    start: int,
    end: int,
    choose: Choose,
    *,
    restart: Restart | None = None,
    room: Room | None = None,
    even_tail: bool = True,
) -> Iterator[Window]:
    """Windows that cover every visible character of `[start, end)`, in order, each within the limits of a chunk.

    The one exception is a single character of more tokens than the limit. With `restart` windows overlap; `room` is for
    chunks that carry something beside their text.
    """
    text = tokenized.text
    first = next_visible(text, start, end)
    begin = _indented(text, first, start)
    while first < end:
        size = tokenized.size if room is None else room(first)
        window, cut = _window(tokenized, size, begin, first, end, choose, even_tail)
        yield window
        first = next_visible(text, cut, end)
        begin = _indented(text, first, window.end)
        if restart is not None:
            begin = min(begin, next_visible(text, max(restart(window.start, cut), window.start + 1), first))


def _window(
    tokenized: TokenizedText, size: int, begin: int, first: int, end: int, choose: Choose, even_tail: bool
) -> tuple[Window, int]:
    """The window from `begin` that holds at least the character `first`, and the cut that ends it."""
    text = tokenized.text
    budget, characters = size, tokenized.max_characters
    while True:
        high = min(tokenized.reach(begin, budget), begin + characters, end)
        if high <= first:
            if begin < first:
                # Overlap or indentation would leave no room for anything new.
                begin, budget, characters = first, size, tokenized.max_characters
                continue
            high = first + 1
        cut = high if high == end else _cut(tokenized, begin, first, end, high, budget, choose, even_tail)
        stop = begin + len(text[begin:cut].rstrip())
        tokens = tokenized.count(begin, stop)
        if tokens <= size or stop - begin == 1:
            return Window(begin, stop, tokens), cut
        # Cut out of its surroundings the text has more tokens than inside them: take less of it.
        budget = min(budget - 1, tokenized.estimate(begin, cut) * size // tokens)
        if budget < 1:
            budget, characters = 1, (stop - begin) // 2


def _cut(
    tokenized: TokenizedText, begin: int, first: int, end: int, high: int, budget: int, choose: Choose, even_tail: bool
) -> int:
    """The cut for a window that cannot hold everything up to `end`."""
    characters = high - begin
    low = min(tokenized.reach(begin, budget // MIN_FILL), begin + characters // MIN_FILL)
    cut, rank = choose(first, max(low, first + 1), high)
    total = tokenized.estimate(begin, end)
    if even_tail and total - tokenized.estimate(begin, cut) < MIN_TAIL_TOKENS and total > MIN_FILL:
        third, two_thirds = tokenized.reach(begin, total // 3), tokenized.reach(begin, total - total // 3)
        if first + 1 <= third <= two_thirds < high:
            evener, its_rank = choose(first, third, two_thirds)
            if its_rank <= rank and evener >= third:
                return evener
    return cut


def _indented(text: str, first: int, floor: int) -> int:
    """The start of `first`'s line where only blanks precede it there, else `first`."""
    begin = first
    while begin > floor and first - begin < _MAX_INDENT_CHARACTERS and text[begin - 1] in " \t":
        begin -= 1
    return begin if begin == 0 or text[begin - 1] in "\r\n" else first
