"""Chunks of a fixed number of tokens, the baseline that the other strategies are compared with."""

from assay.documents.chunking.chunk import Chunk
from assay.documents.chunking.cuts import TOKEN
from assay.documents.chunking.tokens import MAX_CHARACTERS_PER_TOKEN, TokenizedText
from assay.documents.chunking.windows import windows


def fixed_chunks(tokenized: TokenizedText, overlap: int) -> list[Chunk]:
    """Windows of `size` tokens that begin `size - overlap` tokens apart, white space at their ends left out.

    Where a cut inside a word would make more tokens of its halves, the window holds fewer.
    """
    text = tokenized.text

    def choose(_first: int, _low: int, high: int) -> tuple[int, int]:
        return high, TOKEN

    def restart(_start: int, cut: int) -> int:
        return max(tokenized.back(cut, overlap), cut - overlap * MAX_CHARACTERS_PER_TOKEN)

    found = windows(tokenized, 0, len(text), choose, restart=restart if overlap else None, even_tail=False)
    return [Chunk(text[one.start : one.end], one.start, one.end, (), one.tokens) for one in found]
