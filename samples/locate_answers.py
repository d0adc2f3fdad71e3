"""Write into `golden/questions.jsonl` where each quoted answer stands: .venv/bin/python samples/locate_answers.py

A span is [start, end) in the text that silver holds of the document, so this is run after a change of a question, of a
document, or of a parser.
"""

import json
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


def span_of(text: str, quote: str) -> tuple[int, int]:
    """[start, end) of a quote. Raises ValueError unless it stands in the text exactly once."""
    if (found := text.count(quote)) != 1:
        raise ValueError(f"`{quote}` is there {found} times")
    start = text.index(quote)
    return start, start + len(quote)


def located(question: dict[str, Any]) -> dict[str, Any]:
    """The question with a span for each of its quotes. Raises ValueError, with its id, where one cannot be found."""
    try:
        text = silver_text(question["document"])
        return {**question, "spans": [span_of(text, quote) for quote in question["quotes"]]}
    except ValueError as error:
        raise ValueError(f"{question['id']}, {question['document']}: {error}") from None


def main() -> None:
    questions = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    lines = [json.dumps(located(question), ensure_ascii=False) for question in questions]
    QUESTIONS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} questions, each quote found once")


if __name__ == "__main__":
    main()
