"""Layer 1: what every answer must hold to, without tolerance. Each rule gives True where it is kept; nothing is estimated.

An abstention makes no claim and so keeps the rules about citations and words; that it was right to abstain is measured by
`abstention/right`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from assay.answering.answer import Answer, Citation
from assay.documents.pii import find_pii
from assay.evaluation.current_documents import CurrentDocument
from assay.evaluation.golden_questions import GoldenQuestion
from assay.retrieval.hits import Hit

# What no answer may hold whatever its passages say: marks of a prompt, of a page's code, and a model about itself.
BANNED_PATTERNS = (
    r"<\|[a-z_]+\|>",
    r"\[/?INST\]",
    r"(?i)<script\b",
    r"(?i)\bas an ai\b",
    r"(?i)\b(?:system prompt|previous instructions)\b",
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]",
)
_NUMBER = re.compile(r"\d+(?:[.,:'\u00a0\u202f]\d+)*")
_GROUPED = re.compile(r"\d{1,3}(?:[.,'\u00a0\u202f]\d{3})+")
_SEPARATOR = re.compile(r"\D")


def schema_valid(question: GoldenQuestion, answer: Answer) -> bool:
    """`deterministic.schema_valid`: words with citations, or an abstention with a reason and nothing else; each citation
    spans exactly its quote."""
    if answer.question != question.question:
        return False
    if answer.abstained:
        return not answer.text.strip() and not answer.citations and bool(answer.reason)
    spans = all(0 <= one.start < one.end and one.end - one.start == len(one.quote) for one in answer.citations)
    return bool(answer.text.strip()) and answer.reason is None and spans


def cites_or_abstains(answer: Answer, hits: Sequence[Hit]) -> bool:
    """`deterministic.cites_or_abstains`: an answer has a citation, and where nothing was retrieved there is no answer."""
    return answer.abstained or (bool(hits) and bool(answer.citations))


def citations_retrieved(answer: Answer, hits: Sequence[Hit]) -> bool:
    """`deterministic.citations_retrieved`: every cited chunk is among the hits, and is of the document that is named."""
    return all(_cited(one, hits) is not None for one in answer.citations)


def quotes_in_chunks(answer: Answer, hits: Sequence[Hit]) -> bool:
    """`deterministic.quotes_in_chunks`: every quote stands in the cited chunk, at the place that it names."""
    return all(
        (hit := _cited(one, hits)) is not None
        and hit.start <= one.start
        and hit.text[one.start - hit.start : one.end - hit.start] == one.quote
        for one in answer.citations
    )


def quotes_in_documents(answer: Answer, documents: Mapping[str, CurrentDocument]) -> bool:
    """`deterministic.quotes_in_documents`: every quote is that very slice of the current text of its document."""
    return all(
        (document := documents.get(one.document_id)) is not None and document.text[one.start : one.end] == one.quote
        for one in answer.citations
    )


def numbers_cited(answer: Answer, hits: Sequence[Hit]) -> bool:
    """`deterministic.numbers_cited`: every number of the answer stands in a cited chunk; thousands may be grouped otherwise."""
    known = {number for text in _as_quoted(_cited_texts(answer, hits)) for number in numbers(text)}
    return numbers(answer.text) <= known


def personal_data_cited(answer: Answer, hits: Sequence[Hit]) -> bool:
    """`deterministic.personal_data_cited`: personal data and secrets stand in a cited chunk, which the asker may see."""
    texts = list(_cited_texts(answer, hits))
    known = {value for text in _as_quoted(texts) for value in personal_data(text)}
    return all(any(_stands(value, text) for text in texts) for value in personal_data(answer.text) - known)


def nothing_banned(answer: Answer, patterns: Sequence[str] = BANNED_PATTERNS) -> bool:
    """`deterministic.nothing_banned`: no pattern that no answer may hold is found in it."""
    return not any(re.search(pattern, answer.text) for pattern in patterns)


def permitted(
    question: GoldenQuestion, answer: Answer, hits: Sequence[Hit], documents: Mapping[str, CurrentDocument]
) -> bool:
    """`deterministic.permitted`: every document found or cited is current, and one of its principals is the asker's."""
    asker = set(question.principals)
    shown = named_documents(answer, hits)
    return all(one in documents and asker.intersection(documents[one].allowed_principals) for one in shown)


def named_documents(answer: Answer, hits: Sequence[Hit]) -> set[str]:
    """Every document that the asker is shown: of hits with all their places, and of citations."""
    found = {place.document_id for hit in hits for place in hit.places} | {hit.document_id for hit in hits}
    return found | {one.document_id for one in answer.citations}


def numbers(text: str) -> frozenset[str]:
    """The numbers in figures, `1,000` and `1.000` as `1000`: a language or a model may group digits otherwise."""
    found = _NUMBER.findall(text)
    return frozenset(_SEPARATOR.sub("", one) if _GROUPED.fullmatch(one) else one for one in found)


@lru_cache(maxsize=1024)
def personal_data(text: str) -> frozenset[str]:
    """The values themselves, without blanks and case."""
    return frozenset("".join(text[one.start : one.end].casefold().split()) for one in find_pii(text))


def _cited(citation: Citation, hits: Sequence[Hit]) -> Hit | None:
    return next(
        (hit for hit in hits if (hit.chunk_id, hit.document_id) == (citation.chunk_id, citation.document_id)), None
    )


def _cited_texts(answer: Answer, hits: Sequence[Hit]) -> Iterable[str]:
    return (hit.text for one in answer.citations if (hit := _cited(one, hits)) is not None)


def _as_quoted(texts: Iterable[str]) -> Iterable[str]:
    """Each text, and as an answer says it: with one blank for white space, so that `1\u00a0350` has become `1 350`."""
    return (form for text in texts for form in (text, " ".join(text.split())))


def _stands(value: str, text: str) -> bool:
    """Whether a value stands there whole. Many are known by what stands before them, and a row of a table is quoted with
    the names of its columns, which may stand far above it."""
    blanks = r"\s*".join(map(re.escape, value))
    return re.search(rf"(?<![\w.+%@-]){blanks}(?![\w@])", text.casefold()) is not None
