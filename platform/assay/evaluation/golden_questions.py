"""Golden questions: what is asked, by whom, and where the answer stands. The fields are explained in `samples/README.md`."""

from collections.abc import Iterable
from dataclasses import dataclass

# A place whose span is still to be found.
UNPLACED = -1


@dataclass(frozen=True)
class GoldenPlace:
    """Where an answer stands: `quote` is `[start:end]` of the document's silver text.

    `stands`: False where today's text does not hold the quote, or holds it several times and not here; no hit covers it.
    """

    document_id: str
    start: int
    end: int
    quote: str
    stands: bool = True


@dataclass(frozen=True)
class GoldenPassage:
    """One thing that must be found, at any of its places: the passage itself, then its alternatives."""

    places: tuple[GoldenPlace, ...]


@dataclass(frozen=True)
class GoldenQuestion:
    """A question asked as `principals`, and what is right.

    `answerable`: whether who asks can be answered; else an abstention is right. `decoys`: places on which no answer may
    rest. `slices`: the groups it counts for.
    """

    id: str
    question: str
    kind: str
    answerable: bool
    principals: tuple[str, ...]
    slices: tuple[str, ...]
    reference_answer: str | None
    passages: tuple[GoldenPassage, ...]
    decoys: tuple[GoldenPlace, ...] = ()

    @property
    def cluster(self) -> str:
        """What makes questions alike: the document of the first passage; of a question without one, nothing does."""
        return self.passages[0].places[0].document_id if self.passages else self.id

    @property
    def places(self) -> tuple[GoldenPlace, ...]:
        """Every place it names, decoys last."""
        return (*(place for passage in self.passages for place in passage.places), *self.decoys)


def document_ids(questions: Iterable[GoldenQuestion]) -> set[str]:
    """Every document that the questions name."""
    return {place.document_id for one in questions for place in one.places}
