"""Golden questions as they lie in a JSONL file: reading them, refusing a line that no verdict can rest on, and writing them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assay.errors import ConfigurationError, SourceError
from assay.evaluation.golden_questions import UNPLACED, GoldenPassage, GoldenPlace, GoldenQuestion

_AGAIN = "Nothing was evaluated. Correct it and run `assay eval check` again."

_PLACE_FIELDS = ("document_id", "start", "end", "quote")
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)
_Text = Annotated[str, Field(pattern=r"\S")]
_Names = Annotated[list[_Text], Field(min_length=1)]


class _Place(BaseModel):
    model_config = _STRICT

    document_id: _Text
    start: Annotated[int, Field(ge=0)] | None = None
    end: int | None = None
    quote: _Text

    @model_validator(mode="after")
    def _spans_its_quote(self) -> Self:
        if (self.start is None) is not (self.end is None):
            raise ValueError("`start` and `end` are given together, or neither")
        if self.start is not None and self.end is not None and self.end - self.start != len(self.quote):
            raise ValueError(f"the quote has {len(self.quote)} characters, its span {self.end - self.start}")
        return self

    def place(self) -> GoldenPlace:
        start, end = (UNPLACED, UNPLACED) if self.start is None or self.end is None else (self.start, self.end)
        return GoldenPlace(self.document_id, start, end, self.quote)


class _Passage(_Place):
    alternatives: list[_Place] = []

    def passage(self) -> GoldenPassage:
        return GoldenPassage((self.place(), *(other.place() for other in self.alternatives)))


class _Question(BaseModel):
    model_config = _STRICT

    id: _Text
    question: _Text
    kind: _Text
    answerable: bool
    principals: _Names
    slices: list[_Text]
    reference_answer: _Text | None
    passages: list[_Passage]
    decoys: list[_Place] = []
    accepted: _Text | bool | None = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.accepted:
            raise ValueError("no person accepted it: read it, correct it, and write your name into `accepted`")
        if self.answerable is not bool(self.passages):
            raise ValueError("an answerable question names its passages, another has none")
        if not self.answerable and self.reference_answer is not None:
            raise ValueError("a question without an answer has no `reference_answer`")
        if len(set(self.slices)) < len(self.slices):
            raise ValueError("a slice is named twice")
        return self

    def golden(self) -> GoldenQuestion:
        return GoldenQuestion(
            id=self.id,
            question=self.question,
            kind=self.kind,
            answerable=self.answerable,
            principals=tuple(self.principals),
            slices=tuple(self.slices),
            reference_answer=self.reference_answer,
            passages=tuple(passage.passage() for passage in self.passages),
            decoys=tuple(place.place() for place in self.decoys),
        )


def read_golden_questions(path: Path) -> tuple[GoldenQuestion, ...]:
    """The questions of a file, in its order, with the spans that it gives.

    Raises ConfigurationError naming the line that is no golden question, was accepted by nobody or has the id of another,
    and for a file that is missing or empty; SourceError for one that cannot be read.
    """
    if not path.is_file():
        raise ConfigurationError(f"There is no file `{path}`. {_AGAIN}")
    found: dict[str, GoldenQuestion] = {}
    for number, record in _records(path):
        try:
            question = _Question.model_validate(record).golden()
        except ValidationError as error:
            raise _bad_line(path, number, _problem(error)) from None
        if question.id in found:
            raise _bad_line(path, number, f"the id `{question.id}` came before")
        found[question.id] = question
    if not found:
        raise ConfigurationError(f"`{path}` holds no question. {_AGAIN}")
    return tuple(found.values())


def question_record(one: GoldenQuestion) -> dict[str, Any]:
    """The question as a line of a file says it."""
    record: dict[str, Any] = {
        "id": one.id,
        "question": one.question,
        "kind": one.kind,
        "answerable": one.answerable,
        "principals": list(one.principals),
        "slices": list(one.slices),
        "reference_answer": one.reference_answer,
        "passages": [_passage_record(passage) for passage in one.passages],
    }
    return record | ({"decoys": [_place_record(place) for place in one.decoys]} if one.decoys else {})


def with_spans(path: Path, questions: Iterable[GoldenQuestion]) -> str:
    """The text of the file with the spans of `questions` in the place of its own, and all else as it is.

    `questions`: those that were read from it, wherever their places were found since.
    """
    located = {one.id: one for one in questions}
    lines: list[str] = []
    for _, record in _records(path):
        one = located[record["id"]]
        for passage, found in zip(record["passages"], one.passages, strict=True):
            _put_spans([passage, *passage.get("alternatives", [])], found.places)
        _put_spans(record.get("decoys", []), one.decoys)
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    return "".join(lines)


def _put_spans(records: Sequence[dict[str, Any]], places: Sequence[GoldenPlace]) -> None:
    for record, place in zip(records, places, strict=True):
        if place.stands and place.start != UNPLACED:
            others = {name: value for name, value in record.items() if name not in _PLACE_FIELDS}
            record.clear()
            record.update(_place_record(place) | others)


def _passage_record(passage: GoldenPassage) -> dict[str, Any]:
    first, *others = passage.places
    alternatives = {"alternatives": [_place_record(place) for place in others]} if others else {}
    return _place_record(first) | alternatives


def _place_record(place: GoldenPlace) -> dict[str, Any]:
    return {name: getattr(place, name) for name in _PLACE_FIELDS}


def _records(path: Path) -> Iterator[tuple[int, Any]]:
    """Every line that is not blank as JSON, with its 1-based number."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    try:
                        yield number, json.loads(line.decode("utf-8-sig"))
                    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
                        raise _bad_line(path, number, f"it is no JSON ({error})") from None
    except OSError as error:
        raise SourceError(
            f"`{path}` cannot be read: {error.strerror}. Nothing was evaluated. Look at it with `ls -l {path}`."
        ) from error


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"`{place}`: {message}" if place else message


def _bad_line(path: Path, number: int, problem: str) -> ConfigurationError:
    return ConfigurationError(f"Line {number} of `{path}` is no golden question: {problem}. {_AGAIN}")
