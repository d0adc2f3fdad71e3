"""Reading a BEIR folder (`corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`), and refusing one that contradicts itself.

The layout is that of https://github.com/beir-cellar/beir. A line that cannot be used is named by file and number: a
document or a judgment that is left out in silence would make the measured figure another one.
"""

import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.embeddings.tokenizer import encodable
from assay.errors import ConfigurationError, SourceError

CORPUS = "corpus.jsonl"
QUERIES = "queries.jsonl"
JUDGMENTS = "qrels/test.tsv"

_AGAIN = "Nothing was evaluated. Correct it and run `assay eval retrieval DIR` again."


@dataclass(frozen=True)
class BeirDocument:
    """A line of the corpus. `text`: `title + " " + text`, what is embedded and indexed."""

    document_id: str
    title: str
    text: str


@dataclass(frozen=True)
class BeirDataset:
    """A folder that was checked. `documents`: how many the corpus has; they are read from the file by `corpus`.

    `queries`: id -> text of every query that was judged, in the order of their file. `grades`: query id -> document id
    -> grade.
    """

    folder: Path
    documents: int
    queries: Mapping[str, str]
    grades: Mapping[str, Mapping[str, int]]
    document_ids: frozenset[str]

    def corpus(self) -> Iterator[BeirDocument]:
        """Every document, one at a time: the corpus need not fit into memory, its ids have to."""
        return (document for _, document in _documents(self.folder / CORPUS))


def read_beir(folder: Path) -> BeirDataset:
    """The judged queries of a folder, after every line of its three files was looked at.

    Raises ConfigurationError naming the file, or the file and line, for a missing file, a line that is not what it should
    be, an id that comes twice, and a judgment of a query or document that is not there; SourceError for a file that
    cannot be read.
    """
    missing = [name for name in (CORPUS, QUERIES, JUDGMENTS) if not (folder / name).is_file()]
    if missing:
        raise ConfigurationError(
            f"`{folder}` is no BEIR folder: {', '.join(f'`{name}`' for name in missing)} missing. Nothing was evaluated. "
            f"Run `assay eval retrieval DIR` with a folder that holds `{CORPUS}`, `{QUERIES}` and `{JUDGMENTS}`."
        )
    document_ids = _document_ids(folder / CORPUS)
    queries = dict(_queries(folder / QUERIES))
    grades = _judgments(folder / JUDGMENTS, queries, document_ids)
    if not grades:
        raise ConfigurationError(f"`{folder / JUDGMENTS}` judges no document. {_AGAIN}")
    judged = {query_id: text for query_id, text in queries.items() if query_id in grades}
    return BeirDataset(folder, len(document_ids), judged, grades, document_ids)


def _documents(path: Path) -> Iterator[tuple[int, BeirDocument]]:
    for number, record in _records(path):
        title = "" if record.get("title") is None else _text(path, number, record, "title")
        text = f"{title} {_text(path, number, record, 'text')}".strip()
        yield number, BeirDocument(_id(path, number, record), title, text)


def _queries(path: Path) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for number, record in _records(path):
        query_id, text = _id(path, number, record), _text(path, number, record, "text")
        if not text.strip():
            raise _bad_line(path, number, "`text` is blank, so there is nothing to search for")
        if query_id in seen:
            raise _bad_line(path, number, f"the id `{query_id}` came before")
        seen.add(query_id)
        yield query_id, text


def _judgments(path: Path, queries: Container[str], document_ids: Container[str]) -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        cells = _decoded(path, number, line).split("\t")
        if number == 1 and len(cells) == 3 and not any(character.isdigit() for character in cells[2]):
            continue  # the header
        if len(cells) != 3 or not cells[2].strip().removeprefix("-").isdecimal():
            raise _bad_line(path, number, "it is not query id, document id and whole-numbered grade, divided by tabs")
        query_id, document_id, grade = cells[0], cells[1], int(cells[2])
        if query_id not in queries:
            raise _bad_line(path, number, f"no query of `{QUERIES}` has the id `{query_id}`")
        if document_id not in document_ids:
            raise _bad_line(path, number, f"no document of `{CORPUS}` has the id `{document_id}`")
        if grades.setdefault(query_id, {}).setdefault(document_id, grade) != grade:
            raise _bad_line(path, number, f"document `{document_id}` was given another grade for query `{query_id}`")
    return grades


def _document_ids(path: Path) -> frozenset[str]:
    seen: set[str] = set()
    for number, document in _documents(path):
        if document.document_id in seen:
            raise _bad_line(path, number, f"the id `{document.document_id}` came before")
        seen.add(document.document_id)
    return frozenset(seen)


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in _lines(path):
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
            raise _bad_line(path, number, f"it is no JSON ({error})") from error
        if not isinstance(record, dict):
            raise _bad_line(path, number, "it is no JSON object")
        yield number, record


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their 1-based numbers."""
    try:
        with path.open("rb") as file:
            yield from ((number, line) for number, line in enumerate(file, start=1) if line.strip())
    except OSError as error:
        raise SourceError(
            f"`{path}` cannot be read: {error.strerror}. Nothing was evaluated. Look at it with `ls -l {path}`."
        ) from error


def _decoded(path: Path, number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError as error:
        raise _bad_line(path, number, f"it is no UTF-8 ({error})") from error


def _id(path: Path, number: int, record: Mapping[str, Any]) -> str:
    found = _text(path, number, record, "_id")
    if not found.strip():
        raise _bad_line(path, number, "`_id` is blank")
    return found


def _text(path: Path, number: int, record: Mapping[str, Any], name: str) -> str:
    found = record.get(name)
    if not isinstance(found, str):
        raise _bad_line(path, number, f"`{name}` is " + ("missing" if name not in record else "no text"))
    return encodable(found)


def _bad_line(path: Path, number: int, problem: str) -> ConfigurationError:
    return ConfigurationError(f"Line {number} of `{path}` cannot be used: {problem}. {_AGAIN}")
