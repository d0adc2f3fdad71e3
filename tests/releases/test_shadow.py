from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from release_records import decision_of, measured_of

from assay.releases.shadow import shadow_of

PASSED = decision_of("PASS")
Places = list[tuple[str, int, int]]

PLACES = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 8), st.integers(1, 4)).map(
        lambda one: (one[0], one[1], one[1] + one[2])
    ),
    max_size=5,
)


def letters(place: tuple[str, int, int]) -> set[tuple[str, int]]:
    return {(place[0], at) for at in range(place[1], place[2])}


def overlap(ours: Places, theirs: Places) -> float:
    """By every single character."""
    if not ours and not theirs:
        return 1.0
    pairs = [
        (one, other)
        for one, other in product(range(len(ours)), range(len(theirs)))
        if letters(ours[one]) & letters(theirs[other])
    ]
    return (len({one for one, _ in pairs}) + len({other for _, other in pairs})) / (len(ours) + len(theirs))


@given(PLACES, PLACES)
def test_the_overlap_is_that_of_the_characters(ours: Places, theirs: Places) -> None:
    shadow = shadow_of(measured_of("a@1", {"q": ours}), measured_of("b@1", {"q": theirs}), PASSED)
    assert shadow.overlap_at_10 == pytest.approx(overlap(ours, theirs))


def test_chunks_that_were_cut_elsewhere_overlap_all_the_same() -> None:
    ours = measured_of("a@1", {"q": [("a.md", 0, 100), ("b.md", 50, 90)]})
    theirs = measured_of("b@1", {"q": [("a.md", 60, 160), ("c.md", 0, 10)]})
    shadow = shadow_of(ours, theirs, PASSED)
    assert (shadow.overlap_at_10, shadow.documents_at_10) == (0.5, 0.5)


def test_only_the_first_ten_count() -> None:
    first = [(f"{number}.md", 0, 10) for number in range(10)]
    ours = measured_of("a@1", {"q": [*first, ("late.md", 0, 10)]})
    shadow = shadow_of(ours, measured_of("b@1", {"q": first}), PASSED)
    assert shadow.overlap_at_10 == 1.0


def test_it_tells_ranking_with_bounds_and_what_searches_take() -> None:
    ours = measured_of("a@1", {f"q{number}": [("a.md", 0, 1)] for number in range(5)})
    shadow = shadow_of(ours, measured_of("b@1", {"q0": [("a.md", 0, 1)]}), PASSED)
    assert shadow.ndcg is not None
    assert shadow.ndcg.lower == pytest.approx(-0.03)
    assert shadow.questions == 1
    assert (shadow.candidate.median, shadow.baseline.median) == (12.0, 10.0)
