"""The words of a question that an answer should hold, without those of grammar, endings and accents."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
# Enough to tell words apart, and the same in most inflections of one.
_STEM_LETTERS = 6
# English and Spanish: articles, prepositions, pronouns, auxiliaries and the words that ask.
_GRAMMAR = frozenset({
    "a", "an", "the", "of", "to", "in", "on", "for", "and", "or", "is", "are", "was", "were", "be", "been", "do",
    "does", "did", "how", "what", "which", "who", "whom", "whose", "when", "where", "why", "can", "could", "may",
    "must", "will", "would", "should", "shall", "it", "its", "this", "that", "these", "those", "i", "we", "you",
    "they", "he", "she", "my", "our", "your", "their", "me", "us", "them", "with", "at", "by", "from", "as", "not",
    "no", "if", "than", "then", "there", "have", "has", "had", "so", "any", "some", "one",
    "el", "la", "los", "las", "un", "una", "unos", "unas", "de", "del", "al", "en", "y", "o", "que", "cual", "cuales",
    "cuanto", "cuantos", "cuanta", "cuantas", "como", "cuando", "donde", "quien", "es", "son", "esta", "estan", "por",
    "para", "con", "se", "su", "sus", "mi", "lo", "le", "te", "si", "hay",
})  # fmt: skip


def content_words(text: str) -> frozenset[str]:
    """Words without accents, cut to their stem; the words of grammar are left out."""
    bare = "".join(one for one in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(one))
    return frozenset(_stem(word) for word in _WORD.findall(bare) if word not in _GRAMMAR)


def word_shares(question: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """For each text the share of the question's content words that it holds, in [0, 1], shape (texts,).

    A word counts the more the fewer of these texts hold it: `log(1 + texts / (texts with it + .5))`.
    """
    wanted = content_words(question)
    held = [wanted & content_words(text) for text in texts]
    frequency = Counter(word for words in held for word in words)
    weights = {word: math.log1p(len(texts) / (frequency[word] + 0.5)) for word in wanted}
    total = math.fsum(weights.values())  # the same in whatever order a set gives its words
    return np.array([math.fsum(weights[word] for word in words) / total if total else 0.0 for words in held])


def _stem(word: str) -> str:
    if len(word) > _STEM_LETTERS:
        return word[:_STEM_LETTERS]
    return word.removesuffix("s") if len(word) > 3 else word
