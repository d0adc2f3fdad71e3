"""What has a place in a text is written with it: tables, words and refused pages, reused, moved and mended with it."""

from dataclasses import replace
from pathlib import Path

import pytest
from cleaning_documents import document
from document_runs import Pipeline, day, put, version
from scale import at_ci

from assay.documents.conservation import tables_and_words_belong_to_their_texts
from assay.documents.day_verdicts import judge_day
from assay.documents.parsing import ParsedDocument, RefusedPage
from assay.documents.silver import parse_day
from assay.documents.silver_texts import DOCUMENT_TABLES, DOCUMENTS, OCR_WORDS
from assay.errors import DocumentRejected
from assay.quality.blocked_days import blocked_by
from assay.quality.quarantine import QUARANTINE
from assay.settings import PiiPolicy, SourceSettings
from assay.warehouse import engine

MARKDOWN = "| item | price |\n|---|---|\n| nut | 1 |"
ROWS = (("item", "price"), ("nut", "1"))
EMAIL = "mara.lind@example.org"


def scan(data: bytes, name: str) -> ParsedDocument:
    """In place of the parsers: two pages with a table, every word read from an image; `half` has a page nobody could read."""
    words = data.decode()
    if "half" in name:
        parsed = document(f"Scan of {words}.", "")
        return replace(parsed, refused_pages=(RefusedPage(2, "ocr_unreadable", "The page's score is 0.2."),))
    return document(f"Scan of {words}.\n{MARKDOWN}", f"Second page of {words}.", tables=((MARKDOWN, ROWS),))


@pytest.fixture(autouse=True)
def scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("document_runs.parse_here", scan)
    monkeypatch.setattr("assay.documents.known_texts.is_current", lambda parser, _options: parser == "pdf@1")


def under(pipeline: Pipeline, policy: PiiPolicy) -> Pipeline:
    """The same home whose source has another policy."""
    [source] = pipeline.settings.sources
    return Pipeline(pipeline.settings.model_copy(update={"sources": (source.model_copy(update={"pii": policy}),)}))


def test_every_table_row_and_word_lies_in_its_text(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.pdf": "apples", "b.pdf": "pears"})
    [report] = pipeline.run(day(1), through="state").texts
    texts = {row["document_id"]: row for row in pipeline.read(DOCUMENTS)}
    rows = pipeline.read(DOCUMENT_TABLES)
    assert [(row["document_id"], row["table_ordinal"], row["row_ordinal"], row["cells"]) for row in rows] == [
        (document_id, 0, ordinal, list(cells)) for document_id in texts for ordinal, cells in enumerate(ROWS)
    ]
    assert {texts[row["document_id"]]["text"][row["start"] : row["end"]] for row in rows} == {MARKDOWN}
    words = pipeline.read(OCR_WORDS, document_id="docs:a.pdf")
    text = texts["docs:a.pdf"]
    assert [row["text"] for row in words] == text["text"].split()
    assert all(text["text"][row["start"] : row["end"]] == row["text"] for row in words)
    assert {row["text_hash"] for row in (*words, *rows[:2])} == {text["text_hash"]}
    assert [row["page"] for row in words] == [1] * 14 + [2] * 4
    assert (text["ocr_pages"], len(text["ocr_confidences"])) == ([1, 2], 2)
    assert 0.5 < text["ocr_confidences"][0] < 0.9
    assert (report.table_rows, report.ocr_words) == (4, 36)
    assert report.media_types == {"application/pdf": 2}


def test_running_a_day_again_changes_nothing_and_known_texts_bring_theirs(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.pdf": "apples", "half.pdf": "pears"})
    put(inbox / "2026-11-02", {"a.pdf": "figs", "moved/half.pdf": "pears"})
    put(inbox / "2026-11-03", {"a.pdf": "apples", "moved/half.pdf": "pears"})
    _, second, third = pipeline.run(day(1), day(2), day(3), through="state").texts
    assert (second.parsed, second.reused, third.parsed, third.reused) == (1, 1, 0, 1)
    for table in (DOCUMENT_TABLES, OCR_WORDS):
        one, other = (pipeline.read(table, document_id="docs:a.pdf", day=day(number)) for number in (1, 3))
        assert other == [row | {"day": day(3), "document_version": version(3)} for row in one] != []
    pages = {row["document_id"]: row for row in pipeline.read(QUARANTINE, stage="page", day=day(2))}
    assert pages["docs:moved/half.pdf"]["document_version"] == version(2)
    commits, contents = pipeline.commits(), pipeline.contents()
    pipeline.run(day(1), day(2), day(3), through="state")
    assert (pipeline.commits(), pipeline.contents()) == (commits, contents)


def test_refused_pages_are_named_and_a_retry_reads_them(
    pipeline: Pipeline, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "2026-11-01", {"half.pdf": "apples"})
    [report] = pipeline.run(day(1), through="state").texts
    assert (report.taken, report.emitted, report.quarantined, report.refused_pages) == (1, 1, 0, 1)
    [row] = pipeline.read(QUARANTINE)
    assert (row["stage"], row["reason"]) == ("page", "ocr_unreadable")
    assert row["detail"] == "1 of 2 pages are left out (ocr_unreadable: 2)"
    assert parse_day(pipeline.workspace(), "docs", day(1)).parsed == 0, "the same engine would refuse the page again"
    monkeypatch.setattr("document_runs.parse_here", lambda data, _name: scan(data, "whole.pdf"))
    retried = parse_day(pipeline.workspace(), "docs", day(1), retry_quarantined=True)
    assert (retried.parsed, retried.emitted, retried.refused_pages) == (1, 1, 0)
    assert pipeline.quarantine() == {}
    assert pipeline.read(OCR_WORDS)[-1]["page"] == 2


@pytest.mark.parametrize(("engine_now", "parsed"), [("none", 0), ("tesseract-5.3.0:eng", 1)])
def test_pages_without_an_engine_are_read_as_soon_as_there_is_one(
    pipeline: Pipeline, inbox: Path, monkeypatch: pytest.MonkeyPatch, engine_now: str, parsed: int
) -> None:
    lacking = RefusedPage(2, "ocr_unavailable", "Install tesseract.")
    monkeypatch.setattr(
        "document_runs.parse_here", lambda _data, _name: replace(document("One.", ""), refused_pages=(lacking,))
    )
    put(inbox / "2026-11-01", {"half.pdf": "apples"})
    pipeline.run(day(1), through="state")
    monkeypatch.setattr("assay.documents.known_texts.ocr_identity", lambda _options: engine_now)
    assert parse_day(pipeline.workspace(), "docs", day(1)).parsed == parsed


@pytest.mark.parametrize("table", [DOCUMENT_TABLES, OCR_WORDS], ids=lambda table: table.name)
def test_a_text_whose_tables_or_words_are_not_its_own_is_noticed_and_parsed_again(
    pipeline: Pipeline, inbox: Path, table: object
) -> None:
    put(inbox / "2026-11-01", {"a.pdf": "apples"})
    pipeline.run(day(1), through="state")
    lake, place = pipeline.workspace().lake, {"source": "docs", "day": day(1)}
    whole = lake.read(table)
    others = [row | {"text_hash": "0" * 64} for row in whole.to_pylist()]
    [source] = pipeline.settings.active_sources
    for wrong in (whole.slice(1), type(whole).from_pylist(others, schema=whole.schema)):
        lake.replace_partition(table, wrong, partitions=place)
        rule = tables_and_words_belong_to_their_texts(pipeline.workspace(), source, day(1))
        assert (rule.passed, rule.offenders > 0) == (False, True)
        with engine() as connection:
            judge_day(pipeline.workspace(), connection, DOCUMENTS, source, day(1))
        assert {one.check for one in blocked_by(pipeline.workspace(), (DOCUMENTS,))} == {rule.name}
        assert parse_day(pipeline.workspace(), "docs", day(1)).parsed == 1
        assert lake.read(table).sort_by("start").equals(whole.sort_by("start"))
        assert tables_and_words_belong_to_their_texts(pipeline.workspace(), source, day(1)).passed


@at_ci("several runs")
def test_another_policy_cleans_again_and_no_value_is_left_anywhere(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.pdf": EMAIL, "b.pdf": "nothing"})
    [kept] = pipeline.run(day(1), through="chunks").texts
    assert (kept.pii, kept.cleaned_characters) == ({"with email": 1}, 0)
    assert EMAIL in pipeline.current_texts()["docs:a.pdf"]

    [masked] = under(pipeline, "mask").run(day(1), through="chunks").texts
    assert (masked.parsed, masked.emitted, masked.pii) == (2, 2, {"with email": 1})
    assert masked.cleaned_characters == 2 * len(EMAIL)
    row = pipeline.read(DOCUMENTS)[0]
    assert (row["pii_kinds"], "[EMAIL]" in row["text"]) == (["email"], True)
    for table in (DOCUMENTS, DOCUMENT_TABLES, OCR_WORDS):
        assert EMAIL not in repr(pipeline.read(table))
    assert EMAIL not in repr(pipeline.current_texts())
    assert under(pipeline, "mask").run(day(1), through="chunks").texts[0].parsed == 0

    [refused] = under(pipeline, "quarantine").run(day(1), through="chunks").texts
    assert (refused.emitted, refused.quarantined) == (1, 1)
    [held_back] = pipeline.read(QUARANTINE)
    assert (held_back["document_id"], held_back["reason"]) == ("docs:a.pdf", "pii")
    assert "2 e-mail addresses" in held_back["detail"]
    assert EMAIL not in repr(held_back)
    assert under(pipeline, "quarantine").run(day(1), through="state").texts[0].parsed == 0, "it would be refused again"
    assert pipeline.run(day(1), through="state").texts[0].emitted == 2, "under another policy it is tried again"
    assert pipeline.quarantine() == {}


def test_encrypted_files_are_tried_again_while_there_are_passwords(
    pipeline: Pipeline, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_data: bytes, _name: str) -> ParsedDocument:
        raise DocumentRejected("encrypted", "It is under a password.")

    monkeypatch.setattr("document_runs.parse_here", locked)
    put(inbox / "2026-11-01", {"a.pdf": "apples"})
    pipeline.run(day(1), through="state")
    assert parse_day(pipeline.workspace(), "docs", day(1)).parsed == 0
    home = pipeline.settings.home
    given = Pipeline.at(home, *pipeline.settings.sources, document_passwords="winter,summer")
    assert parse_day(given.workspace(), "docs", day(1)).parsed == 1
    files = [file for file in home.rglob("*") if file.is_file()]
    assert not [file for file in files if b"winter" in file.read_bytes()], "a password was written down"


def test_sources_with_other_policies_share_no_text(tmp_path: Path, encoder: object) -> None:
    sources = (
        SourceSettings(name="open", uri=f"{tmp_path}/open/{{day}}"),
        SourceSettings(name="shut", uri=f"{tmp_path}/shut/{{day}}", pii="mask"),
    )
    pipeline = Pipeline.at(tmp_path / "home", *sources)
    for source in sources:
        put(tmp_path / source.name / "2026-11-01", {"a.pdf": EMAIL})
    pipeline.run(day(1), through="state")
    texts = {row["document_id"]: row["text"] for row in pipeline.read(DOCUMENTS)}
    assert (EMAIL in texts["open:a.pdf"], EMAIL in texts["shut:a.pdf"]) == (True, False)
