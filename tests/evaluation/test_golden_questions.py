"""Files of golden questions, and where their passages stand after documents were edited."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import ConfigurationError
from assay.evaluation.golden_question_files import question_record, read_golden_questions, with_spans
from assay.evaluation.golden_questions import GoldenPlace
from assay.evaluation.golden_spans import locate, locate_place

TEXT = "Fees\n\nA refund costs 1,200 units.\n\nA transfer is free.\n"
QUOTE = "A refund costs 1,200 units."
LINE = {
    "id": "refund",
    "question": "What does a refund cost?",
    "kind": "direct",
    "answerable": True,
    "principals": ["public"],
    "slices": ["public"],
    "reference_answer": "1,200 units",
    "passages": [
        {
            "document_id": "docs:fees.md",
            "start": 6,
            "end": 33,
            "quote": QUOTE,
            "alternatives": [{"document_id": "docs:copy.md", "start": 6, "end": 33, "quote": QUOTE}],
        }
    ],
    "decoys": [{"document_id": "docs:old.md", "start": 0, "end": 4, "quote": "Free"}],
}


def file_of(folder, *lines):
    path = folder / "questions.jsonl"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), "utf-8")
    return path


def without(*names):
    return {name: value for name, value in LINE.items() if name not in names}


def test_a_line_is_read_as_it_stands(tmp_path):
    [one] = read_golden_questions(file_of(tmp_path, LINE))
    assert one.cluster == "docs:fees.md"
    assert [place.document_id for place in one.places] == ["docs:fees.md", "docs:copy.md", "docs:old.md"]
    assert question_record(one) == LINE
    unanswerable = LINE | {"answerable": False, "passages": [], "reference_answer": None}
    [other] = read_golden_questions(file_of(tmp_path, unanswerable))
    assert other.cluster == "refund"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "it is no JSON"),
        ("[]", "valid dictionary"),
        (without("principals"), "`principals`: Field required"),
        (LINE | {"principals": []}, "`principals`"),
        (LINE | {"question": " "}, "`question`"),
        (LINE | {"answerable": "yes"}, "`answerable`"),
        (LINE | {"answer": "x"}, "`answer`: Extra"),
        (LINE | {"passages": []}, "an answerable question names its passages"),
        (LINE | {"answerable": False}, "an answerable question names its passages"),
        (LINE | {"answerable": False, "passages": []}, "has no `reference_answer`"),
        (LINE | {"slices": ["a", "a"]}, "a slice is named twice"),
        (LINE | {"passages": [{"document_id": "d", "start": 6, "end": 9, "quote": QUOTE}]}, "the quote has 27 characters, its span 3"),
        (LINE | {"passages": [{"document_id": "d", "start": 6, "quote": QUOTE}]}, "given together"),
        (LINE | {"accepted": None}, "no person accepted it"),
        (LINE | {"accepted": False}, "no person accepted it"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_refused_by_its_number(tmp_path, line, problem):
    with pytest.raises(ConfigurationError, match=r"^Line 3 of .*questions.jsonl") as refused:
        read_golden_questions(file_of(tmp_path, LINE | {"id": "first"}, "", line))
    assert problem in str(refused.value)


def test_two_questions_of_one_id_no_question_and_no_file_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"Line 2 .* the id `refund` came before"):
        read_golden_questions(file_of(tmp_path, LINE, LINE))
    with pytest.raises(ConfigurationError, match="holds no question"):
        read_golden_questions(file_of(tmp_path, ""))
    with pytest.raises(ConfigurationError, match="There is no file"):
        read_golden_questions(tmp_path / "nowhere.jsonl")


def test_a_line_that_somebody_accepted_is_read(tmp_path):
    assert len(read_golden_questions(file_of(tmp_path, LINE | {"accepted": "Ada"}))) == 1


def test_a_passage_that_moved_is_found_and_told(tmp_path):
    questions = read_golden_questions(file_of(tmp_path, LINE))
    texts = {"docs:fees.md": f"New title\n{TEXT}", "docs:copy.md": TEXT, "docs:old.md": "Free of charge"}
    found = locate(questions, texts)
    [moved] = found.moved
    assert "`refund`" in moved
    assert "`docs:fees.md` moved from [6:33] to [16:43]" in moved
    assert found.lost == ()
    assert found.questions[0].passages[0].places[0] == GoldenPlace("docs:fees.md", 16, 43, QUOTE)


def test_a_passage_that_vanished_or_is_ambiguous_counts_as_a_miss_and_is_told(tmp_path):
    questions = read_golden_questions(file_of(tmp_path, LINE))
    texts = {"docs:fees.md": TEXT.replace("1,200", "1,300"), "docs:copy.md": f"{QUOTE} {QUOTE}"}
    found = locate(questions, texts)
    assert [place.stands for place in found.questions[0].places] == [False, False, False]
    assert [("`docs:fees.md` does not hold" in one, "`docs:copy.md` holds the quote several times" in one, "`docs:old.md` is not current" in one) for one in found.lost] == [(True, False, False), (False, True, False), (False, False, True)]  # fmt: skip
    assert [one for one in locate(questions, texts, {"docs:old.md"}).lost if "old.md" in one] == []


def test_a_quote_that_stands_at_its_span_stays_although_it_is_there_twice():
    place = GoldenPlace("d", 3, 5, "ab")
    assert locate_place(place, "ab ab") == place


@given(
    before=st.text("ab 1.", max_size=8),
    quote=st.text("ab1", min_size=1, max_size=4),
    after=st.text("ab 1.", max_size=8),
    start=st.integers(0, 9),
)
def test_a_located_place_always_holds_its_quote(before, quote, after, start):
    text = before + quote + after
    found = locate_place(GoldenPlace("d", start, start + len(quote), quote), text)
    whole = re.compile(rf"(?<![ab1])(?<!1\.(?=1)){quote}(?![ab1])(?!(?<=1)\.1)")
    places = [at for at in range(len(text)) if whole.match(text, at)]
    assert found.stands is (start in places or len(places) == 1)
    assert not found.stands or text[found.start : found.end] == quote


@pytest.mark.parametrize(
    ("quote", "text", "stands"),
    [
        ("5 days", "within 15 days", False),
        ("5 days", "within 1.5 days", False),
        ("5 days", "within 1\u00a05 days", False),
        ("costs 5", "It costs 5.", True),
        ("costs 5", "It costs 50", False),
        ("costs 5", "It costs 5,000", False),
        ("costs 5", "It costs 5, and more", True),
        ("free", "It is freedom", False),
        ("free", "It is (free)", True),
        ("free", "It is free", True),
        ("12:30", "at 12:30:15", False),
        ("\u514d\u8d39", "\u8fd9\u662f\u514d\u8d39\u7684", True),  # no blanks between words: no end of one shows
    ],
)
def test_a_quote_stands_nowhere_inside_another_word_or_number(quote, text, stands):
    start = text.index(quote)
    for span in ((start, start + len(quote)), (90, 90 + len(quote))):
        found = locate_place(GoldenPlace("d", *span, quote), text)
        assert (found.stands, found.start) == (stands, start if stands else span[0])


def test_a_quote_that_an_edit_made_a_part_of_a_number_is_told(tmp_path):
    line = LINE | {"passages": [{"document_id": "d", "start": 0, "end": 6, "quote": "5 days"}], "decoys": []}
    [lost] = locate(read_golden_questions(file_of(tmp_path, line)), {"d": "15 days"}).lost
    assert "`d` holds the quote inside other words or numbers alone" in lost


def test_questions_that_want_of_ocr_made_unaskable_are_counted(tmp_path):
    questions = read_golden_questions(file_of(tmp_path, LINE | {"decoys": []}, LINE | {"id": "other", "decoys": []}))
    scans = ("docs:fees.md", "docs:copy.md")
    found = locate(questions, {}, scans)
    assert found.warnings == ("2 questions were not asked: their documents need OCR. See what is missing with `assay doctor`.",)  # fmt: skip
    assert locate(questions, {"docs:copy.md": TEXT}, scans).warnings == (), "an alternative stands"
    assert locate(questions[:1], {}, scans).warnings[0].startswith("1 question was not asked: its documents need OCR")


def test_spans_are_written_and_all_else_is_kept(tmp_path):
    bare = LINE | {"passages": [{"document_id": "docs:fees.md", "quote": QUOTE}], "accepted": "Ada"}
    path = file_of(tmp_path, LINE, bare | {"id": "bare"}, LINE | {"id": "gone", "decoys": [], "passages": [{"document_id": "x", "start": 0, "end": 2, "quote": "ab"}]})  # fmt: skip
    found = locate(
        read_golden_questions(path), {"docs:fees.md": f"!{TEXT}", "docs:copy.md": TEXT, "docs:old.md": "Free"}
    )
    first, second, third = map(json.loads, with_spans(path, found.questions).splitlines())
    assert first["passages"][0] | {"start": 6, "end": 33} == LINE["passages"][0]
    assert first["passages"][0]["start"] == 7
    assert first["decoys"] == LINE["decoys"]
    assert second["passages"] == [{"document_id": "docs:fees.md", "start": 7, "end": 34, "quote": QUOTE}]
    assert second["accepted"] == "Ada"
    assert third["passages"] == [{"document_id": "x", "start": 0, "end": 2, "quote": "ab"}]
    assert [one for one in found.moved if "bare" in one] == []
