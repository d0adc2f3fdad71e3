"""Finding golden passages in today's texts: documents are edited, and a quote then stands elsewhere or nowhere."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from assay.evaluation.golden_questions import UNPLACED, GoldenPassage, GoldenPlace, GoldenQuestion
from assay.evaluation.quoted_names import quoted

# What may stand between the digits of one number.
_IN_NUMBER = re.compile(r"(?<=\d)[.,:'\u00a0\u202f](?=\d)")
# Letters of scripts that are written with blanks between words; of the others no word's end shows.
_CASED = frozenset({"Lu", "Ll", "Lt"})


@dataclass(frozen=True)
class LocatedQuestions:
    """Questions with their places in today's texts, and a sentence for each place that is not where it was.

    `not_asked`: how many questions need a document that could not be read for want of OCR.
    """

    questions: tuple[GoldenQuestion, ...]
    moved: tuple[str, ...]
    lost: tuple[str, ...]
    not_asked: int = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """All that a person should know before believing a score of these questions."""
        if not self.not_asked:
            return (*self.moved, *self.lost)
        said = "1 question was" if self.not_asked == 1 else f"{self.not_asked} questions were"
        whose = "its documents need" if self.not_asked == 1 else "their documents need"
        return (*self.moved, *self.lost, f"{said} not asked: {whose} OCR. See what is missing with `assay doctor`.")


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
            moved.append(
                f"Question {quoted(question.id)}: its quote in {quoted(place.document_id)} moved from {was} to {now}."
            )
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
    return LocatedQuestions(
        found, tuple(moved), tuple(lost), not_asked=sum(needs_unavailable(one, unavailable) for one in found)
    )


def needs_unavailable(question: GoldenQuestion, unavailable: Collection[str]) -> bool:
    """Whether a passage stands nowhere because a document that holds it could not be read."""
    return any(
        not any(place.stands for place in passage.places)
        and any(place.document_id in unavailable for place in passage.places)
        for passage in question.passages
    )


def locate_place(place: GoldenPlace, text: str | None) -> GoldenPlace:
    """The place as it stands in `text`; `stands` is False where that is nowhere, or not to be told.

    A quote that is a part of a longer word or number does not stand there: `5 days` is not in `15 days`.
    """
    if text is None:
        return replace(place, stands=False)
    starts = list(_whole(place.quote, text))
    if place.start in starts:
        return replace(place, stands=True)
    if len(starts) != 1:
        return replace(place, stands=False)
    return replace(place, start=starts[0], end=starts[0] + len(place.quote), stands=True)


def _whole(quote: str, text: str) -> Iterator[int]:
    """Where the quote stands and no word or number goes on before or behind it."""
    start = text.find(quote)
    while start >= 0:
        if not _goes_on(text, start) and not _goes_on(text, start + len(quote)):
            yield start
        start = text.find(quote, start + 1)


def _goes_on(text: str, cut: int) -> bool:
    """Whether a word or a number lies on both sides of `cut`."""
    if not 0 < cut < len(text):
        return False
    if _IN_NUMBER.match(text, cut - 1) or _IN_NUMBER.match(text, cut):
        return True
    return all(one.isdigit() or unicodedata.category(one) in _CASED for one in text[cut - 1 : cut + 1])


def _lost(question: GoldenQuestion, place: GoldenPlace, text: str | None) -> str:
    if text is None:
        why = "is not current, or has no text"
    elif place.quote in text:
        whole = any(True for _ in _whole(place.quote, text))
        said = "several times, none of them at its span" if whole else "inside other words or numbers alone"
        why = f"holds the quote {said}"
    else:
        why = "does not hold the quote any more"
    asked, document = quoted(question.id), quoted(place.document_id)
    return f"Question {asked}: {document} {why}: {quoted(_short(place.quote))}. No hit covers that place."


def _short(quote: str, characters: int = 60) -> str:
    text = " ".join(quote.split())
    return text if len(text) <= characters else f"{text[:characters]}..."
