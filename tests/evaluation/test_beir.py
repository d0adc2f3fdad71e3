"""A BEIR folder is read as it is, or refused by file and line."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from beir_folders import GRADES, QUERIES, write_beir

from assay.errors import ConfigurationError, SourceError
from assay.evaluation.beir import BeirDocument, read_beir


def test_judged_queries_and_every_document_are_read(tmp_path: Path) -> None:
    dataset = read_beir(write_beir(tmp_path / "beir"))
    assert dataset.documents == 4
    assert dataset.document_ids == {"keys", "taxi", "meal", "desk"}
    assert dataset.queries == {one: QUERIES[one] for one in ("q1", "q2")}
    assert dataset.grades == GRADES
    documents = list(dataset.corpus())
    assert documents[1] == BeirDocument(
        "taxi", "Taxi", "Taxi A taxi is paid after ten in the evening, or with heavy luggage."
    )
    assert documents[2].text == "A meal on a journey is paid up to 38 euros a day.", "no title, no space before it"


def test_what_real_folders_hold_is_taken(tmp_path: Path) -> None:
    """Blank lines, a byte order mark, CR LF, a missing title, an empty document, half a surrogate pair, no header."""
    folder = write_beir(tmp_path / "beir")
    (folder / "corpus.jsonl").write_bytes(
        b'\xef\xbb\xbf{"_id": "1", "text": "one", "metadata": {}}\r\n\r\n{"_id": "2", "title": null, "text": "two\\ud83d"}\r\n'
        b'{"_id": "3", "title": "", "text": ""}'
    )
    (folder / "qrels" / "test.tsv").write_bytes(b"q1\t1\t1\r\nq1\t2\t-1\r\nq1\t1\t1\r\n")
    dataset = read_beir(folder)
    assert [one.text for one in dataset.corpus()] == ["one", "two\N{REPLACEMENT CHARACTER}", ""]
    assert dataset.grades == {"q1": {"1": 1, "2": -1}}


@dataclass(frozen=True)
class Refused:
    """A file whose line `number` is replaced, and what must be said about it."""

    file: str
    number: int
    line: str
    said: str


REFUSED = {
    "no JSON": Refused("corpus.jsonl", 2, '{"_id": "taxi"', "it is no JSON"),
    "no object": Refused("queries.jsonl", 1, '"lost key"', "it is no JSON object"),
    "no id": Refused("corpus.jsonl", 3, '{"title": "", "text": "x"}', "`_id` is missing"),
    "a number as id": Refused("corpus.jsonl", 3, '{"_id": 3, "text": "x"}', "`_id` is no text"),
    "a blank id": Refused("corpus.jsonl", 3, '{"_id": " ", "text": "x"}', "`_id` is blank"),
    "no text": Refused("corpus.jsonl", 1, '{"_id": "keys", "title": "Lost keys"}', "`text` is missing"),
    "a title that is no text": Refused("corpus.jsonl", 1, '{"_id": "keys", "title": [], "text": ""}', "`title` is no"),
    "a document twice": Refused("corpus.jsonl", 4, '{"_id": "keys", "text": "x"}', "the id `keys` came before"),
    "a query twice": Refused("queries.jsonl", 3, '{"_id": "q1", "text": "x"}', "the id `q1` came before"),
    "a blank query": Refused("queries.jsonl", 2, '{"_id": "q2", "text": " "}', "`text` is blank"),
    "a judgment of no query": Refused(
        "qrels/test.tsv", 3, "q9\tdesk\t1", "no query of `queries.jsonl` has the id `q9`"
    ),
    "a judgment of no document": Refused(
        "qrels/test.tsv", 3, "q1\tx\t1", "no document of `corpus.jsonl` has the id `x`"
    ),
    "no grade": Refused("qrels/test.tsv", 5, "q2\ttaxi", "divided by tabs"),
    "half a grade": Refused("qrels/test.tsv", 1, "q1\tdesk\t0.5", "whole-numbered grade"),
    "two grades": Refused("qrels/test.tsv", 5, "q2\tmeal\t2", "was given another grade for query `q2`"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, what: str) -> None:
    folder, refused = write_beir(tmp_path / "beir"), REFUSED[what]
    path = folder / refused.file
    lines = path.read_text().splitlines()
    lines[refused.number - 1] = refused.line
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigurationError, match=re.escape(refused.said)) as caught:
        read_beir(folder)
    assert f"Line {refused.number} of `{path}` cannot be used" in str(caught.value)
    assert "`assay eval retrieval DIR`" in str(caught.value)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "beir")
    for file in ("queries.jsonl", "qrels/test.tsv"):
        kept = (folder / file).read_bytes()
        (folder / file).write_bytes(kept + b"\xff\xfe\n")
        with pytest.raises(ConfigurationError, match="Line 4 of" if file == "queries.jsonl" else "Line 6 of"):
            read_beir(folder)
        (folder / file).write_bytes(kept)


def test_missing_files_are_all_named(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "beir")
    (folder / "queries.jsonl").unlink()
    (folder / "qrels" / "test.tsv").unlink()
    with pytest.raises(ConfigurationError, match=r"`queries.jsonl`, `qrels/test.tsv` missing"):
        read_beir(folder)
    with pytest.raises(ConfigurationError, match=r"`corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv` missing"):
        read_beir(tmp_path / "nowhere")


def test_a_folder_without_judgments_measures_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="judges no document"):
        read_beir(write_beir(tmp_path / "beir", grades={}))


def test_a_file_that_cannot_be_read_is_no_wrong_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_beir(tmp_path / "beir")
    opened = Path.open

    def refuse(path: Path, *mode: str) -> object:
        if path.name == "queries.jsonl":
            raise PermissionError(13, "Permission denied")
        return opened(path, *mode)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SourceError, match=r"queries\.jsonl` cannot be read: Permission denied"):
        read_beir(folder)
