"""BEIR folders for tests: written line by line, so that a test can break one line."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

DOCUMENTS = {
    "keys": ("Lost keys", "A lost key is reported to the porter, and its lock is changed the same day."),
    "taxi": ("Taxi", "A taxi is paid after ten in the evening, or with heavy luggage."),
    "meal": ("", "A meal on a journey is paid up to 38 euros a day."),
    "desk": ("Desks", "Desks are shared; a screen stays where it is."),
}
QUERIES = {"q1": "lost key", "q2": "who pays the meal on a journey", "unjudged": "screens"}
GRADES = {"q1": {"keys": 2, "desk": 0}, "q2": {"meal": 1, "taxi": 1}}


def write_beir(
    folder: Path,
    documents: Mapping[str, tuple[str, str]] = DOCUMENTS,
    queries: Mapping[str, str] = QUERIES,
    grades: Mapping[str, Mapping[str, int]] = GRADES,
) -> Path:
    """A folder with these documents (id -> title, text), queries and grades."""
    (folder / "qrels").mkdir(parents=True)
    write_lines(
        folder / "corpus.jsonl",
        (json.dumps({"_id": one, "title": title, "text": text}) for one, (title, text) in documents.items()),
    )
    write_lines(folder / "queries.jsonl", (json.dumps({"_id": one, "text": text}) for one, text in queries.items()))
    judged = (f"{query}\t{one}\t{grade}" for query, found in grades.items() for one, grade in found.items())
    write_lines(folder / "qrels" / "test.tsv", ["query-id\tcorpus-id\tscore", *judged])
    return folder


def write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
