"""What cleaning does to personal data: kept, masked everywhere with true places, or refused without a value told."""

from dataclasses import replace
from itertools import accumulate
from time import process_time

import pytest
from cleaning_documents import document
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.documents.cleaning import clean, cleaning_identity
from assay.documents.parsing import Page, Table
from assay.documents.parsing.parsed import normalize_text
from assay.documents.pii import find_pii
from assay.errors import DocumentRejected

EMAIL, PHONE, CARD = "mara.lind@example.org", "+49 30 1234567", "4111 1111 1111 1111"
TABLE = f"| who | what |\n|---|---|\n| {EMAIL} | {CARD} |"
PAGES = (f"Write to {EMAIL} now.\nOr call {PHONE}!", f"{TABLE}\nThe end.")
CELLS = (("who", "what"), (EMAIL, CARD))


def test_kept_data_changes_nothing_and_is_counted() -> None:
    parsed = document(*PAGES, tables=((TABLE, CELLS),))
    done = clean(parsed, "keep")
    assert done.document == parsed
    assert done.pii == {"email": 2, "phone": 1, "card": 1}


def test_masked_data_is_nowhere_and_every_place_stays_true() -> None:
    parsed = document(*PAGES, title=f"Mail of {EMAIL}", tables=((TABLE, CELLS),))
    done = clean(parsed, "mask")
    text = done.document.text
    assert text == (
        "Write to [EMAIL] now.\nOr call [PHONE]!\n\n| who | what |\n|---|---|\n| [EMAIL] | [CARD] |\nThe end."
    )
    assert done.document.title == "Mail of [EMAIL]"
    [table] = done.document.tables
    assert text[table.start : table.end] == "| who | what |\n|---|---|\n| [EMAIL] | [CARD] |"
    assert table.rows == (("who", "what"), ("[EMAIL]", "[CARD]"))
    assert [text[page.start : page.end].split()[0] for page in done.document.pages] == ["Write", "|"]
    assert [text[word.start : word.end] for word in done.document.words] == text.split()
    start = text.index("[PHONE]")
    source = slice(*done.offsets.source_span(start + 2, start + 3))
    assert parsed.text[source] == PHONE, "any character of a token leads to all that it stands for"
    for value in (EMAIL, PHONE, CARD, "1111", "mara"):
        assert value not in repr(done)


def test_words_that_share_a_token_are_as_doubtful_as_the_most_doubtful() -> None:
    parsed = document(f"Call {PHONE} today")
    words = {parsed.text[word.start : word.end]: word.confidence for word in parsed.words}
    done = clean(parsed, "mask").document
    masked = {done.text[word.start : word.end]: word.confidence for word in done.words}
    assert masked == {
        "Call": words["Call"],
        "[PHONE]": min(words[part] for part in PHONE.split()),
        "today": words["today"],
    }


def test_a_value_known_by_its_label_is_masked_in_cells_that_lack_the_label() -> None:
    table = "| setting | value |\n|---|---|\n| password=Tr0ub4dor&3 | x |"
    parsed = document(f"{table}\n", tables=((table, (("setting", "value"), ("Tr0ub4dor&3", "no Tr0ub4dor&3 here"))),))
    done = clean(parsed, "mask").document
    assert done.tables[0].rows[1] == ("[SECRET]", "no [SECRET] here")


@pytest.mark.parametrize(
    ("line", "cell", "masked"),
    [
        ("| server | 1.2.3.4 (primary) |", "1.2.3.4 (primary)", "[IP] (primary)"),
        ("| Tel. | 4711 5512 90 ext 5 |", "4711 5512 90 ext 5", "[PHONE] ext 5"),
        ('| password="Tr0ub4dor@mail.server.org" | x |', "Tr0ub4dor@mail.server.org!", "[SECRET]!"),
        ("| server | 1.2.3.4 |", "11.2.3.45", "11.2.3.45"),
    ],
)
def test_a_value_known_by_what_stands_before_it_is_masked_in_a_cell_with_more_in_it(
    line: str, cell: str, masked: str
) -> None:
    table = f"| a | b |\n|---|---|\n{line}"
    done = clean(document(table, tables=((table, (("a", "b"), ("x", cell))),)), "mask")
    assert done.document.tables[0].rows[1] == ("x", masked)


def test_as_many_secrets_and_tables_as_a_workbook_has_cells_take_seconds() -> None:
    rows = [f"| password=Xx1234{number:06d} | x |" for number in range(5_000)]
    blocks = [f"| a | b |\n|---|---|\n{row}" for row in rows]
    text, ends = "\n\n".join(blocks), [len("\n\n") + len(block) for block in blocks]
    starts = [0, *accumulate(ends[:-1])]
    tables = tuple(
        Table(1, start, start + len(block), (("a", "b"), (row.split()[1], "x")), 1.0)
        for start, block, row in zip(starts, blocks, rows, strict=True)
    )
    page = Page(1, 0, len(text))
    parsed = replace(document(""), text=text, pages=(page,), tables=tables, words=())
    began = process_time()
    done = clean(parsed, "mask").document
    assert process_time() - began < 8
    assert {table.rows[1] for table in done.tables} == {("password=[SECRET]", "x")}


def test_a_refusal_names_kinds_and_counts_and_no_value() -> None:
    with pytest.raises(DocumentRejected) as caught:
        clean(document(*PAGES, tables=((TABLE, CELLS),)), "quarantine")
    assert caught.value.reason == "pii"
    assert "1 card number, 2 e-mail addresses, 1 phone number" in caught.value.detail
    assert not find_pii(str(caught.value))
    assert clean(document("Nothing private."), "quarantine").pii == {}


def test_a_mask_over_a_removed_header_is_one_edit() -> None:
    key = "-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END PRIVATE KEY-----"
    lines = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 2] * 12
    pages = ["\n".join(["ACME Corporation", *lines[at : at + 4], f"{at} {'abc'[at // 4] * 9}"]) for at in (0, 4, 8)]
    pages[0] = pages[0].replace("ACME Corporation", "ACME Corporation\n-----BEGIN PRIVATE KEY-----")
    pages[2] += "\n-----END PRIVATE KEY-----\nAnd that was it."
    parsed = document(*pages)
    done = clean(parsed, "mask")
    assert done.document.text == "[SECRET]\nAnd that was it."
    start, end = done.offsets.source_span(0, len("[SECRET]"))
    assert parsed.text[start:end].startswith("-----BEGIN")
    assert parsed.text[start:end].endswith("KEY-----")
    assert key.count("-----") == 4
    assert [page.start for page in done.document.pages] == [0, 0, 0]


def test_the_identity_tells_policies_apart() -> None:
    assert len({cleaning_identity(policy) for policy in ("keep", "mask", "quarantine")}) == 3


PARTS = st.sampled_from(
    [
        f" {EMAIL} ", f" {PHONE}\n", f"\n{CARD};", " GB82 WEST 1234 5698 7654 32 ", "ACME Corporation\n", "7", "\n", " ", "words",
        "e\u0301", "\u0338",
    ]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.lists(PARTS, max_size=12).map("".join).map(normalize_text), min_size=1, max_size=6))
def test_places_stay_true_in_whatever_document(pages: list[str]) -> None:
    parsed = document(*pages)
    done = clean(parsed, "mask")
    text = done.document.text
    assert text == normalize_text(text)
    assert not find_pii(text)
    assert done.document.pages[0].start == 0
    assert done.document.pages[-1].end == len(text)
    for page, after in zip(done.document.pages, done.document.pages[1:], strict=False):
        assert page.start <= page.end == after.start
    last = 0
    for word in done.document.words:
        assert last <= word.start < word.end <= len(text)
        assert text[word.start : word.end].strip()
        last = word.end
    for start in range(len(text)):
        begin, end = done.offsets.source_span(start, start + 1)
        assert end - begin > 1 or parsed.text[begin:end] == text[start] or text[start] in "[EMAILPHONECARDIBAN]"
