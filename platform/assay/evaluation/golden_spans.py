"""Finding golden passages in today's texts: documents are edited, and a quote then stands elsewhere or nowhere."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from assay.evaluation.golden_questions import UNPLACED, GoldenPassage, GoldenPlace, GoldenQuestion


@dataclass(frozen=True)
class LocatedQuestions:
    """Questions with their places in today's texts, and a sentence for each place that is not where it was."""

    questions: tuple[GoldenQuestion, ...]
    moved: tuple[str, ...]
    lost: tuple[str, ...]


def locate(
    questions: Sequence[GoldenQuestion], texts: Mapping[str, str], unavailable: Collection[str] = ()
) -> LocatedQuestions:
    """Every place where it stands today: at its span, or where else its quote stands exactly once.

    `texts`: document id -> the text that silver holds, of the documents that are current. `unavailable`: documents that
    could not be read for want of OCR; nothing is said of places in them.
    """
    moved: list[str] = []
    lost: list[str] = []

    def located(question: GoldenQuestion, place: GoldenPlace) -> GoldenPlace:
        found = locate_place(place, texts.get(place.document_id))
        if not found.stands:
            if place.document_id not in unavailable:
                lost.append(_lost(question, place, texts.get(place.document_id)))
        elif found.start != place.start and place.start != UNPLACED:
            was, now = f"[{place.start}:{place.end}]", f"[{found.start}:{found.end}]"
            moved.append(f"Question `{question.id}`: its quote in `{place.document_id}` moved from {was} to {now}.")
        return found

    found = tuple(
        replace(
            one,
            passages=tuple(
                GoldenPassage(tuple(located(one, place) for place in passage.places)) for passage in one.passages
            ),
            decoys=tuple(located(one, place) for place in one.decoys),
        )
        for one in questions
    )
    return LocatedQuestions(found, tuple(moved), tuple(lost))


def locate_place(place: GoldenPlace, text: str | None) -> GoldenPlace:
    """The place as it stands in `text`; `stands` is False where that is nowhere, or not to be told."""
    if text is None:
        return replace(place, stands=False)
    if place.start != UNPLACED and text[place.start : place.end] == place.quote:
        return replace(place, stands=True)
    start = text.find(place.quote)
    if start < 0 or text.find(place.quote, start + 1) >= 0:
        return replace(place, stands=False)
    return replace(place, start=start, end=start + len(place.quote), stands=True)


def _lost(question: GoldenQuestion, place: GoldenPlace, text: str | None) -> str:
    if text is None:
        why = "is not current, or has no text"
    elif place.quote in text:
        why = "holds the quote several times, none of them at its span"
    else:
        why = "does not hold the quote any more"
    return f"Question `{question.id}`: `{place.document_id}` {why}: `{_short(place.quote)}`. No hit covers that place."


def _short(quote: str, characters: int = 60) -> str:
    text = " ".join(quote.split())
    return text if len(text) <= characters else f"{text[:characters]}..."
