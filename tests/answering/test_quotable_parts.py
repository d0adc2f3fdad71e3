"""Passages in parts: what can be quoted, where it stands, and what a reader is told of it."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from scale import AT_CI

from assay.answering.quotable_parts import quotable_parts

EXAMPLES = 300 if AT_CI else 60
PIECES = ("# Fees\n\n", "A fee. ", "It is 5% of 1,000 euros!\n", "\n", "- an item\n", "  1) nested. Two.\n", "> quoted\n",
          "| Size | Price |\n|---|--:|\n| small \\| flat | 3 |\n| large |  |\n", "| alone | 7 |\n", "```sh\nrun --all\n```\n",
          "~~~\n", "É 😀 ñ… ", "No.\r\n\r\nYes.\r\n", "***\n", "\t", "Title\n=====\n", "|", "---\n")  # fmt: skip


def said(passage: str) -> list[str]:
    return [part.said for part in quotable_parts(passage)]


def quoted(passage: str) -> list[str]:
    return [passage[part.start : part.end] for part in quotable_parts(passage)]


def test_prose_is_quoted_by_the_sentence_and_read_without_line_breaks():
    passage = "## Payouts\n\nMoney is sent\non Fridays. A bank takes 3 days.\n\nNothing else is due."
    assert quoted(passage) == ["Money is sent\non Fridays.", "A bank takes 3 days.", "Nothing else is due."]
    assert said(passage)[0] == "Money is sent on Fridays."


def test_a_row_names_its_columns_and_is_quoted_as_it_stands():
    passage = "| Country | Minimum | Days |\n|---|---|---|\n| México | 900 MXN | 3 |\n| Perú | | 4 |\n\nThe bank's fee is the creator's."
    assert quoted(passage) == [
        "| México | 900 MXN | 3 |",
        "| Perú | | 4 |",
        "The bank's fee is the creator's.",
    ]
    assert said(passage)[:2] == ["Country: México; Minimum: 900 MXN; Days: 3", "Country: Perú; Days: 4"]


def test_rows_whose_header_is_in_another_passage_stand_alone():
    assert said("| Perú | 4 |\n| Chile | a \\| b |\n") == ["Perú; 4", "Chile; a | b"]


def test_list_items_and_quotes_come_without_their_marks():
    assert quoted("Before:\n\n- one. Again.\n- two\n  - inner\n\n1. first\n2) second\n\n> said so") == [
        "Before:", "one.", "Again.", "two", "inner", "first", "second", "said so",
    ]  # fmt: skip


def test_headings_rules_and_fences_alone_are_no_quotes():
    assert said("# Top\n\n## Below\n\n***\n") == []
    assert said("```sh\nassay demo\n```\n") == ["assay demo"]


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_parts_are_in_order_apart_and_without_blanks_around_them(passage: str):
    end = 0
    for part in quotable_parts(passage):
        assert end <= part.start < part.end <= len(passage)
        quote = passage[part.start : part.end]
        assert quote == quote.strip()
        assert any(map(str.isalnum, quote))
        # Every word that is read stands in the passage.
        assert set(re.findall(r"\w+", part.said)) <= set(re.findall(r"\w+", passage))
        end = part.end


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(
        st.sampled_from(["Alpha one. ", "beta\n", "\n", "- gamma. Delta\n", "> epsilon\n", "| zeta | eta |\n"])
    ).map("".join)
)
def test_no_word_outside_headings_is_lost(passage: str):
    held = "".join(passage[part.start : part.end] for part in quotable_parts(passage))
    assert re.findall(r"\w", held) == re.findall(r"\w", passage)
