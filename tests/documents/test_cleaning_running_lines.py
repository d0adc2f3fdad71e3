"""Headers and footers go; what only looks like one stays."""

import pytest
from cleaning_documents import document

from assay.documents.cleaning import clean

BODY = "The first paragraph of page {}.\nIt has a second line {}.\nAnd a third one {}."


def body(number: int) -> str:
    letters = "abcdefghij"[number] * 3
    return BODY.format(letters, letters, letters)


def cleaned(*pages: str) -> list[str]:
    """The text of every page after cleaning."""
    done = clean(document(*pages), "keep").document
    return [done.text[page.start : page.end].removesuffix("\n\n") for page in done.pages]


@pytest.mark.parametrize(
    ("header", "footer"),
    [
        ("ACME Corporation", "Page {}"),
        ("Annual report 2025\nConfidential", "{}"),
        ("Handbook", "- {} -"),
        ("Report of 3 May 2026", "Page {} of 4"),
        ("Handbook", "vol. 7 · p. {}"),
    ],
)
def test_headers_footers_and_page_numbers_are_removed(header: str, footer: str) -> None:
    pages = [f"{header}\n\n{body(number)}\n\n{footer.format(number + 16)}" for number in range(4)]
    assert cleaned(*pages) == [body(number) for number in range(4)]


def test_roman_numbers_count_with_the_pages_and_other_letters_do_not() -> None:
    numerals = ("iii", "iv", "v", "vi")
    assert cleaned(*(f"{body(number)}\n{numeral}" for number, numeral in enumerate(numerals))) == list(
        map(body, range(4))
    )
    letters = [f"{body(number)}\n{letter}" for number, letter in enumerate(("i", "x", "c", "m"))]
    assert cleaned(*letters) == letters


def test_a_header_in_large_letters_is_removed_as_any_other() -> None:
    assert cleaned(*(f"# ACME Corporation\n\n{body(number)}" for number in range(5))) == list(map(body, range(5)))


def test_two_headers_that_alternate_are_both_removed() -> None:
    pages = [f"{'Part one' if number % 2 else 'A. Author'}\n{body(number)}" for number in range(8)]
    assert cleaned(*pages) == list(map(body, range(8)))


@pytest.mark.parametrize(
    "pages",
    [
        [f"{body(number)}\nSubtotal {number * number * 37}.00" for number in range(5)],
        ["Same line\n" + body(0), "Same line\n" + body(1)],
        ["Same line\n" + body(number) if number < 3 else body(number) for number in range(9)],
        [f"{body(number)}\n7" for number in range(5)],
        ["# Results\n" + body(number) if number < 3 else body(number) for number in range(6)],
        ["One notice on every page."] * 5,
        [f"{body(number)[:20]}\nCommon point\n{body(number)}"[: 60 + number] for number in range(2)],
    ],
    ids=[
        "subtotals",
        "two pages",
        "a third of the pages",
        "a number that does not count",
        "headings",
        "only content",
        "few",
    ],
)
def test_what_is_no_header_stays(pages: list[str]) -> None:
    assert cleaned(*pages) == pages


def test_a_page_keeps_its_header_when_nothing_else_is_on_it() -> None:
    pages = ["ACME Corporation\n" + body(number) for number in range(4)]
    assert cleaned(*pages, "ACME Corporation", "") == [*map(body, range(4)), "ACME Corporation", ""]


def test_tables_are_left_alone_and_their_places_stay_true() -> None:
    table = "| month | sum |\n|---|---|\n| {} | 1 |"
    pages = [f"ACME\n{body(number)}\n{table.format('abcd'[number])}" for number in range(4)]
    tables = tuple((table.format(letter), (("month", "sum"), (letter, "1"))) for letter in "abcd")
    done = clean(document(*pages, tables=tables), "keep")
    text = done.document.text
    assert "ACME" not in text
    assert [text[one.start : one.end] for one in done.document.tables] == [markdown for markdown, _ in tables]
    heads = [f"| month | sum |\n{body(number)}" for number in range(4)]
    unruled = document(*heads, tables=tuple(("| month | sum |", (("month", "sum"),)) for _ in heads[:1]))
    assert clean(unruled, "keep").document.text.count("| month") == 1, "only what a parser calls a table is one"


def test_offsets_lead_back_to_the_parsed_text() -> None:
    pages = [f"ACME Corporation\n{body(number)}\nPage {number + 1}" for number in range(4)]
    parsed = document(*pages)
    done = clean(parsed, "keep")
    for page in done.document.pages:
        text = done.document.text[page.start : page.end].rstrip()
        start, end = done.offsets.source_span(page.start, page.start + len(text))
        assert parsed.text[start:end] == text
        source = parsed.pages[page.number - 1]
        assert source.start <= start < end <= source.end
    words = [done.document.text[word.start : word.end] for word in done.document.words]
    assert words == done.document.text.split()
