"""Canary questions: asked of every data change before it may serve."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from assay.errors import ConfigurationError

# Enough that one lucky hit cannot carry the gate, few enough to ask in a second.
SMOKE_QUESTIONS = 12
# Headings that every second page has ask for no page in particular.
MIN_QUESTION_WORDS = 3


@dataclass(frozen=True)
class Canary:
    """A question and the document that answers it, asked as `principals`."""

    question: str
    document_id: str
    principals: tuple[str, ...] = ("public",)


@dataclass(frozen=True)
class CanarySet:
    """The questions that apply to the documents at hand. `smoke` ones were made from headings, for want of others."""

    canaries: tuple[Canary, ...]
    smoke: bool


def canaries_for(chunks: pa.Table, path: Path | None) -> CanarySet:
    """The questions of the file whose documents are current; where there are none, questions made from headings.

    `chunks`: rows of gold/chunks with document_id, allowed_principals, title and heading_path.
    """
    current = set(chunks["document_id"].to_pylist())
    written = [canary for canary in read_canaries(path) if canary.document_id in current] if path else []
    if written:
        return CanarySet(tuple(written), smoke=False)
    return CanarySet(tuple(_from_headings(chunks.to_pylist())), smoke=True)


def read_canaries(path: Path) -> list[Canary]:
    """The questions of a JSONL file, `{"question", "document_id", "principals"}` a line; none without the file.

    Raises ConfigurationError naming the line that cannot be read.
    """
    if not path.exists():
        return []
    found: list[Canary] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(_canary(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"Line {number} of `{path}` is no canary question: {error!r}. Nothing was released; what serves goes on. "
                'A line is `{"question": "...", "document_id": "...", "principals": ["public"]}`.'
            ) from error
    return found


def _canary(record: Any) -> Canary:
    question, document_id = record["question"], record["document_id"]
    principals = record.get("principals", ["public"])
    if not isinstance(principals, list) or not principals:
        raise TypeError("`principals` is no list of names")
    if not all(
        isinstance(text, str) and text.strip() for text in (question, document_id, *cast(list[Any], principals))
    ):
        raise TypeError("a text is missing or blank")
    return Canary(question, document_id, tuple(cast(list[str], principals)))


def _from_headings(chunks: Iterable[dict[str, object]]) -> list[Canary]:
    """A question per heading that occurs under one document only, spread evenly over the documents by hash."""
    asked: dict[str, Canary] = {}
    owners: Counter[str] = Counter()
    for chunk in chunks:
        path = [str(part) for part in _items(chunk["heading_path"])]
        question = " ".join(dict.fromkeys([str(chunk["title"]), *path[-1:]]))
        canary = Canary(
            question, str(chunk["document_id"]), tuple(str(one) for one in _items(chunk["allowed_principals"]))
        )
        if (
            len(question.split()) >= MIN_QUESTION_WORDS
            and asked.setdefault(question, canary).document_id != canary.document_id
        ):
            owners[question] += 1
    unique = (canary for question, canary in asked.items() if not owners[question])
    by_document = {canary.document_id: canary for canary in sorted(unique, key=lambda one: _place(one.question))}
    return sorted(by_document.values(), key=lambda one: _place(one.document_id))[:SMOKE_QUESTIONS]


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _place(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
