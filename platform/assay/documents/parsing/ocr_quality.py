"""How far a page's recognized text can be relied on."""

from collections.abc import Sequence

from assay.documents.parsing.ocr_engine import SeenWord

# Of the even pages of benchmarks/ocr.py any threshold from .73 to .81 says best which hold 80% of their text.
MIN_PAGE_SCORE = 0.78
# Below are dot leaders, rules and specks. A table of contents that was read to 94% scored .49 with them.
MIN_WORD_CONFIDENCE = 0.3


def page_score(words: Sequence[SeenWord]) -> float:
    """Mean confidence of a page's letters and digits, from 0 to 1: each has that of its word. 0 without any.

    What the engine itself hardly takes for a word, below MIN_WORD_CONFIDENCE, does not count.
    """
    counted = [word for word in words if word.confidence >= MIN_WORD_CONFIDENCE]
    weights = [sum(map(str.isalnum, word.text)) for word in counted]
    confident = sum(weight * word.confidence for weight, word in zip(weights, counted, strict=True))
    return confident / sum(weights) if any(weights) else 0.0
