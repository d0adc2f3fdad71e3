"""Where each character of a cleaned text comes from: a sorted list of pieces, each a slice of either text.

A piece whose two slices are equally long was copied, character by character. Any other was replaced as a whole: a token
in the place of an e-mail address, nothing in the place of a page's footer.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """`replacement` takes the place of `text[start:end]`."""

    start: int
    end: int
    replacement: str = ""


@dataclass(frozen=True, slots=True)
class OffsetMap:
    """Piece i is `cleaned[starts[i]:starts[i + 1]]` and was made from `source[source_starts[i]:source_starts[i + 1]]`.

    Both lists begin with 0 and end with the length of their text. Offsets count Unicode code points.
    """

    starts: tuple[int, ...]
    source_starts: tuple[int, ...]

    @classmethod
    def of(cls, edits: Iterable[Edit], source_characters: int) -> "OffsetMap":
        """The map of a text of that length after `edits`, which are sorted and do not overlap."""
        points = [(0, 0)]
        for edit in edits:
            copied = edit.start - points[-1][1]
            if copied:
                points.append((points[-1][0] + copied, edit.start))
            points.append((points[-1][0] + len(edit.replacement), edit.end))
        rest = source_characters - points[-1][1]
        if rest or len(points) == 1:
            points.append((points[-1][0] + rest, source_characters))
        return cls(tuple(start for start, _ in points), tuple(source for _, source in points))

    @property
    def inverse(self) -> "OffsetMap":
        """From the source to the cleaned text: `inverse.source_span` says where a slice of the source went."""
        return OffsetMap(self.source_starts, self.starts)

    @property
    def edited_characters(self) -> int:
        """Characters of the source that were removed or replaced by something of another length."""
        return sum(source for cleaned, source in self._lengths() if cleaned != source)

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """The slice of the source that `cleaned[start:end]` was made from: of a replaced piece always the whole.

        What was removed inside the slice counts, what was removed beside it does not. Raises ValueError for an empty slice.
        """
        if not 0 <= start < end <= self.starts[-1]:
            raise ValueError(f"{start}:{end} is no slice of a text of {self.starts[-1]} characters.")
        first, last = (bisect_right(self.starts, offset) - 1 for offset in (start, end - 1))
        source_start, source_end = self.source_starts[first], self.source_starts[last + 1]
        if self._is_copied(first):
            source_start += start - self.starts[first]
        if self._is_copied(last):
            source_end -= self.starts[last + 1] - end
        return source_start, source_end

    def _is_copied(self, piece: int) -> bool:
        source = self.source_starts[piece + 1] - self.source_starts[piece]
        return self.starts[piece + 1] - self.starts[piece] == source

    def _lengths(self) -> Iterator[tuple[int, int]]:
        for piece in range(len(self.starts) - 1):
            yield (
                self.starts[piece + 1] - self.starts[piece],
                self.source_starts[piece + 1] - self.source_starts[piece],
            )


def edited(text: str, edits: Iterable[Edit]) -> str:
    """`text` after `edits`, which are sorted and do not overlap."""
    parts: list[str] = []
    at = 0
    for edit in edits:
        parts += [text[at : edit.start], edit.replacement]
        at = edit.end
    return "".join([*parts, text[at:]])
