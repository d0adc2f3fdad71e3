"""Write into `golden/questions.jsonl` where each quote stands: .venv/bin/python samples/locate_answers.py

A span is [start, end) in the text that silver holds of the document, so this is run after a change of a question, of a
document, or of a parser. A new quote needs no span: `{"document_id": ..., "quote": ...}` is enough.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from assay.documents.cleaning import clean
from assay.documents.parsing import parse_here

SAMPLES = Path(__file__).parent
QUESTIONS = SAMPLES / "golden" / "questions.jsonl"
DAY = "2026-11-03"


@cache
def silver_text(path: str) -> str:
    """The text of a document of the last day as silver holds it; personal data is kept in the sample."""
    data = (SAMPLES / "inbox" / DAY / path).read_bytes()
    return clean(parse_here(data, path), "keep").document.text


def path_of(document_id: str) -> str:
    """The path below the folder of the day."""
    return document_id.removeprefix("sample:")


def span_of(text: str, quote: str) -> tuple[int, int]:
    """[start, end) of a quote. Raises ValueError unless it stands in the text exactly once."""
    if (found := text.count(quote)) != 1:
        raise ValueError(f"`{quote}` is there {found} times")
    start = text.index(quote)
    return start, start + len(quote)


def passages_of(question: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every passage that a question names: those that answer it, their alternatives, and the decoys."""
    for passage in question["passages"]:
        yield passage
        yield from passage.get("alternatives", ())
    yield from question.get("decoys", ())


def locate(question: dict[str, Any]) -> None:
    """Give every passage of a question its span. Raises ValueError, with id and document, where one cannot be found."""
    for passage in passages_of(question):
        document_id, quote = passage["document_id"], passage["quote"]
        others = {key: value for key, value in passage.items() if key not in ("document_id", "start", "end", "quote")}
        try:
            start, end = span_of(silver_text(path_of(document_id)), quote)
        except ValueError as error:
            raise ValueError(f"{question['id']}, {document_id}: {error}") from None
        passage.clear()
        passage.update(document_id=document_id, start=start, end=end, quote=quote, **others)


def main() -> None:
    questions = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    for question in questions:
        locate(question)
    lines = [json.dumps(question, ensure_ascii=False) for question in questions]
    QUESTIONS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} questions, each quote found once")


if __name__ == "__main__":
    main()
