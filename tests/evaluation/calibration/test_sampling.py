"""The draw: every answer as likely as any other, strata by their share, nothing that tells the arm."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.evaluation.calibration import PooledAnswer, draw, pool
from assay.evaluation.calibration.sample_files import sample_of
from assay.evaluation.judge import JudgedItem


def item(name: str, answer: str, *, group: str = "en", abstained: bool = False) -> JudgedItem:
    return JudgedItem(name, f"{name}.md", (group,), f"What of {name}?", answer, ("A passage.",), None, abstained)


def two_arms(count: int, differing: int) -> list[PooledAnswer]:
    groups = ["en", "es", "en", "table"]
    first = [item(f"q{at}", "So.", group=groups[at % 4]) for at in range(count)]
    second = [item(f"q{at}", "Otherwise." if at < differing else "So.", group=groups[at % 4]) for at in range(count)]
    return pool([first, second])


def test_an_equal_answer_of_both_arms_is_labelled_once_and_abstentions_never() -> None:
    answers = pool([[item("q1", "So."), item("q2", "", abstained=True)], [item("q1", "So."), item("q2", "Yes.")]])
    assert sorted(one.origins for one in answers) == [((0, "q1"), (1, "q1")), ((1, "q2"),)]
    assert {one.stratum for one in answers} == {"0+1:en", "1:en"}


def test_other_passages_are_another_answer() -> None:
    first = item("q1", "So.")
    second = JudgedItem("q1", "q1.md", ("en",), first.question, "So.", ("Another.",), None, abstained=False)
    assert len(pool([[first], [second]])) == 2


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(0, 30), st.integers(1, 90), st.integers(1, 4), st.integers(0, 2**32))
def test_every_draw_is_a_stratified_probability_sample(count, differing, size, annotators, seed) -> None:
    answers = two_arms(count, min(differing, count))
    drawn = draw(answers, size, annotators, seed)
    taken = [one for one in drawn if one.annotators]
    assert [one.label_id for one in drawn] == [one.label_id for one in answers]
    assert len(taken) == min(size, len(answers))
    assert {one.inclusion_probability for one in drawn} == {len(taken) / len(answers)}
    shares, there = Counter(one.stratum for one in taken), Counter(one.stratum for one in answers)
    for stratum, many in there.items():
        assert abs(shares[stratum] - many * len(taken) / len(answers)) < 1 + 1e-9
    doubles = [one for one in taken if len(one.annotators) == 2]
    assert len(doubles) == (round(len(taken) * 0.2) if annotators > 1 else 0)
    for one in taken:
        assert len(set(one.annotators)) == len(one.annotators)
        assert set(one.annotators) <= set(range(1, annotators + 1))
    assert draw(answers, size, annotators, seed) == drawn


def test_every_answer_is_as_likely_as_any_other() -> None:
    answers = two_arms(20, 7)
    times = Counter(one.label_id for seed in range(600) for one in draw(answers, 9, 1, seed) if one.annotators)
    expected = 600 * 9 / len(answers)
    for one in answers:
        assert times[one.label_id] == pytest.approx(expected, abs=5 * (expected * (1 - 9 / len(answers))) ** 0.5)


def test_work_is_shared_out_and_doubles_meet_every_annotator() -> None:
    drawn = [one for one in draw(two_arms(100, 100), 150, 3, 1) if one.annotators]
    counts = Counter(number for one in drawn for number in one.annotators)
    assert sum(counts.values()) == 180
    assert max(counts.values()) - min(counts.values()) <= 1


def test_another_seed_draws_others_and_is_another_sample() -> None:
    answers = two_arms(50, 10)
    first, second = draw(answers, 20, 2, 0), draw(answers, 20, 2, 1)
    assert first != second
    assert sample_of(first).sample_id != sample_of(second).sample_id
    assert sample_of(first).sample_id == sample_of(draw(answers, 20, 2, 0)).sample_id


def test_nothing_to_draw_from_is_an_empty_sample() -> None:
    assert draw([], 10, 2, 0) == []
