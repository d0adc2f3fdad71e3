"""What must hold of any two arms, whatever they scored."""

from dataclasses import replace

import numpy as np
import pytest
from gate_scores import QUALITY, arm
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import AT_CI

from assay.evaluation.gate import GatePolicy, MetricPolicy, compare

EXAMPLES = 300 if AT_CI else 40
RANK = {"FAIL": 0, "INCONCLUSIVE": 1, "PASS": 2}
SLICES = ["a", "b"]

policies = st.builds(
    lambda margin, floor: GatePolicy(margin=margin, metrics={QUALITY: MetricPolicy(floor=floor)}),
    st.sampled_from([0.02, 0.05, 0.2]),
    st.sampled_from([None, 0.3, 0.6]),
)


@st.composite
def arms(draw, binary=None):
    """Two arms over the same items; most items score the same in both."""
    items = draw(st.integers(2, 160))
    per_cluster = draw(st.sampled_from([1, 1, 3]))
    graded = not (draw(st.booleans()) if binary is None else binary)
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    baseline = random.random(items) if graded else (random.random(items) < draw(st.floats(0, 1))).astype(float)
    other = random.random(items) if graded else (random.random(items) < draw(st.floats(0, 1))).astype(float)
    candidate = np.where(random.random(items) < draw(st.floats(0, 0.5)), other, baseline)
    slices = [[SLICES[at % 2]] for at in range(items)] if draw(st.booleans()) else None
    return arm(candidate, per_cluster=per_cluster, slices=slices), arm(baseline, per_cluster=per_cluster, slices=slices)


def moved(scores, by):
    return [replace(one, score=one.score + by) for one in scores]


@given(both=arms())
@settings(max_examples=EXAMPLES, deadline=None)
def test_an_arm_compared_with_itself_differs_by_nothing_and_never_fails(both):
    decision = compare(both[0], both[0])
    [row] = decision.metrics
    assert (row.difference, row.lower) == (0, pytest.approx(-row.upper))
    assert decision.verdict != "FAIL"
    assert (decision.verdict == "PASS") == (3 / len({one.cluster for one in both[0]}) < 0.05)


@given(both=arms(), policy=policies)
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_bounds_hold_the_difference_between_them_and_are_no_wider_than_the_scale(both, policy):
    [row] = compare(*both, policy).metrics
    assert -1 <= row.lower <= row.difference + 1e-12
    assert row.difference <= row.upper + 1e-12 <= 1 + 1e-9
    assert row.difference == pytest.approx(row.candidate - row.baseline)
    [turned] = compare(both[1], both[0], policy).metrics
    assert turned.difference == pytest.approx(-row.difference)


@given(both=arms(), by=st.floats(-3, 3))
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_same_constant_on_both_arms_changes_no_difference(both, by):
    policy = GatePolicy(metrics={QUALITY: MetricPolicy(range=(-5, 5))})
    graded = [moved(one, 0.001) for one in both]
    [before], [after] = (compare(*pair, policy).metrics for pair in (graded, [moved(one, by + 0.001) for one in both]))
    for name in ("difference", "lower", "upper"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), abs=1e-9)


@given(both=arms(binary=True), policy=policies, data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_candidate_that_also_loses_another_independent_item_is_judged_no_better(both, policy, data):
    candidate, baseline = ([replace(one, cluster=one.item_id) for one in side] for side in both)
    right = [at for at, one in enumerate(candidate) if one.score == 1]
    if not right:
        return
    at = data.draw(st.sampled_from(right))
    worse = [replace(one, score=0.0) if number == at else one for number, one in enumerate(candidate)]
    assert RANK[compare(worse, baseline, policy).verdict] <= RANK[compare(candidate, baseline, policy).verdict]


@given(both=arms(binary=False), policy=policies, by=st.floats(0, 1))
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_candidate_that_is_worse_by_as_much_everywhere_is_judged_no_better(both, policy, by):
    candidate, baseline = both
    own = policy.of(QUALITY).model_copy(update={"range": (-2.0, 1.0)})
    policy = policy.model_copy(update={"metrics": {QUALITY: own}})
    before, after = compare(candidate, baseline, policy), compare(moved(candidate, -by), baseline, policy)
    assert RANK[after.verdict] <= RANK[before.verdict]


@given(both=arms(), policy=policies, data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_an_error_in_place_of_a_score_never_makes_a_pass(both, policy, data):
    """Whatever the item scored: what is missing counts against the candidate before it passes."""
    candidate, baseline = both
    at = data.draw(st.integers(0, len(candidate) - 1))
    lost = [replace(one, score=None, status="ERROR(parse)") if n == at else one for n, one in enumerate(candidate)]
    zero = [replace(one, score=0.0) if n == at else one for n, one in enumerate(candidate)]
    if compare(lost, baseline, policy).verdict == "PASS":
        assert compare(zero, baseline, policy).verdict == "PASS"


@given(both=arms(), policy=policies)
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_reasons_are_what_did_not_pass_and_the_deciding_one_is_among_them(both, policy):
    decision = compare(*both, policy)
    assert (decision.verdict == "PASS") == (decision.reasons == [])
    assert decision.decided_by is None or decision.decided_by in decision.reasons
    assert decision.exit_code == {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 2}[decision.verdict]
