"""The header row that a chunk from the middle of a table carries, so that its cells keep their names."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from assay.documents.chunking.blocks import Table
from assay.documents.chunking.tokens import MAX_CHARACTERS_PER_TOKEN, TokenizedText


@dataclass(frozen=True, slots=True)
class CarriedHeader:
    """A header row with its rule, and the tokens they take from a chunk's own."""

    text: str
    tokens: int


class TableHeaders:
    """The headers of a text's tables by the places below them; each is measured when it is first asked for."""

    def __init__(self, tokenized: TokenizedText, tables: Sequence[Table]) -> None:
        self._tokenized = tokenized
        self._tables = tables
        self._measured: dict[int, CarriedHeader | None] = {}

    def at(self, place: int) -> CarriedHeader | None:
        """The header that a chunk from `place` on carries; None unless it begins among the rows of a table."""
        index = bisect_right(self._tables, place, key=lambda table: table.body) - 1
        if index < 0 or place >= self._tables[index].end:
            return None
        if index not in self._measured:
            self._measured[index] = _carried(self._tokenized, self._tables[index].columns)
        return self._measured[index]

    def room(self, place: int) -> int:
        """How many tokens of text a chunk from `place` on may hold: its size less its header's."""
        header = self.at(place)
        return self._tokenized.size - (header.tokens if header else 0)


def _carried(tokenized: TokenizedText, columns: Sequence[str]) -> CarriedHeader | None:
    """The header's first columns, as many as fit in half a chunk; None where not even one does.

    One dash a column makes a rule. A written rule may be as wide as its column, and a dash is a token of its own to
    WordPiece: kept as it is, the rule of three columns of 20 characters would take 60 tokens of every chunk.
    """
    most, count, characters = tokenized.size // 2, 0, 0
    for column in columns:
        characters += len(column)
        if characters > most * MAX_CHARACTERS_PER_TOKEN:
            break
        count += 1
    while count > 0:
        cells = (column.replace("|", "\\|") for column in columns[:count])
        text = f"| {' | '.join(cells)} |\n|{'-|' * count}"
        tokens = tokenized.tokens_of(f"{text}\n")
        if tokens <= most:
            return CarriedHeader(text, tokens)
        count = min(count - 1, count * most // tokens)
    return None
