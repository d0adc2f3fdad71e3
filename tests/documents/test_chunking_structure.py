"""Golden examples of `structure`, and what an edit costs."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import AT_CI

from assay.documents.chunking import chunk_text
from assay.documents.chunking.structure import MIN_SECTION_TOKENS
from assay.embeddings.tokenizer import default_tokenizer

BODY = "This paragraph has enough words in it that its section is not counted among the tiny ones, as it should be."


def parts(text: str, **options) -> list[tuple[tuple[str, ...], str]]:
    return [(chunk.heading_path, chunk.text) for chunk in chunk_text(text, **options)]


def test_heading_paths_and_bare_headings():
    text = (
        f"{BODY}\n\n# Top\n\n## Install *now*\n\n{BODY}\n\n### With `pip`\n{BODY}\n\n## Use\n\n{BODY}\n\n## See also\n"
    )
    assert parts(text) == [
        ((), BODY),
        (("Top", "Install now"), f"# Top\n\n## Install *now*\n\n{BODY}"),
        (("Top", "Install now", "With pip"), f"### With `pip`\n{BODY}"),
        (("Top", "Use"), f"## Use\n\n{BODY}"),
        (("Top", "See also"), "## See also"),
    ]


def test_setext_headings_and_every_line_end():
    lines = ["Top", "===", "", BODY, "", "Two", "lines", "---", BODY, "# Not\u2028# two", BODY]
    for end in ("\n", "\r\n", "\r"):
        found = parts(end.join(lines))
        assert [path for path, _ in found] == [("Top",), ("Top", "Two lines"), ("Not # two",)]
        assert found[1][1] == end.join(["Two", "lines", "---", BODY])


def test_headings_inside_code_quotes_and_lists_are_no_sections():
    text = f"# Real\n\n```sh\n# comment\n```\n\n> # quoted\n\n- # listed\n\n<!--\n# hidden\n-->\n\n{BODY}\n"
    assert parts(text) == [(("Real",), text.strip())]


def test_front_matter_is_no_heading():
    text = f"---\ntitle: A page\ndate: 2026-11-01\n---\n# Page\n\n{BODY}\n"
    assert parts(text) == [((), text[: text.index("# Page") - 1]), (("Page",), f"# Page\n\n{BODY}")]
    assert parts(f"---\n\n{BODY}\n\n---\n\n{BODY}")[0][1].startswith("---\n\nThis")


def test_tiny_sections_join_their_next_sibling_but_never_leave_their_parent():
    text = f"# A\n\n{BODY}\n\n## One\n\ntiny\n\n## Two\n\n{BODY}\n\n## Three\n\ntiny\n\n# B\n\n{BODY}\n"
    assert parts(text) == [
        (("A",), f"# A\n\n{BODY}"),
        (("A", "One"), f"## One\n\ntiny\n\n## Two\n\n{BODY}"),
        (("A", "Three"), "## Three\n\ntiny"),
        (("B",), f"# B\n\n{BODY}"),
    ]


TABLE = "| name | value |\n|---|---|\n" + "\n".join(f"| n{row} | {row} |" for row in range(20))
LIST = "\n".join(f"{item}. Item {item} of the list has some words." for item in range(1, 11))
CODE = "```python\n" + "\n".join(f"value_{line} = {line}" for line in range(20)) + "\n```"


@pytest.mark.parametrize("words", range(0, 200, 3))
@pytest.mark.parametrize(
    "block", [TABLE, LIST, CODE, f"Take these steps:\n\n{LIST}", f"The steps\n{LIST}", f"**As follows:**\n\n{CODE}"]
)
def test_a_block_that_fits_is_kept_whole_with_its_lead_in_wherever_it_stands(block: str, words: int):
    text = f"# T\n\n{'word ' * words}\n\n{BODY}\n\n{block}\n\n{BODY}\n\n{BODY}\n"
    assert sum(block in chunk for _, chunk in parts(text)) == 1


def test_a_lead_in_stays_with_the_first_item_of_a_list_too_long_to_stay_whole():
    items = "\n".join(f"- item {item} has some words" for item in range(60))
    for words in range(0, 200, 3):
        found = parts(f"# T\n\n{BODY}\n\n{'word ' * words}\n\nThese are the items:\n\n{items}\n")
        assert sum("These are the items:\n\n- item 0 has some words" in chunk for _, chunk in found) == 1


def test_a_table_too_large_is_split_between_rows_and_every_part_carries_the_header():
    rows = [f"| row {row} | some text for it |" for row in range(80)]
    text = "# T\n\n| a | b |\n| ------ | :----: |\n" + "\n".join(rows) + f"\n\n{BODY}\n"
    found = chunk_text(text)
    assert len(found) > 3
    assert found[0].text.startswith("# T\n\n| a | b |\n| ------ | :----: |\n| row 0")
    assert found[0].table_header is None
    assert {chunk.table_header for chunk in found[1:]} == {"| a | b |\n|-|-|"}
    assert [row for chunk in found for row in chunk.text.split("\n") if row in rows] == rows
    assert all(chunk.text == text[chunk.start : chunk.end] for chunk in found)


def test_a_header_too_wide_is_carried_as_far_as_it_fits_in_half_a_chunk():
    columns = [f"column {number}" for number in range(300)]
    rows = "\n".join("| " + " | ".join(f"{row} {at}" for at in range(300)) + " |" for row in range(4))
    found = chunk_text(f"| {' | '.join(columns)} |\n|{'-|' * 300}\n{rows}\n")
    carried = {chunk.table_header for chunk in found if chunk.table_header}
    assert len(carried) == 1
    header, rule = carried.pop().split("\n")
    names = [name.strip() for name in header.strip("|").split("|")]
    assert 5 < len(names) == rule.count("-") < 300
    assert names == columns[: len(names)]
    assert default_tokenizer().count(f"{header}\n{rule}") <= 100
    one = "x" * 9000
    assert {chunk.table_header for chunk in chunk_text(f"| {one} |\n|---|\n" + "| cell |\n" * 200)} == {None}


def test_a_cell_with_a_bar_stays_one_cell_in_the_header_that_is_carried():
    rows = "".join(f"| row {row} with words | {row} |\n" for row in range(60))
    found = chunk_text(f"| a \\| b | c |\n|---|---|\n{rows}")
    assert found[-1].table_header == "| a \\| b | c |\n|-|-|"


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.lists(st.integers(1, 12), min_size=1, max_size=40), st.integers(0, 60)),
        min_size=1,
        max_size=4,
    ),
    st.integers(40, 254),
)
@settings(max_examples=40 if not AT_CI else 400, deadline=None)
def test_every_row_is_whole_and_stands_below_its_header_or_carries_it(tables, size):
    text, rows = "", []
    for number, (columns, lengths, words) in enumerate(tables):
        text += f"{'word ' * words}\n\n"
        header = "| " + " | ".join(f"t{number}c{column}" for column in range(columns)) + " |"
        top = len(text)
        text += f"{header}\n|{'---|' * columns}\n"
        for length in lengths:
            row = "| " + " | ".join(["cell " * length, *"x" * (columns - 1)]) + " |"
            rows.append((top, header, len(text), len(text) + len(row)))
            text += f"{row}\n"
        text += "\n"
    chunks = chunk_text(text, size=size)
    count = default_tokenizer().count
    for top, header, start, end in rows:
        holder = next(chunk for chunk in chunks if chunk.start <= start < chunk.end)
        carried = f"{header}\n|{'-|' * (header.count('|') - 1)}"
        fits = count(carried) <= size // 2
        if holder.start > top and fits:
            assert holder.table_header == carried
        if count(text[start:end]) + count(carried) <= size:
            first = start == text.index("\n", text.index("\n", top) + 1) + 1
            assert end <= holder.end or (first and count(text[top:end]) > size)


def test_a_list_too_large_is_split_between_items_and_items_between_their_parts():
    items = [f"- item {item} has some words\n  - and a part {item}" for item in range(60)]
    found = parts("# L\n\n" + "\n".join(items))
    assert len(found) > 2
    assert all(chunk.startswith("- item") for _, chunk in found[1:])
    nested = "- outer\n" + "\n".join(f"  - inner item {item} with words" for item in range(60))
    assert all(chunk.startswith("  - inner") for _, chunk in parts(nested)[1:])


def test_code_too_large_is_split_between_lines_and_keeps_its_indentation():
    code = [f"    value_{line} = compute({line})" for line in range(80)]
    found = parts("# C\n\n```python\n" + "\n".join(code) + "\n```\n")
    assert len(found) > 2
    assert [line for _, chunk in found for line in chunk.split("\n") if line in code] == code


def test_code_too_large_is_split_at_its_empty_lines_where_there_are_any():
    functions = [f"def function_{one}():\n    first = {one}\n    return first + {one}" for one in range(40)]
    found = parts("# C\n\n```python\n" + "\n\n".join(functions) + "\n```\n")
    assert len(found) > 2
    assert all(chunk.startswith("def function_") for _, chunk in found[1:])
    assert [one for one in functions if sum(one in chunk for _, chunk in found) == 1] == functions


def test_where_lines_are_paragraphs_a_cut_falls_at_a_line_end():
    lines = [
        f"Line {line} is a paragraph. It has a second sentence, and a third one. So it goes on." for line in range(40)
    ]
    for strategy in ("structure", "recursive"):
        found = parts("\n".join(lines), strategy=strategy)
        assert len(found) > 3
        assert all(chunk.startswith("Line ") for _, chunk in found)


def test_prose_too_large_is_split_at_sentence_ends():
    sentence = "Every sentence of this text, e.g. this one, ends with a full stop."
    found = parts("# P\n\n" + " ".join([sentence] * 60))
    assert len(found) > 2
    assert all(chunk.endswith("full stop.") for _, chunk in found)
    assert all(chunk.startswith("Every sentence") for _, chunk in found[1:])


def test_a_heading_stays_with_the_start_of_its_text():
    for words in range(150, 260):
        first = parts(f"# Heading of some words\n\n{'word ' * words}\n\n{BODY}")[0][1]
        assert "word" in first.split("\n")[-1]


def test_the_last_chunk_of_a_section_is_no_crumb():
    for words in range(201, 215):
        assert min(chunk.token_count for chunk in chunk_text("word " * words)) >= MIN_SECTION_TOKENS


def _document(seed: int, sections: int) -> list[str]:
    chance = random.Random(seed)

    def paragraph() -> str:
        return " ".join(f"w{chance.randrange(900)}" for _ in range(chance.randint(8, 60))).capitalize() + "."

    def block() -> str:
        kind = chance.randrange(4)
        if kind == 0:
            return "\n".join(f"- {paragraph()}" for _ in range(chance.randint(1, 8)))
        if kind == 1:
            return "|a|b|\n|-|-|\n" + "\n".join(f"|{chance.random()}|{chance.random()}|" for _ in range(12))
        if kind == 2:
            return "```\n" + "\n".join(f"x = {chance.random()}" for _ in range(chance.randint(2, 50))) + "\n```"
        return paragraph()

    # The first paragraph alone is large enough that no section is tiny.
    return [
        f"{'#' * chance.randint(1, 4)} Heading {number}\n\n{BODY}\n\n"
        + "\n\n".join(block() for _ in range(chance.randint(0, 8)))
        for number in range(sections)
    ]


@pytest.mark.parametrize("edited", range(0, 60, 7))
def test_an_edit_in_one_section_changes_the_chunks_of_no_other(edited):
    sections = _document(edited, 60)
    before = parts("\n\n".join(sections))
    changed = [*sections]
    changed[edited] = changed[edited].replace(BODY, f"{BODY} {BODY} An edit adds some words to it.")
    after = parts("\n\n".join(changed))

    def elsewhere(found: list[tuple[tuple[str, ...], str]]) -> list[tuple[tuple[str, ...], str]]:
        return [part for part in found if part[0][-1] != f"Heading {edited}"]

    assert elsewhere(before) == elsewhere(after)
    assert before != after


def test_an_edit_in_a_long_section_does_not_run_through_it():
    chance = random.Random(3)
    paragraphs = [" ".join(f"w{chance.randrange(2000)}" for _ in range(chance.randint(6, 9))) for _ in range(400)]
    before = set(parts("\n\n".join(paragraphs)))
    costs = []
    for edited in range(0, 100, 5):
        changed = [*paragraphs]
        changed[edited] += " with more words"
        costs.append(len(set(parts("\n\n".join(changed))) - before))
    assert len(before) > 40
    assert sum(costs) / len(costs) < 4
