"""Golden examples of `structure`, and what an edit costs."""

import random

import pytest

from assay.documents.chunking import chunk_text
from assay.documents.chunking.structure import MIN_SECTION_TOKENS

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


def test_a_table_that_fits_is_kept_whole():
    table = "| name | value |\n|---|---|\n" + "\n".join(f"| n{row} | {row} |" for row in range(20))
    text = f"# T\n\n{BODY}\n\n{BODY}\n\n{table}\n\n{BODY}\n"
    assert sum(table in chunk for _, chunk in parts(text)) == 1


def test_a_table_too_large_is_split_between_rows():
    rows = [f"| row {row} | some text for it |" for row in range(80)]
    text = "# T\n\n| a | b |\n|---|---|\n" + "\n".join(rows)
    found = parts(text)
    assert len(found) > 2
    assert found[0][1].startswith("# T\n\n| a | b |\n|---|---|\n| row 0")
    assert [row for _, chunk in found for row in chunk.split("\n") if row in rows] == rows


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
