"""Write into `golden/questions.jsonl` where each quote stands: .venv/bin/python samples/locate_answers.py

For the sample itself, whose texts it parses anew; `assay eval check FILE --write` does the same for documents that were taken
in. It is run after a change of a question, of a document, or of a parser. A new quote needs no span: `{"document_id": ...,
"quote": ...}` is enough.
"""

import sys
from functools import cache
from pathlib import Path

from assay.documents.cleaning import clean
from assay.documents.parsing import parse_here
from assay.evaluation.golden_question_files import read_golden_questions, with_spans
from assay.evaluation.golden_questions import GoldenQuestion, document_ids
from assay.evaluation.golden_spans import LocatedQuestions, locate

SAMPLES = Path(__file__).parent
QUESTIONS = SAMPLES / "golden" / "questions.jsonl"
DAY = "2026-11-03"


@cache
def silver_text(document_id: str) -> str:
    """The text of a document of the last day as silver holds it; personal data is kept in the sample."""
    path = document_id.removeprefix("sample:")
    data = (SAMPLES / "inbox" / DAY / path).read_bytes()
    return clean(parse_here(data, path), "keep").document.text


def located(questions: tuple[GoldenQuestion, ...]) -> LocatedQuestions:
    """The questions with their places in the texts of the last day."""
    there = {one for one in document_ids(questions) if (SAMPLES / "inbox" / DAY / one.removeprefix("sample:")).exists()}
    return locate(questions, {one: silver_text(one) for one in sorted(there)})


def main() -> None:
    found = located(read_golden_questions(QUESTIONS))
    if found.lost:
        sys.exit("\n".join(found.lost))
    QUESTIONS.write_text(with_spans(QUESTIONS, found.questions), encoding="utf-8")
    print("\n".join([*found.moved, f"{len(found.questions)} questions, each quote found once"]))


if __name__ == "__main__":
    main()
