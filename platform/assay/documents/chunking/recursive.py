"""Chunks by separators alone, for text without structure."""

from assay.documents.chunking.chunk import Chunk
from assay.documents.chunking.cuts import PARAGRAPH, last_paragraph, prose_cut
from assay.documents.chunking.tokens import MAX_CHARACTERS_PER_TOKEN, TokenizedText
from assay.documents.chunking.windows import windows


def recursive_chunks(tokenized: TokenizedText, overlap: int) -> list[Chunk]:
    """Cut at the best separator that fills a quarter of a chunk or more: empty line, sentence, line, word, token.

    A chunk begins up to `overlap` tokens before the last one's end, at the first word there.
    """
    text = tokenized.text

    def choose(_first: int, low: int, high: int) -> tuple[int, int]:
        paragraph = last_paragraph(text, low, high)
        return prose_cut(text, low, high) if paragraph is None else (paragraph, PARAGRAPH)

    def restart(_start: int, cut: int) -> int:
        start = max(tokenized.back(cut, overlap), cut - overlap * MAX_CHARACTERS_PER_TOKEN)
        words = (place for place in range(start, cut) if place == 0 or text[place - 1].isspace())
        return next(words, start)

    found = windows(tokenized, 0, len(text), choose, restart=restart if overlap else None)
    return [Chunk(text[one.start : one.end], one.start, one.end, (), one.tokens) for one in found]
