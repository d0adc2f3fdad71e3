"""Canary questions: the file's where one of its documents is there, else questions made from headings."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from assay.errors import ConfigurationError
from assay.retrieval.canaries import MIN_QUESTION_WORDS, SMOKE_QUESTIONS, Canary, canaries_for, read_canaries

SAMPLE = Path(__file__).parents[2] / "samples" / "canaries.jsonl"


def chunks(*rows: tuple[str, str, list[str], list[str]]) -> pa.Table:
    """Document id, title, heading path, principals."""
    names = ("document_id", "title", "heading_path", "allowed_principals")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows] or [], schema=SCHEMA)


SCHEMA = pa.schema(
    [("document_id", pa.string()), ("title", pa.string()), ("heading_path", pa.list_(pa.string())),
     ("allowed_principals", pa.list_(pa.string()))]
)  # fmt: skip


def write(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def test_questions_of_the_file_apply_where_their_document_is_current(tmp_path: Path) -> None:
    file = write(
        tmp_path / "c.jsonl",
        {"question": "Where is the door?", "document_id": "docs:a.md"},
        "",
        {"question": "Who pays?", "document_id": "docs:b.md", "principals": ["tenant:acme"]},
        {"question": "And this?", "document_id": "docs:gone.md"},
    )
    found = canaries_for(chunks(("docs:a.md", "A", [], ["public"]), ("docs:b.md", "B", [], ["tenant:acme"])), file)
    assert not found.smoke
    assert found.canaries == (
        Canary("Where is the door?", "docs:a.md"),
        Canary("Who pays?", "docs:b.md", ("tenant:acme",)),
    )


@pytest.mark.parametrize("written", [True, False])
def test_without_a_question_that_applies_headings_are_asked(tmp_path: Path, written: bool) -> None:
    file = tmp_path / "c.jsonl"
    if written:
        write(file, {"question": "And this?", "document_id": "elsewhere:gone.md"})
    rows = chunks(
        ("docs:a.md", "Opening the blue door", ["Opening the blue door", "With a key"], ["team:a"]),
        ("docs:b.md", "Short", ["Short"], ["public"]),
    )
    for path in (file, None):
        found = canaries_for(rows, path)
        assert found.smoke
        assert found.canaries == (Canary("Opening the blue door With a key", "docs:a.md", ("team:a",)),)


def test_headings_that_two_documents_share_ask_for_neither() -> None:
    shared = ["Release notes of the month", "What is new"]
    found = canaries_for(
        chunks(
            ("docs:1.md", shared[0], shared, ["public"]),
            ("docs:2.md", shared[0], shared, ["public"]),
            ("docs:2.md", shared[0], [*shared, "Only here"], ["public"]),
        ),
        None,
    )
    assert [(canary.document_id, canary.question) for canary in found.canaries] == [
        ("docs:2.md", "Release notes of the month Only here")
    ]


def test_smoke_questions_are_few_spread_over_the_documents_and_the_same_every_time() -> None:
    rows = [
        (f"docs:{n}.md", f"Guide number {n} of many", [f"Part {part} of guide {n}"], ["public"])
        for n in range(100)
        for part in range(5)
    ]
    found = canaries_for(chunks(*rows), None)
    assert len(found.canaries) == len({canary.document_id for canary in found.canaries}) == SMOKE_QUESTIONS
    assert all(len(canary.question.split()) >= MIN_QUESTION_WORDS for canary in found.canaries)
    assert canaries_for(chunks(*reversed(rows)), None) == found


def test_nothing_to_ask_of_nothing() -> None:
    assert canaries_for(chunks(), SAMPLE).canaries == ()


def test_the_sample_has_questions_of_several_principals() -> None:
    found = read_canaries(SAMPLE)
    assert len(found) >= 5
    assert len({canary.principals for canary in found}) > 1


@pytest.mark.parametrize(
    "line", ["{", '"text"', '{"question": "only"}', '["a"]', "null", '{"question": 1, "document_id": "a"}']
)
def test_a_line_that_is_no_question_is_named(tmp_path: Path, line: str) -> None:
    file = write(tmp_path / "c.jsonl", {"question": "Where?", "document_id": "docs:a.md"}, line)
    with pytest.raises(ConfigurationError, match=r"Line 2 of `.*c.jsonl`.*what serves goes on.*`\{\"question\""):
        read_canaries(file)
