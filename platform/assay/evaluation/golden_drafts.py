"""Candidates for golden questions, drafted from a corpus by rules: a person reads, rewrites and accepts each, or drops it.

What is drafted asks in the document's own words, which is easier than what people ask; and nothing without an answer can be
drafted. The same texts give the same drafts.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from assay.answering.quotable_parts import QuotablePart, quotable_parts
from assay.documents.chunking.blocks import Heading, Table, scan_blocks
from assay.evaluation.current_documents import CurrentDocument
from assay.evaluation.golden_question_files import question_record
from assay.evaluation.golden_questions import GoldenPassage, GoldenPlace, GoldenQuestion

# A longer quote is cut in two by many a chunker; a shorter one says little.
_MAX_QUOTE_CHARACTERS = 400
_MIN_QUOTE_CHARACTERS = 20
_DEFINITIONS = {
    "es": re.compile(r"(?P<what>(?:(?:El|La|Los|Las|Un|Una) )?[^\W\d_][\w -]{2,40}?) (?:es|son|significa) (?=\w)"),
    "en": re.compile(r"(?P<what>(?:(?:The|A|An) )?[^\W\d_][\w -]{2,40}?) (?:is|are|means) (?:an?|the|any|every|all)\b"),
}
_ASKED = {
    "es": {
        "definition": "¿Qué es {what}?",
        "table": "Según «{title}», ¿cuál es {column} de {what}?",
        "heading": "¿Qué dice «{title}» sobre «{what}»?",
    },
    "en": {
        "definition": "What is {what}?",
        "table": "In {title}, what is {column} of {what}?",
        "heading": "What does {title} say about {what}?",
    },
}
_ARTICLE = re.compile(r"\A(?:The|A|An|El|La|Los|Las|Un|Una) ")
# They point at something said before, which no question can.
_POINTERS = frozenset({"this", "that", "these", "those", "there", "here", "it", "they", "he", "she", "we", "you", "what", "which", "esto", "eso", "ellos"})  # fmt: skip
_KINDS = ("table", "definition", "heading")


def drafted_questions(documents: Mapping[str, CurrentDocument], per_document: int) -> list[dict[str, Any]]:
    """At most `per_document` candidates of each document, of all kinds in turn, as lines of a file of golden questions.

    Each has `accepted: null`, so that a set with it is refused until a person wrote a name there.
    """
    lines: list[dict[str, Any]] = []
    for document_id, document in sorted(documents.items()):
        by_kind: dict[str, list[GoldenQuestion]] = {kind: [] for kind in _KINDS}
        for draft in _drafts(document_id, document):
            by_kind[draft.kind].append(draft)
        ranked = [sorted(those, key=lambda one: one.id) for those in by_kind.values()]
        turns = [(turn, kind, one) for kind, those in enumerate(ranked) for turn, one in enumerate(those)]
        chosen = [one for _, _, one in sorted(turns, key=lambda each: each[:2])][:per_document]
        lines += [question_record(one) | {"accepted": None} for one in chosen]
    return lines


def _drafts(document_id: str, document: CurrentDocument) -> Iterator[GoldenQuestion]:
    blocks, parts = scan_blocks(document.text), quotable_parts(document.text)
    language = "es" if document.language == "es" else "en"
    for part in parts:
        table = next((one for one in blocks.tables if one.body <= part.start < one.end), None)
        asked = _of_row(part, table) if table else _of_definition(part, language)
        if asked is not None:
            yield from _draft(document_id, document, language, part, asked)
    for heading in blocks.headings:
        if (part := _first_below(heading, blocks.headings, parts)) is not None and heading.title != document.title:
            yield from _draft(document_id, document, language, part, ("heading", {"what": heading.title}, part.said))


# A kind, what its question is made of, and the answer.
_Asked = tuple[str, dict[str, str], str]


def _of_row(part: QuotablePart, table: Table) -> _Asked | None:
    """The first cell with a value beside the one that names the row."""
    cells = [cell.partition(": ")[::2] for cell in part.said.split("; ")]
    named = [(column, value) for column, value in cells if column in table.columns and value]
    if len(named) < 2:
        return None
    (_, what), (column, value) = named[0], named[1]
    return "table", {"what": what, "column": column}, value


def _of_definition(part: QuotablePart, language: str) -> _Asked | None:
    found = _DEFINITIONS[language].match(part.said)
    if found is None or found["what"].split()[0].lower() in _POINTERS:
        return None
    what = _ARTICLE.sub(lambda article: article[0].lower(), found["what"], count=1)
    return "definition", {"what": what}, part.said


def _first_below(
    heading: Heading, headings: tuple[Heading, ...], parts: tuple[QuotablePart, ...]
) -> QuotablePart | None:
    end = next((one.start for one in headings if one.start > heading.start), None)
    return next((part for part in parts if heading.body <= part.start and (end is None or part.start < end)), None)


def _draft(
    document_id: str, document: CurrentDocument, language: str, part: QuotablePart, asked: _Asked
) -> Iterator[GoldenQuestion]:
    """The question, unless its quote is too long or too short, or stands in the text twice."""
    kind, words, answer = asked
    quote = document.text[part.start : part.end]
    if not _MIN_QUOTE_CHARACTERS <= len(quote) <= _MAX_QUOTE_CHARACTERS or document.text.count(quote) > 1:
        return
    what = words["what"]
    question = what if what.endswith("?") else _ASKED[language][kind].format(title=document.title, **words)
    yield GoldenQuestion(
        id=f"draft-{hashlib.sha256(f'{document_id}|{kind}|{quote}'.encode()).hexdigest()[:12]}",
        question=" ".join(question.split()),
        kind=kind,
        answerable=True,
        principals=document.allowed_principals,
        slices=(
            *document.allowed_principals,
            *(["es"] if language == "es" else []),
            *(["table"] if kind == "table" else []),
        ),
        reference_answer=answer,
        passages=(GoldenPassage((GoldenPlace(document_id, part.start, part.end, quote),)),),
    )
