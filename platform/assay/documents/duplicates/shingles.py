"""What two texts share: their overlapping runs of words."""

import re

# Five words: fewer occur in any text of a subject, more make one edited word cost more of a short text.
SHINGLE_WORDS = 5
# Names all that the shingles of a text depend on.
SHINGLING = f"words{SHINGLE_WORDS}@1"

# Scripts that put no space between words: each of their characters counts as one. Thai and Lao, Burmese, Khmer, kana, Han.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_ASCII_WORDS = re.compile(r"\w+", re.ASCII)
_WORDS = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def shingles(text: str) -> frozenset[str]:
    """Every run of five words, in lower case and without punctuation; a shorter text is one run, none without a word."""
    lowered = text.lower()
    words = (_ASCII_WORDS if lowered.isascii() else _WORDS).findall(lowered)
    if len(words) < SHINGLE_WORDS:
        return frozenset([" ".join(words)] if words else [])
    return frozenset(map(" ".join, zip(*(words[start:] for start in range(SHINGLE_WORDS)), strict=False)))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared shingles over all shingles of the two; 0 where neither has one."""
    shared = len(one & other)
    return shared / max(len(one) + len(other) - shared, 1)
