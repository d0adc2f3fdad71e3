"""Chunks between which the subject changes: cut where the embeddings of neighbouring sentences part."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.documents.chunking.chunk import Chunk
from assay.documents.chunking.cuts import PARAGRAPH, paragraph_ends, prose_cut, sentence_ends
from assay.documents.chunking.tokens import TokenizedText
from assay.documents.chunking.windows import Window, next_visible, windows

Vectors = NDArray[np.float32]
# Sentences to a row of length 1 each, shape (sentences, dimension).
Embed = Callable[[Sequence[str]], Vectors]

# Sentences on each side of a gap whose mean vectors are compared. Of 1, 2 and 3, 2 found most (docs/benchmarks.md has the
# texts; the three lay within their intervals).
SIDE_SENTENCES = 2
# A chunk is cut although it would fit where its sides part: where their similarity lies this far below the highest on
# both ways to the chunk's ends, added up. Two subjects in one text reach about 1.
PARTING_DEPTH = 0.6
# No such cut leaves less than this part of a chunk.
MIN_PART = 4
# Similarities that differ by less are equal, and the last of equal ones is taken. Another batch moves a number of a
# vector by up to 2.3e-7; 1e-6 in each of 384 numbers moves a similarity by 4e-5 at most.
TOLERANCE = 1e-4


def semantic_chunks(tokenized: TokenizedText, embed: Embed) -> list[Chunk]:
    """Fill chunks up to the gap within reach where the sentences on both sides are least alike; cut those that part.

    A gap's similarity depends on two sentences on each side, so an edit moves the cuts around it alone. Noise moves none:
    what lies within `TOLERANCE` of the least counts as a tie, and place settles ties. (A similarity at the very edge of
    the tolerance is as likely to change sides as two random ones are to meet: some 1e-5 a cut. The vector cache, which
    keeps a sentence's first vector, takes that away too.)
    """
    text = tokenized.text
    sentences = _sentences(tokenized)
    gaps = [start for start, _ in sentences[1:]]
    similarities = _similarities(embed([text[start:end] for start, end in sentences])) if gaps else np.empty(0)

    def choose(_first: int, low: int, high: int) -> tuple[int, int]:
        begin, end = bisect_left(gaps, low), bisect_right(gaps, high)
        if begin < end:
            return gaps[_least(similarities, begin, end)], PARAGRAPH
        return prose_cut(text, low, high)

    found = windows(tokenized, 0, len(text), choose)
    parts = (part for window in found for part in _parted(tokenized, window, gaps, similarities))
    return [Chunk(text[one.start : one.end], one.start, one.end, (), one.tokens) for one in parts]


def _sentences(tokenized: TokenizedText) -> list[tuple[int, int]]:
    """`(start, end)` of every sentence, without the white space around it; one too long for a chunk is cut."""
    text = tokenized.text
    ends = sorted({*paragraph_ends(text), *sentence_ends(text, 1, len(text)), len(text)})
    found: list[tuple[int, int]] = []
    start = 0
    for end in ends:
        if tokenized.fits(start, end):
            first = next_visible(text, start, end)
            if first < end:
                found.append((first, first + len(text[first:end].rstrip())))
        else:
            pieces = windows(tokenized, start, end, lambda _first, low, high: prose_cut(text, low, high))
            found.extend((piece.start, piece.end) for piece in pieces)
        start = end
    return found


def _similarities(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosines of the mean vectors on both sides of every gap, shape (sentences - 1,)."""
    sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0, dtype=np.float64)])
    gaps = np.arange(1, len(vectors))
    before = sums[gaps] - sums[np.maximum(gaps - SIDE_SENTENCES, 0)]
    after = sums[np.minimum(gaps + SIDE_SENTENCES, len(vectors))] - sums[gaps]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    return np.sum(before * after, axis=1) / np.maximum(lengths, 1e-9)


def _least(similarities: NDArray[np.float64], begin: int, end: int) -> int:
    """The last gap of `[begin, end)` that is as low as the lowest."""
    within = similarities[begin:end]
    return begin + int(np.flatnonzero(within <= within.min() + TOLERANCE)[-1])


def _parted(
    tokenized: TokenizedText, window: Window, gaps: Sequence[int], similarities: NDArray[np.float64]
) -> Iterator[Window]:
    """The window, cut wherever its sides part and are large enough."""
    least_tokens = max(tokenized.size // MIN_PART, 1)
    first, last = bisect_right(gaps, window.start), bisect_left(gaps, window.end)
    begin = max(bisect_left(gaps, tokenized.reach(window.start, least_tokens)), first)
    end = min(bisect_right(gaps, tokenized.back(window.end, least_tokens)), last)
    if begin < end:
        lowest = _least(similarities, begin, end)
        peaks = similarities[first : lowest + 1].max(), similarities[lowest:last].max()
        if sum(peaks) - 2 * similarities[lowest] >= PARTING_DEPTH:
            sides = _cut(tokenized, window, gaps[lowest])
            if all(side.tokens <= tokenized.size for side in sides):
                for side in sides:
                    yield from _parted(tokenized, side, gaps, similarities)
                return
    yield window


def _cut(tokenized: TokenizedText, window: Window, place: int) -> tuple[Window, Window]:
    """Both sides of a gap: tokens counted anew, no white space at the end of the first."""
    end = window.start + len(tokenized.text[window.start : place].rstrip())
    return (
        Window(window.start, end, tokenized.count(window.start, end)),
        Window(place, window.end, tokenized.count(place, window.end)),
    )
