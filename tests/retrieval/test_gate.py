"""The fast gate: what fails it never serves, what served before goes on, and what was mended is released."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from document_runs import HashingEncoder, Pipeline, day, put, release_first
from scale import at_ci

from assay.documents import chunk_rows
from assay.errors import NotReady
from assay.quality.runner import validate
from assay.retrieval import Searcher, read_history, read_pointer
from assay.retrieval.gate import GateReport
from assay.retrieval.reconcile import open_index
from assay.settings import PathRule

DOOR = "# The blue door\n\nThe code of the blue door is 77."


def asked(pipeline: Pipeline, **where: object) -> list[str]:
    """Texts that a reader finds who asks for the blue door."""
    return [hit.text for hit in Searcher.open(pipeline.settings).search("code of the blue door", **where)]


def gate(pipeline: Pipeline) -> GateReport:
    return release_first(pipeline.workspace())


def with_canaries(pipeline: Pipeline, folder: Path, *questions: tuple[str, str]) -> Pipeline:
    file = folder / "canaries.jsonl"
    file.write_text("\n".join(json.dumps({"question": q, "document_id": d}) for q, d in questions))
    return Pipeline(pipeline.settings.model_copy(update={"canaries": file}))


def test_the_first_good_version_serves_and_an_equal_one_is_not_published_again(pipeline: Pipeline, inbox: Path) -> None:
    with pytest.raises(NotReady, match="`assay ingest DIR`"):
        gate(pipeline)
    put(inbox / "2026-11-01", {"a.md": DOOR, "b.md": "# The red door\n\nIt has no code at all."})
    report = pipeline.run(day(1)).gate
    assert report is not None
    assert (report.passed, report.published, report.smoke, report.failures) == (True, True, True, ())
    assert {canary.question: answered for canary, answered in report.canaries} == {
        "The blue door": True,
        "The red door": True,
    }
    assert asked(pipeline)[0] == DOOR
    again = gate(pipeline)
    assert (again.passed, again.published, again.serving) == (True, False, report.release_id)
    assert [one.release_id for one in read_history(pipeline.settings.releases_path)] == [report.release_id]


def test_a_canary_that_fails_keeps_the_old_version_answering(tmp_path: Path, pipeline: Pipeline, inbox: Path) -> None:
    crowd = {f"{n}.md": f"# Door {n}\n\nNotes on doors, number {n}." for n in range(12)}
    put(inbox / "2026-11-01", {"a.md": DOOR, **crowd})
    question = ("What is the code of the blue door?", "docs:a.md")
    pipeline = with_canaries(pipeline, tmp_path, question)
    first = pipeline.run(day(1)).gate
    assert first is not None
    assert (first.published, first.smoke) == (True, False)

    # The answer moves away, and a crowd of pages that speak of the same pushes its document out of the hits.
    crowded = {name: f"{text} What is the code of the blue door? Nobody knows, {name}." for name, text in crowd.items()}
    put(inbox / "2026-11-02", {"a.md": "# Gone\n\nElsewhere now.", **crowded})
    open_before = Searcher.open(pipeline.settings)
    assert open_before.search("code of the blue door")[0].text == DOOR
    second = pipeline.run(day(2)).gate
    assert second is not None
    assert (second.passed, second.published, second.failures) == (False, False, ("canary_questions_are_answered",))
    assert [(canary.question, answered) for canary, answered in second.canaries] == [(question[0], False)]
    assert second.version > first.version
    assert second.serving == first.release_id
    assert asked(pipeline)[0] == DOOR
    assert open_before.search("code of the blue door")[0].text == DOOR
    assert gate(pipeline).failures == second.failures, "asking again let it pass"

    put(inbox / "2026-11-03", {"a.md": DOOR.replace("77", "78"), **crowd})
    third = pipeline.run(day(3)).gate
    assert third is not None
    assert (third.passed, third.published) == (True, True)
    assert asked(pipeline)[0] == DOOR.replace("77", "78")
    assert open_before.search("code of the blue door")[0].text == DOOR.replace("77", "78"), "it did not follow"


def test_of_written_questions_one_in_ten_may_fail(tmp_path: Path, pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": DOOR})
    asked_in_vain = {"question": "code of the blue door", "document_id": "docs:a.md", "principals": ["nobody"]}
    answered = {"question": "code of the blue door", "document_id": "docs:a.md"}
    pipeline.run(day(1), through="index")
    for failing, passes in ((1, True), (2, False)):
        # Questions of one wording are one question: number them.
        file = tmp_path / f"{failing}.jsonl"
        lines = [asked_in_vain if n < failing else answered for n in range(10)]
        file.write_text(
            "\n".join(json.dumps({**line, "question": f"{line['question']} {n}"}) for n, line in enumerate(lines))
        )
        report = gate(Pipeline(pipeline.settings.model_copy(update={"canaries": file})))
        assert (report.passed, report.smoke, len(report.canaries)) == (passes, False, 10)


@pytest.mark.parametrize(
    ("harm", "noticed"),
    [
        ("a vector is lost", {"vectors_equal_current_chunks"}),
        ("a deleted document is back", {"vectors_equal_current_chunks", "nothing_deleted_is_found"}),
        ("an old version stands beside the new", {"vectors_equal_current_chunks", "documents_are_whole"}),
        ("permissions are wider", {"vectors_equal_current_chunks"}),
    ],
)
def test_an_index_that_is_not_the_chunks_never_serves(
    pipeline: Pipeline, inbox: Path, harm: str, noticed: set[str]
) -> None:
    put(
        inbox / "2026-11-01",
        {"a.md": DOOR, "b.md": "# The red door\n\nIt has no code.", "c.md": "# Third door\n\nText."},
    )
    put(inbox / "2026-11-02", {"a.md": DOOR, "b.md": "# The red door\n\nIt has no code."})
    pipeline.run(day(1), through="index")
    good = pipeline.run(day(2)).gate
    assert good is not None
    assert good.published
    index = open_index(pipeline.workspace(), pipeline.embedder())
    [row] = index._table.search().where("document_id = 'docs:a.md'").to_arrow().to_pylist()
    if harm == "a vector is lost":
        index._table.delete("document_id = 'docs:a.md'")
    elif harm == "permissions are wider":
        index._table.update(where="document_id = 'docs:a.md'", values={"allowed_principals": ["everybody"]})
    else:
        other = {"document_id": "docs:c.md"} if harm == "a deleted document is back" else {"document_version": 5}
        stray = pa.Table.from_pylist([{**row, "chunk_id": "f" * 32, **other}], index._table.schema)
        index._table.add(stray)
    report = gate(pipeline)
    assert {*report.failures} - {"canary_questions_are_answered"} == noticed
    assert (report.published, report.serving) == (False, good.release_id)
    assert asked(pipeline)[0] == DOOR
    assert asked(pipeline, principals=("everybody",)) == []

    mended = pipeline.run(day(2)).gate
    assert mended is not None
    assert (mended.passed, mended.published) == (True, True)


@at_ci("the real judge")
def test_a_failed_chunk_suite_blocks_until_it_is_mended(
    pipeline: Pipeline, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "2026-11-01", {"a.md": DOOR, "b.md": "# The red door\n\nIt has no code."})
    put(inbox / "2026-11-02", {"a.md": DOOR.replace("77", "78"), "b.md": "# The red door\n\nIts code is 1."})
    good = pipeline.run(day(1)).gate
    assert good is not None
    with monkeypatch.context() as patch:
        patch.setattr("assay.quality.outcomes.validate", validate)
        patch.setattr(chunk_rows, "context_text", lambda path, text, *_: text[:-1] if "78" in text else text)
        with_fault = pipeline.run(day(2)).gate
    assert with_fault is not None
    assert with_fault.failures == ("blocking_expectations_hold",)
    [rule] = [rule for rule in with_fault.rules if not rule.passed]
    assert "gold/chunks: context_ends_with_text" in rule.detail
    assert (with_fault.published, with_fault.serving) == (False, good.release_id)
    assert asked(pipeline)[0] == DOOR

    put(inbox / "2026-11-03", {"a.md": DOOR.replace("77", "79"), "b.md": "# The red door\n\nIts code is 1."})
    mended = pipeline.run(day(3)).gate
    assert mended is not None
    assert (mended.passed, mended.published) == (True, True), "a fault that is gone blocks for ever"
    assert asked(pipeline)[0] == DOOR.replace("77", "79")


def test_what_is_deleted_or_closed_is_found_no_more_once_released(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": DOOR, "b.md": "# The red door\n\nIts code is 5."})
    put(inbox / "2026-11-02", {"a.md": DOOR})
    put(inbox / "2026-11-03", {"a.md": DOOR})
    pipeline.run(day(1))
    assert len(asked(pipeline)) == 2
    pipeline.run(day(2))
    assert asked(pipeline) == [DOOR]
    narrowed = (PathRule(pattern="**", tenant="acme", allowed_principals=("team:acme",)),)
    Pipeline(pipeline.settings, {day(3): narrowed}).run(day(3))
    assert asked(pipeline) == []
    assert asked(pipeline, principals=("team:acme",)) == [DOOR]


def test_nothing_left_is_a_release_too(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": DOOR})
    pipeline.run(day(1))
    (inbox / "2026-11-02").mkdir()
    report = pipeline.run(day(2), allow_mass_delete=True).gate
    assert report is not None
    assert (report.passed, report.published, report.canaries) == (True, True, ())
    assert asked(pipeline) == []


def test_asking_a_candidate_leaves_the_serving_release_alone(
    pipeline: Pipeline, inbox: Path, encoder: HashingEncoder
) -> None:
    put(inbox / "2026-11-01", {"a.md": DOOR})
    pipeline.run(day(1))
    before = read_pointer(pipeline.settings.releases_path)
    encoder.encoded.clear()
    gate(pipeline)
    gate(pipeline)
    assert read_pointer(pipeline.settings.releases_path) == before
    assert encoder.encoded == [], "a canary's question was embedded twice"
