"""Smoke questions: made from headings where nobody wrote golden ones, and answered by what stands below the heading.

They show that documents are found by their own headings, and nothing more. A document without a heading is asked for by
its opening words.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from assay.evaluation.golden_questions import GoldenPassage, GoldenPlace, GoldenQuestion
from assay.retrieval.canaries import MIN_QUESTION_WORDS

# As many as a verdict with a margin of .05 needs, by docs/evaluation.md; more cost time and tell little.
MAX_SMOKE_QUESTIONS = 200
# A passage is a line's beginning: another chunker, which cuts elsewhere, still has it in one piece.
_MAX_QUOTE_CHARACTERS = 200
_MIN_QUOTE_CHARACTERS = 20
# Of a document without a heading: enough to know it by, and no whole line.
_OPENING_WORDS = 8
# What `heading_questions` needs of gold/chunks.
CHUNK_COLUMNS = ("document_id", "allowed_principals", "title", "heading_path", "start", "text")


def heading_questions(chunks: pa.Table) -> tuple[GoldenQuestion, ...]:
    """A question for each heading that occurs under one document only, at most 200, as many of each document as can be;
    for a document that has none, one of its opening words.

    `chunks`: rows of gold/chunks with `CHUNK_COLUMNS`. The same chunks give the same questions in any order.
    """
    rows: list[dict[str, Any]] = chunks.select(CHUNK_COLUMNS).to_pylist()
    owners: defaultdict[str, set[str]] = defaultdict(set)
    firsts: dict[tuple[str, str], dict[str, Any]] = {}
    openings: dict[str, tuple[dict[str, Any], GoldenPlace]] = {}
    for row in sorted(rows, key=_order):
        if row["document_id"] not in openings and (place := _passage(row)):
            openings[row["document_id"]] = (row, place)
        text = _question(row)
        owners[text].add(row["document_id"])
        firsts.setdefault((row["document_id"], text), row)
    by_document: defaultdict[str, list[GoldenQuestion]] = defaultdict(list)
    for (document_id, text), row in firsts.items():
        if len(owners[text]) == 1 and len(text.split()) >= MIN_QUESTION_WORDS and (place := _passage(row)):
            by_document[document_id].append(_golden(text, row, place))
    asked = {one: " ".join(place.quote.split()[:_OPENING_WORDS]) for one, (_, place) in openings.items()}
    shared = Counter(asked.values())
    for document_id, (row, place) in openings.items():
        if document_id not in by_document and shared[asked[document_id]] == 1:
            by_document[document_id].append(_golden(asked[document_id], row, place))
    ranked = [sorted(those, key=lambda one: one.id) for those in by_document.values()]
    return tuple(one for _, one in sorted(_by_turns(ranked), key=lambda turn: (turn[0], turn[1].id)))[
        :MAX_SMOKE_QUESTIONS
    ]


def _by_turns(ranked: Iterable[list[GoldenQuestion]]) -> Iterator[tuple[int, GoldenQuestion]]:
    """Each document's first question, then each one's second, and so on."""
    return ((turn, one) for those in ranked for turn, one in enumerate(those))


def _order(row: dict[str, Any]) -> tuple[str, int, str]:
    return row["document_id"], row["start"], row["text"]


def _question(row: dict[str, Any]) -> str:
    return " ".join(" ".join(dict.fromkeys([str(row["title"]), *row["heading_path"][-1:]])).split())


def _golden(text: str, row: dict[str, Any], place: GoldenPlace) -> GoldenQuestion:
    named = hashlib.sha256(f"{place.document_id}\n{text}".encode()).hexdigest()[:12]
    return GoldenQuestion(
        id=f"heading-{named}",
        question=text,
        kind="heading",
        answerable=True,
        principals=tuple(row["allowed_principals"]),
        slices=(),
        reference_answer=None,
        passages=(GoldenPassage((place,)),),
    )


def _passage(row: dict[str, Any]) -> GoldenPlace | None:
    """The beginning of the first line below the chunk's heading that says something; None where there is none."""
    text: str = row["text"]
    heading = row["heading_path"][-1] if row["heading_path"] else None
    place = 0
    found: GoldenPlace | None = None
    for line in text.splitlines(keepends=True):
        start, place = place, place + len(line)
        title = line.strip().strip("#").strip()
        if title == heading:
            found = None  # what stood above belongs to a heading before
        elif found is None and not line.startswith("#") and _says_something(line):
            start += len(line) - len(line.lstrip())
            quote = line.strip()[:_MAX_QUOTE_CHARACTERS].rstrip()
            first = row["start"] + start
            found = GoldenPlace(row["document_id"], first, first + len(quote), quote)
    return found


def _says_something(line: str) -> bool:
    return len(line.strip()) >= _MIN_QUOTE_CHARACTERS and any(character.isalnum() for character in line)
