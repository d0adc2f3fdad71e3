"""The golden questions of the sample: each answer stands where it says, for the one who asks, and every slice is large enough to decide."""

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.documents.sources import rule_for
from assay.evaluation.golden_question_files import read_golden_questions, with_spans
from assay.settings import SAMPLE_SOURCE

SAMPLES = Path(__file__).parents[1] / "samples"
LAST_DAY = SAMPLES / "inbox" / "2026-11-03"
FILE = SAMPLES / "golden" / "questions.jsonl"
QUESTIONS: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
ANSWERABLE = [one for one in QUESTIONS if one["answerable"]]
UNANSWERABLE = [one for one in QUESTIONS if not one["answerable"]]
BROKEN = "runbooks/corrupt-export.md"
SCANS = {
    "help/studio-checklist.png",
    "runbooks/rack-label.jpg",
    "tenants/northwind/signed-addendum.tiff",
    "tenants/umbra/sponsorship-fax.pdf",
}
# Their copies are what search finds (`docs/documents.md`, Duplicates).
FOUND_AS = {
    "help/subtitles.md": "help/captions.md",
    "runbooks/dlq-old.md": "runbooks/dead-letter-queue.md",
}
FIELDS = {"id", "question", "kind", "answerable", "principals", "slices", "reference_answer", "passages"}
KINDS = {"direct", "table", "scan", "multi", "conflict", "false_premise", "unanswerable", "not_visible"}
WHO_ASKS = {"public", "tenant:northwind", "tenant:umbra"}
# A slice may decide from 30 questions on.
DECIDING = ("tenant:northwind", "tenant:umbra", "es", "table", "scan")


@pytest.fixture(scope="module")
def tool() -> Iterator[SimpleNamespace]:
    """The script beside the sample that finds the spans."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SAMPLES))
        import locate_answers
        import make_documents

        assert set(make_documents.SCANS) == SCANS
        yield SimpleNamespace(located=locate_answers.located, silver_text=locate_answers.silver_text)


@pytest.fixture
def tesseract() -> None:
    if not shutil.which("tesseract") and os.environ.get("ASSAY_REQUIRE_SERVICES") != "1":
        pytest.skip("scans are read by tesseract, which is not installed: `apt-get install tesseract-ocr`")


def path_of(passage: dict[str, Any]) -> str:
    return passage["document_id"].removeprefix("sample:")


def may_see(question: dict[str, Any], passage: dict[str, Any]) -> bool:
    allowed = rule_for(SAMPLE_SOURCE, path_of(passage)).allowed_principals
    return bool(set(allowed) & set(question["principals"]))


def asked_by(question: dict[str, Any]) -> str:
    """The last principal: a tenant's people are `public` too."""
    return question["principals"][-1]


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.,:]\d+)*", text))


def test_every_slice_that_decides_has_thirty_answers() -> None:
    slices = Counter(name for one in ANSWERABLE for name in one["slices"])
    assert len(QUESTIONS) >= 240
    assert min(slices[name] for name in DECIDING) >= 30, slices
    assert len(UNANSWERABLE) / len(QUESTIONS) >= 0.15
    kinds = Counter(one["kind"] for one in QUESTIONS)
    assert kinds.keys() == KINDS
    assert min(kinds["false_premise"], kinds["conflict"]) >= 20, kinds
    assert min(kinds["multi"], kinds["not_visible"]) >= 10, kinds


def test_no_question_is_asked_twice() -> None:
    for name in ("id", "question"):
        assert [text for text, times in Counter(words(one[name]) for one in QUESTIONS).items() if times > 1] == []


def test_a_question_is_what_its_fields_say() -> None:
    for one in QUESTIONS:
        assert one.keys() - {"decoys"} == FIELDS, one["id"]
        assert one["kind"] in KINDS, one["id"]
        assert one["principals"] in (["public"], ["public", "tenant:northwind"], ["public", "tenant:umbra"]), one["id"]
        assert WHO_ASKS & set(one["slices"]) == {asked_by(one)}, one["id"]
        assert len(one["slices"]) == len(set(one["slices"])), one["id"]
        assert one["answerable"] is bool(one["passages"]) is bool(one["reference_answer"]), one["id"]
        assert one["answerable"] is (one["kind"] not in ("unanswerable", "not_visible")), one["id"]
        assert (one["kind"] == "multi") is (len(one["passages"]) > 1), one["id"]


def test_slices_are_those_of_the_documents() -> None:
    for one in ANSWERABLE:
        paths = {path_of(passage) for passage in one["passages"]}
        is_table = any(passage["quote"].startswith("| ") for passage in one["passages"])
        assert ("scan" in one["slices"]) is bool(paths & SCANS), one["id"]
        assert ("table" in one["slices"]) is is_table, one["id"]
        assert ("es" in one["slices"]) is all("/es/" in path or "/resumen-" in path for path in paths), one["id"]


def test_who_asks_may_see_the_answer_and_not_what_is_hidden() -> None:
    for one in QUESTIONS:
        for passage in one["passages"]:
            assert all(may_see(one, place) for place in (passage, *passage.get("alternatives", ()))), one["id"]
        decoys = [may_see(one, decoy) for decoy in one.get("decoys", ())]
        assert all(decoys) if one["kind"] != "not_visible" else decoys and not any(decoys), one["id"]


def test_a_question_of_a_tenant_needs_its_tenant() -> None:
    """A question that the public could ask as well says nothing about a tenant's documents."""
    for one in ANSWERABLE:
        [*allowed] = {rule_for(SAMPLE_SOURCE, path_of(passage)).allowed_principals for passage in one["passages"]}
        assert (asked_by(one),) in allowed, one["id"]


def test_a_reference_answer_names_no_number_that_its_passages_do_not() -> None:
    for one in ANSWERABLE:
        known = numbers(" ".join(passage["quote"] for passage in one["passages"]))
        if one["kind"] == "false_premise":  # the answer may name the number that it puts right
            known |= numbers(one["question"])
        assert numbers(one["reference_answer"]) <= known, one["id"]


def test_a_passage_of_a_hidden_duplicate_stands_in_its_canonical_document_too() -> None:
    hidden = 0
    for one in ANSWERABLE:
        for passage in one["passages"]:
            if found_as := FOUND_AS.get(path_of(passage)):
                assert found_as in [path_of(place) for place in passage["alternatives"]], one["id"]
                hidden += 1
    assert hidden >= len(FOUND_AS)


def test_every_document_of_the_last_day_is_asked_about() -> None:
    there = {path.relative_to(LAST_DAY).as_posix() for path in LAST_DAY.rglob("*") if path.is_file()}
    assert {path_of(passage) for one in ANSWERABLE for passage in one["passages"]} == there - {BROKEN}


def test_quotes_stand_where_they_say(tool: SimpleNamespace) -> None:
    assert_quotes_stand(tool, is_scan=False)


def test_quotes_of_scans_stand_where_they_say(tool: SimpleNamespace, tesseract: None) -> None:
    assert_quotes_stand(tool, is_scan=True)


def assert_quotes_stand(tool: SimpleNamespace, *, is_scan: bool) -> None:
    for one in read_golden_questions(FILE):
        for place in one.places:
            if (place.document_id.removeprefix("sample:") in SCANS) is is_scan:
                text = tool.silver_text(place.document_id)
                assert text[place.start : place.end] == place.quote, one.id
                assert text.count(place.quote) == 1, one.id


def test_the_tool_gives_a_new_quote_its_span_and_tells_of_one_that_is_not_there(
    tool: SimpleNamespace, tmp_path: Path
) -> None:
    known = next(one for one in ANSWERABLE if one["id"] == "payout-low")
    bare = json.loads(json.dumps(known))
    for passage in bare["passages"]:
        del passage["start"], passage["end"]
    file = tmp_path / "questions.jsonl"
    file.write_text(json.dumps(bare), "utf-8")
    found = tool.located(read_golden_questions(file))
    assert json.loads(with_spans(file, found.questions)) == known
    bare["passages"][0]["quote"] = "The minimum payout falls to nothing."
    file.write_text(json.dumps(bare), "utf-8")
    [lost] = tool.located(read_golden_questions(file)).lost
    assert lost.startswith("Question `payout-low`: `sample:releases/2026-11.md` does not hold the quote any more")


def test_the_readme_counts_them() -> None:
    told = (SAMPLES / "README.md").read_text("utf-8")
    rows = {kind: int(count) for kind, count in re.findall(r"^\| `([a-z_]+)` \| (\d+) \|", told, re.M)}
    assert rows == Counter(one["kind"] for one in QUESTIONS)
    slices = Counter(name for one in ANSWERABLE for name in one["slices"])
    [counts] = re.findall(r"A slice may decide from 30 answerable questions on\. (.*);", told)
    assert {name: int(count) for name, count in re.findall(r"`([a-z:]+)`(?: has)? (\d+)", counts)} == {
        name: slices[name] for name in DECIDING
    }
    assert f"{len(QUESTIONS)} questions on the last day" in told
