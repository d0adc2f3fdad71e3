"""The map from a cleaned text to the parsed one says what a list with an entry per character says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.documents.cleaning import Edit, OffsetMap
from assay.documents.cleaning.offset_map import edited


@st.composite
def edited_texts(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    """A text and sorted edits of it that do not overlap: removals, and tokens shorter, longer and as long."""
    text = draw(st.text("ab\n", max_size=30))
    points = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True)))
    pairs = list(zip(points[::2], points[1::2], strict=False))
    return text, [Edit(start, end, draw(st.sampled_from(["", "XY", "TOKEN"]))) for start, end in pairs]


def characters(text: str, edits: list[Edit]) -> list[tuple[str, int, int]]:
    """By brute force: each character of the cleaned text with the slice of the source that it was made from."""
    found: list[tuple[str, int, int]] = []
    at = 0
    for edit in [*edits, Edit(len(text), len(text))]:
        found += [(text[offset], offset, offset + 1) for offset in range(at, edit.start)]
        is_as_long = len(edit.replacement) == edit.end - edit.start
        for place, character in enumerate(edit.replacement):
            copied = (edit.start + place, edit.start + place + 1)
            found.append((character, *(copied if is_as_long else (edit.start, edit.end))))
        at = edit.end
    return found


@settings(deadline=None)
@given(edited_texts(), st.data())
def test_every_slice_leads_back_to_what_it_was_made_from(case: tuple[str, list[Edit]], data: st.DataObject) -> None:
    text, edits = case
    oracle, offsets, cleaned = characters(text, edits), OffsetMap.of(edits, len(text)), edited(text, edits)
    assert cleaned == "".join(character for character, _, _ in oracle)
    assert (offsets.starts[-1], offsets.source_starts[-1]) == (len(cleaned), len(text))
    changed = {edit.start: edit.end - edit.start for edit in edits if edit.end - edit.start != len(edit.replacement)}
    assert offsets.edited_characters == sum(changed.values())
    if not cleaned:
        return
    start = data.draw(st.integers(0, len(cleaned) - 1))
    end = data.draw(st.integers(start + 1, len(cleaned)))
    slices = [place for _, *place in oracle[start:end]]
    assert offsets.source_span(start, end) == (min(one for one, _ in slices), max(other for _, other in slices))


@settings(deadline=None)
@given(edited_texts(), st.data())
def test_every_slice_of_the_source_is_found_where_it_went(case: tuple[str, list[Edit]], data: st.DataObject) -> None:
    text, edits = case
    if not text:
        return
    oracle, inverse = characters(text, edits), OffsetMap.of(edits, len(text)).inverse
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    made = [place for place, (_, one, other) in enumerate(oracle) if one < end and start < other]
    found = inverse.source_span(start, end)
    assert found == (made[0], made[-1] + 1) if made else found[0] == found[1]
    assert 0 <= found[0] <= found[1] <= len(oracle)


def test_an_untouched_text_is_one_piece_and_an_empty_slice_is_refused() -> None:
    assert OffsetMap.of([], 7) == OffsetMap((0, 7), (0, 7))
    for start, end in ((3, 3), (4, 3), (-1, 2), (0, 8)):
        with pytest.raises(ValueError, match="no slice"):
            OffsetMap.of([], 7).source_span(start, end)
