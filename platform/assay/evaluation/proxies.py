"""`proxy.*` scores: how far an answer seems to follow from its passages, told by vectors and words. They advise only.

A proxy is never called a judge: docs/benchmarks.md shows how little one knows of what people say about modern answers.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from assay.answering.quotable_parts import quotable_parts

# Sentences to a row of length 1 each, shape (sentences, dimension).
Embed = Callable[[Sequence[str]], NDArray[np.float32]]

# What a claim keeps that denies what its source affirms, or the other way round. 0 costs .009 AUC on BEGIN, for a
# negation may stand in another part of a long sentence.
NEGATION_MISMATCH = 0.5

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_GROUPED = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
_NUMBER_WORDS = {
    word: str(number)
    for number, words in enumerate(
        ("two dos", "three tres", "four cuatro", "five cinco", "six seis", "seven siete", "eight ocho", "nine nueve",
         "ten diez", "eleven once", "twelve doce"),
        start=2,
    )
    for word in words.split()
}  # fmt: skip
_NEGATIONS = frozenset({
    "no", "not", "never", "none", "nobody", "nothing", "neither", "nor", "without", "cannot",
    "nunca", "sin", "ningún", "ninguno", "ninguna", "nadie", "nada", "jamás", "tampoco",
})  # fmt: skip


@dataclass(frozen=True)
class _Sentence:
    """What of a sentence is compared beside its vector."""

    words: frozenset[str]
    numbers: frozenset[str]
    entities: frozenset[str]
    negated: bool


def proxy_scores(answer: str, passages: Sequence[str], embed: Embed) -> Mapping[str, float]:
    """The proxies of one answer, each in [0, 1]; empty where the answer claims nothing or there is no passage.

    `proxy.support`: the mean over the answer's sentences of `max over passage sentences of cosine x numbers x entities x
    negation`. `numbers` and `entities` are the shares of those in the claim that stand in the passage's sentence (1 without
    any), `negation` is 1 where both deny or neither does, else `NEGATION_MISMATCH`. Without these three a claim with a
    swapped number scores above a true paraphrase.
    `proxy.unigram_overlap`: the share of the answer's words that stand in the passages.
    """
    claims = _sentences(answer)
    sources = [sentence for passage in passages for sentence in _sentences(passage)]
    if not claims or not sources:
        return {}
    vectors = embed([*claims, *sources])
    cosines = np.clip(vectors[: len(claims)] @ vectors[len(claims) :].T, 0.0, 1.0)
    looked_at = [_looked_at(source) for source in sources]
    checks = np.array([[_agreement(_looked_at(claim), source) for source in looked_at] for claim in claims])
    return {
        "proxy.support": float(np.mean(np.max(cosines * checks, axis=1))),
        "proxy.unigram_overlap": unigram_overlap(answer, passages),
    }


def unigram_overlap(answer: str, passages: Sequence[str]) -> float:
    """The share of an answer's words, repeated ones counted, that stand in any passage; 0 for an answer without words."""
    words, known = _words(answer), {word for passage in passages for word in _words(passage)}
    return sum(word in known for word in words) / len(words) if words else 0.0


def numbers_of(text: str) -> frozenset[str]:
    """Numbers in one spelling: `1,350.00`, `1.350,00` and `1350` are one; so are `six` and `6`."""
    written = {_plain(number) for number in _NUMBER.findall(text)}
    return frozenset(written | {_NUMBER_WORDS[word] for word in _words(text) if word in _NUMBER_WORDS})


def entities_of(sentence: str) -> frozenset[str]:
    """Names, in lower case: words with a capital that does not only begin the sentence."""
    return frozenset(
        word.lower()
        for place, word in enumerate(_WORD.findall(sentence))
        if word != "I" and (any(map(str.isupper, word[1:])) or (place and word[0].isupper()))
    )


def is_negated(text: str) -> bool:
    """Whether it holds an odd number of negations, in English or Spanish."""
    return sum(word in _NEGATIONS or word.endswith(("n't", "n’t")) for word in _words(text)) % 2 == 1


@lru_cache(maxsize=4096)
def _looked_at(sentence: str) -> _Sentence:
    return _Sentence(frozenset(_words(sentence)), numbers_of(sentence), entities_of(sentence), is_negated(sentence))


def _agreement(claim: _Sentence, source: _Sentence) -> float:
    return (
        _share(claim.numbers, source.numbers)
        * _share(claim.entities, source.words)
        * (1.0 if claim.negated == source.negated else NEGATION_MISMATCH)
    )


def _share(wanted: frozenset[str], found: frozenset[str]) -> float:
    return len(wanted & found) / len(wanted) if wanted else 1.0


def _plain(number: str) -> str:
    """Without what groups thousands, nor zeros that end a decimal part."""
    grouped = _GROUPED.fullmatch(number)
    if grouped:
        number = number.replace(grouped[1], "")
    number = number.replace(",", ".")
    return number.rstrip("0").rstrip(".") if number.count(".") == 1 else number


def _sentences(text: str) -> list[str]:
    return [part.said for part in quotable_parts(text)]


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]
