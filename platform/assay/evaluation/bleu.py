"""`sacrebleu/bleu`: BLEU of one answer against one reference, on a scale of 0 to 1.

As `sacrebleu.sentence_bleu` 2.6 computes it by default (its score is 100 times this one): the tokenizer `13a`, n-grams up to
four words but no longer than the answer, exponential smoothing, case counts. BLEU was made for whole corpora (Papineni et al.
2002, https://aclanthology.org/P02-1040); of one sentence it is a coarse figure.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

_MAX_ORDER = 4
# Of mteval-v13a, as sacrebleu has them: punctuation stands alone, `.` and `,` unless between digits, `-` after a digit.
_RULES = (
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


def sentence_bleu(answer: str, reference: str) -> float:
    """Geometric mean of the n-gram precisions, times a penalty where the answer is shorter than the reference."""
    ours, theirs = _words(answer), _words(reference)
    orders = range(1, min(_MAX_ORDER, len(ours)) + 1)
    matches = [(_matches(ours, theirs, order), len(ours) - order + 1) for order in orders]
    if not any(correct for correct, _ in matches):
        return 0.0
    penalty = 1.0 if len(ours) >= len(theirs) else math.exp(1 - len(theirs) / len(ours))
    return penalty * math.exp(math.fsum(map(math.log, _smoothed(matches))) / len(matches))


def _smoothed(matches: Sequence[tuple[int, int]]) -> list[float]:
    """Precisions by order; of the k-th order without a match 1 / 2**k of one (Chen and Cherry 2014, method 3)."""
    precisions: list[float] = []
    halved = 1.0
    for correct, total in matches:
        halved = halved if correct else halved / 2
        precisions.append((correct or halved) / total)
    return precisions


def _matches(ours: Sequence[str], theirs: Sequence[str], order: int) -> int:
    return sum((_ngrams(ours, order) & _ngrams(theirs, order)).values())


def _ngrams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + order]) for at in range(len(words) - order + 1))


def _words(text: str) -> list[str]:
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    text = f" {text} "
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text.split()
