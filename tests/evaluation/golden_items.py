"""Golden questions, hits and answers for the tests of evaluating: one small document that says what is asked."""

from collections.abc import Sequence

from assay.answering.answer import Answer, Citation
from assay.evaluation.golden_questions import GoldenPassage, GoldenPlace, GoldenQuestion
from assay.evaluation.golden_scores import Asked
from assay.retrieval.hits import Hit, Place

DOCUMENT = "docs:fees.md"
TEXT = "# Fees\n\nA refund costs 1,200 units. Write to ada@example.com about it.\n\nA transfer is free of charge.\n"
QUOTE = "A refund costs 1,200 units."


def place_of(quote: str, document_id: str = DOCUMENT, text: str = TEXT, *, stands: bool = True) -> GoldenPlace:
    start = text.index(quote)
    return GoldenPlace(document_id, start, start + len(quote), quote, stands)


def question(
    *needs: Sequence[GoldenPlace],
    answerable: bool = True,
    reference: str | None = "1,200 units.",
    decoys: Sequence[GoldenPlace] = (),
    principals: tuple[str, ...] = ("public",),
    question_id: str = "refund",
) -> GoldenQuestion:
    """A question that needs these passages, each given by its places; by default the quote about refunds."""
    needs = needs or ((place_of(QUOTE),),)
    return GoldenQuestion(
        id=question_id,
        question="What does a refund cost?",
        kind="direct",
        answerable=answerable,
        principals=principals,
        slices=(),
        reference_answer=reference if answerable else None,
        passages=tuple(GoldenPassage(tuple(places)) for places in needs) if answerable else (),
        decoys=tuple(decoys),
    )


def hit(start: int, end: int, *, document_id: str = DOCUMENT, chunk_id: str = "c1", text: str = TEXT) -> Hit:
    """The chunk `[start:end]` of a document."""
    return Hit(
        text=text[start:end],
        score=0.9,
        score_parts={},
        document_id=document_id,
        chunk_id=chunk_id,
        uri=f"file:///{document_id}",
        title="Fees",
        heading_path=("Fees",),
        page=1,
        start=start,
        end=end,
        release="r@1",
        tenant="default",
        places=(Place(document_id, f"file:///{document_id}", start, end),),
    )


WHOLE = hit(0, len(TEXT))


def citation(quote: str = QUOTE, *, chunk_id: str = "c1", document_id: str = DOCUMENT, shift: int = 0) -> Citation:
    start = TEXT.index(quote) + shift
    return Citation(chunk_id, document_id, f"file:///{document_id}", start, start + len(quote), quote)


def answer(text: str = QUOTE, *citations: Citation, asked: str = "What does a refund cost?") -> Answer:
    return Answer(asked, text, citations or (citation(),), False, None, "extractive-1", "quotes-1")


def abstention(asked: str = "What does a refund cost?") -> Answer:
    return Answer(asked, "", (), True, "Nothing there answers.", "extractive-1", "quotes-1")


def asked(answered: Answer, *hits: Hit, of: GoldenQuestion | None = None) -> Asked:
    return Asked(of or question(), hits or (WHOLE,), answered, 12.0)
