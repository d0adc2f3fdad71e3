"""How much an answer's words are those of a reference answer. Pure functions, each in [0, 1].

They see words, not what is meant: a swapped number costs as much as a swapped article. Read them beside `abstention/right`.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")


def token_f1(answer: str, reference: str) -> float:
    """`squad-1.1/token_f1`: harmonic mean of precision and recall over the words, as SQuAD's evaluation script counts them.

    Lowercased, without ASCII punctuation and English articles (Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250).
    """
    ours, theirs = _squad_words(answer), _squad_words(reference)
    return _f1(sum((Counter(ours) & Counter(theirs)).values()), len(ours), len(theirs))


def rouge_l(answer: str, reference: str) -> float:
    """`rouge-l/f1`: F1 of the longest common subsequence of words (Lin 2004, https://aclanthology.org/W04-1013).

    As rouge-score 0.1.2 does without a stemmer: lowercased, and words are runs of ASCII letters and digits.
    """
    ours, theirs = _ascii_words(answer), _ascii_words(reference)
    return _f1(_longest_common(ours, theirs), len(ours), len(theirs))


def similarity(answer: str, reference: str) -> float:
    """`similarity/ratio`: difflib's ratio over characters, lowercased and with white space joined.

    Twice the characters in matching blocks by all characters (Ratcliff and Metzener 1988). The reference comes first, for
    the ratio depends on the order; nothing is taken for junk.
    """
    texts = [" ".join(text.casefold().split()) for text in (reference, answer)]
    return SequenceMatcher(None, *texts, autojunk=False).ratio() if any(texts) else 0.0


def _squad_words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _ascii_words(text: str) -> list[str]:
    return _NOT_ALPHANUMERIC.sub(" ", text.lower()).split()


def _f1(common: int, ours: int, theirs: int) -> float:
    """Of `common` words that two texts of so many share; 0 where either has none."""
    return 2 * common / (ours + theirs) if common else 0.0


def _longest_common(left: Sequence[str], right: Sequence[str]) -> int:
    """The length of the longest common subsequence, in O(len(left) * len(right)) time and one row of memory."""
    row = [0] * (len(right) + 1)
    for one in left:
        diagonal = 0
        for at, other in enumerate(right, start=1):
            diagonal, row[at] = row[at], diagonal + 1 if one == other else max(row[at], row[at - 1])
    return row[-1]
