"""The gate's steps one by one: what each of them stops, by which rule, and which of them decides."""

from dataclasses import replace

import numpy as np
import pytest
from gate_scores import QUALITY, arm

from assay.errors import ConfigurationError
from assay.evaluation.gate import (
    GateEvidence,
    GatePolicy,
    JudgeEvidence,
    MetricPolicy,
    Operations,
    Provenance,
    compare,
)

GOOD = [1.0] * 160 + [0.0] * 40
JUDGED = "ragas-0.4/faithfulness"
MEASURED = Provenance("set-1", "judge-1", "prompt-1")
CALIBRATED = JudgeEvidence("judge-1", "prompt-1", 150, 0.7, 0.55, 0.9, 0.85, 0.97)


def with_floor(floor: float, metric: str = QUALITY) -> GatePolicy:
    return GatePolicy(metrics={metric: MetricPolicy(floor=floor)})


def said(decision, rule, metric=None):
    return [one for one in decision.findings if one.rule == rule and metric in (None, one.metric)]


def test_the_same_scores_pass_and_every_step_reports():
    decision = compare(arm(GOOD), arm(GOOD))
    assert (decision.verdict, decision.exit_code, decision.reasons, decision.decided_by) == ("PASS", 0, [], None)
    steps = [one.step for one in decision.findings]
    assert steps == sorted(steps)
    assert {one.rule for one in decision.findings} >= {
        "comparable",
        "coverage",
        "errors",
        "non_inferiority",
        "judge",
        "budgets",
    }
    assert decision.to_json() == {
        "verdict": "PASS",
        "reasons": [],
        "metrics": [
            {
                "metric": QUALITY, "n": 200, "coverage": 1.0, "candidate": 0.8, "baseline": 0.8,
                "difference": 0.0, "lower": -0.015, "upper": 0.015, "verdict": "PASS",
            }
        ],
    }  # fmt: skip


def test_a_clear_loss_fails_and_a_clear_gain_passes():
    worse = [0.0] * 40 + GOOD[40:]
    lost = compare(arm(worse), arm(GOOD))
    assert (lost.verdict, lost.exit_code, lost.reasons) == ("FAIL", 1, ["non_inferiority"])
    assert lost.metrics[0].upper < 0
    won = compare(arm(GOOD), arm(worse))
    assert won.verdict == "PASS"
    assert won.metrics[0].lower > 0


@pytest.mark.parametrize("scores", [[1.0] * 20, [0.7] * 20, list(np.linspace(0.2, 0.9, 20))])
def test_twenty_equal_items_prove_nothing(scores):
    decision = compare(arm(scores), arm(scores))
    assert (decision.verdict, decision.exit_code, decision.reasons) == ("INCONCLUSIVE", 2, ["non_inferiority"])
    assert decision.metrics[0].lower == pytest.approx(-3 / 20)
    assert "It would need about 61 items." in said(decision, "non_inferiority")[0].detail


def test_the_same_200_items_on_twenty_documents_prove_nothing_either():
    assert compare(arm(GOOD), arm(GOOD)).verdict == "PASS"
    decision = compare(arm(GOOD, per_cluster=10), arm(GOOD, per_cluster=10))
    assert decision.verdict == "INCONCLUSIVE"
    assert "over 200 items in 20 clusters" in said(decision, "non_inferiority")[0].detail


def test_the_order_of_lines_changes_nothing():
    random = np.random.default_rng(3)
    scores = {
        metric: (random.random(150), random.random(150), ["ab"[at % 2] for at in range(150)])
        for metric in ("f1", "ndcg")
    }
    arms = [
        [one for metric, given in scores.items() for one in arm(given[side], metric=metric, slices=given[2])]
        for side in (0, 1)
    ]
    expected = compare(*arms)
    for _ in range(3):
        shuffled = [[one[at] for at in random.permutation(len(one))] for one in arms]
        assert compare(*shuffled) == expected


# Step 0


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (replace(MEASURED, evaluation_set="set-2"), "The evaluation sets differ: set-1 and set-2."),
        (replace(MEASURED, judge="judge-2"), "The judges or their prompts differ"),
        (replace(MEASURED, judge_prompt="prompt-2"), "The judges or their prompts differ"),
        (None, "The provenance of the baseline is not given."),
    ],
)
def test_arms_measured_differently_are_not_compared(other, problem):
    scores = arm(GOOD) + arm(GOOD, metric=JUDGED)
    decision = compare(scores, scores, evidence=GateEvidence(candidate=MEASURED, baseline=other))
    assert (decision.verdict, decision.decided_by) == ("INCONCLUSIVE", "comparable")
    assert decision.reasons[0] == "comparable"
    assert problem in decision.findings[0].detail
    assert {row.difference for row in decision.metrics} == {None}


def test_what_cannot_be_compared_is_not_failed_either():
    evidence = GateEvidence(candidate=MEASURED, baseline=replace(MEASURED, evaluation_set="set-2"))
    decision = compare(arm([0.0] * 200), arm(GOOD), with_floor(0.5), evidence=evidence)
    assert decision.verdict == "INCONCLUSIVE"
    assert decision.reasons == ["comparable", "floors"]


def test_the_judge_matters_only_where_it_scored_something():
    evidence = GateEvidence(candidate=MEASURED, baseline=replace(MEASURED, judge="judge-2"))
    assert compare(arm(GOOD), arm(GOOD), evidence=evidence).verdict == "PASS"


def test_unknown_provenance_is_said_and_can_be_required():
    assert said(compare(arm(GOOD), arm(GOOD)), "comparable")[0].outcome == "SKIPPED"
    decision = compare(arm(GOOD), arm(GOOD), GatePolicy(require_provenance=True))
    assert (decision.verdict, decision.decided_by) == ("INCONCLUSIVE", "comparable")
    known = GateEvidence(candidate=MEASURED, baseline=MEASURED)
    assert compare(arm(GOOD), arm(GOOD), GatePolicy(require_provenance=True), evidence=known).verdict == "PASS"


def test_items_that_moved_to_another_document_or_slice_are_another_set():
    for moved in (arm(GOOD, per_cluster=2), arm(GOOD, slices=[["es"]] * 200)):
        decision = compare(arm(GOOD), moved)
        assert (decision.verdict, decision.decided_by) == ("INCONCLUSIVE", "comparable")
        assert "first `q" in decision.findings[0].detail


def test_without_a_baseline_the_floors_decide():
    decision = compare(arm(GOOD), [], with_floor(0.7))
    assert decision.verdict == "PASS"
    assert said(decision, "comparable")[0].outcome == "SKIPPED"
    assert not said(decision, "non_inferiority")
    assert (decision.metrics[0].baseline, decision.metrics[0].difference) == (None, None)
    assert compare(arm(GOOD), [], with_floor(0.9)).verdict == "FAIL"
    nothing = compare(arm(GOOD), [])
    assert (nothing.verdict, nothing.reasons) == ("INCONCLUSIVE", ["undecided"])
    assert nothing.metrics[0].verdict == "INCONCLUSIVE"
    assert compare([], []).verdict == "INCONCLUSIVE"


# Step 1


def failing(count: int, status: str = "ERROR(timeout)", first: int = 0):
    return dict.fromkeys(range(first, first + count), status)


@pytest.mark.parametrize(
    "status", ["ERROR(parse)", "ERROR(rate)", "ERROR(refused)", "SKIPPED", "NOT_APPLICABLE(no_claims)"]
)
def test_too_many_items_without_a_score_cannot_be_judged(status):
    decision = compare(arm(GOOD, statuses=failing(5, status)), arm(GOOD))
    assert (decision.verdict, decision.reasons[0]) == ("INCONCLUSIVE", "coverage")
    assert "195 of 200 items have a score in both arms; 98% must." in said(decision, "coverage")[0].detail
    assert (decision.metrics[0].n, decision.metrics[0].coverage) == (195, 0.975)


def test_low_coverage_fails_when_the_scores_that_are_there_fail():
    worse = [0.0] * 40 + GOOD[40:]
    decision = compare(arm(worse, statuses=failing(20, first=180)), arm(GOOD))
    assert (decision.verdict, decision.decided_by) == ("FAIL", "non_inferiority")
    assert decision.reasons == ["coverage", "non_inferiority"]


def test_errors_that_could_turn_the_verdict_are_not_dropped():
    """Coverage is high enough; the errors, counted as lost, would make the candidate miss the margin."""
    worse = [0.0] * 9 + [1.0] * 391
    best = [1.0] * 400
    policy = with_floor(0.9)
    assert compare(arm(worse), arm(best), policy).verdict == "PASS"
    decision = compare(arm(worse, statuses=failing(8, first=390)), arm(best), policy)
    assert (decision.verdict, decision.reasons) == ("INCONCLUSIVE", ["errors"])
    assert (
        "Counting 8 missing scores against the candidate turns the scores' verdict from PASS"
        in said(decision, "errors")[0].detail
    )
    assert compare(arm(worse, statuses=failing(1, first=390)), arm(best), policy).verdict == "PASS"


def test_errors_of_the_baseline_count_against_the_candidate_too():
    worse, best = [0.0] * 9 + [1.0] * 391, [1.0] * 9 + [0.0] * 391
    decision = compare(arm(worse[:9] + [0.0] * 391), arm(best, statuses=failing(8, first=390)))
    assert "errors" in decision.reasons


def test_items_left_out_of_a_file_are_missed():
    for left_out in (arm(GOOD)[10:], arm(GOOD)[:-10]):
        decision = compare(left_out, arm(GOOD))
        assert (decision.verdict, decision.reasons[0]) == ("INCONCLUSIVE", "coverage")
        assert compare(arm(GOOD), left_out).verdict == "INCONCLUSIVE"


def test_a_metric_left_out_of_a_file_is_missed():
    both = arm(GOOD) + arm(GOOD, metric="f1")
    for decision in (
        compare(arm(GOOD), both),
        compare(both, arm(GOOD)),
        compare(arm(GOOD), arm(GOOD), with_floor(0.5, "f1")),
    ):
        assert (decision.verdict, decision.reasons[0]) == ("INCONCLUSIVE", "coverage")
        assert {one.metric for one in said(decision, "coverage") if one.outcome == "INCONCLUSIVE"} == {"f1"}


def test_coverage_of_a_slice():
    slices = [["es"] if at < 40 else ["few"] if at < 50 else [] for at in range(200)]
    large = compare(arm(GOOD, slices=slices, statuses=failing(3)), arm(GOOD, slices=slices))
    assert large.verdict == "INCONCLUSIVE"
    [finding] = [one for one in said(large, "coverage") if one.slice]
    assert (finding.outcome, finding.slice) == ("INCONCLUSIVE", "es")
    small = compare(arm(GOOD, slices=slices, statuses=failing(1, first=45)), arm(GOOD, slices=slices))
    assert small.verdict == "PASS"
    assert [one.outcome for one in said(small, "coverage") if one.slice] == ["WARN"]
    others = GatePolicy(slices=("tenant:*",), min_coverage=0.9)
    assert compare(arm(GOOD, slices=slices, statuses=failing(3)), arm(GOOD, slices=slices), others).verdict == "PASS"


def test_where_nothing_was_to_score_nothing_is_missed():
    neither = failing(30, "NOT_APPLICABLE(abstained)")
    decision = compare(arm(GOOD, statuses=neither), arm(GOOD, statuses=neither))
    assert (decision.verdict, decision.metrics[0].n, decision.metrics[0].coverage) == ("PASS", 170, 1.0)
    everything = failing(200, "NOT_APPLICABLE(abstained)")
    nothing = compare(arm(GOOD, statuses=everything), arm(GOOD, statuses=everything))
    assert (nothing.verdict, nothing.reasons) == ("INCONCLUSIVE", ["coverage", "undecided"])


def test_an_abstention_of_one_arm_is_left_out_only_where_it_is_judged():
    abstained = failing(30, "NOT_APPLICABLE(abstained)")
    candidate, baseline = arm(GOOD, statuses=abstained), arm(GOOD)
    assert compare(candidate, baseline).verdict == "INCONCLUSIVE"
    policy = GatePolicy(metrics={QUALITY: MetricPolicy(abstention_metric="abstains_rightly")})
    assert compare(candidate, baseline, policy).verdict == "INCONCLUSIVE"
    rightly = arm([1.0] * 200, metric="abstains_rightly")
    judged = compare(candidate + rightly, baseline + rightly, policy)
    assert (judged.verdict, judged.metrics[1].n) == ("PASS", 170)
    wrongly = arm([0.0] * 30 + [1.0] * 170, metric="abstains_rightly")
    assert compare(candidate + wrongly, baseline + rightly, policy).verdict == "FAIL"


# Steps 2 and 3


def test_one_broken_rule_of_zero_tolerance_fails():
    rule = "deterministic.citations_retrieved"
    clean = arm([1.0] * 200, metric=rule)
    decision = compare(arm(GOOD) + arm([1.0] * 199 + [0.0], metric=rule), arm(GOOD) + clean)
    assert (decision.verdict, decision.reasons) == ("FAIL", ["zero_tolerance"])
    assert "1 of 200 items failed: `q199`." in said(decision, "zero_tolerance")[0].detail
    passed = compare(arm(GOOD) + clean, arm(GOOD) + clean)
    assert passed.verdict == "PASS"
    assert "may be up to 1.5% (3/200)" in said(passed, "zero_tolerance")[0].detail
    assert compare(arm(GOOD) + arm([1.0] * 200, metric=rule, statuses=failing(1)), arm(GOOD) + clean).reasons == [
        "errors"
    ]


def test_a_floor_is_cleared_by_the_lower_bound_and_not_by_the_mean():
    wilson = 0.7496  # of 160 in 200, one-sided 95%
    for floor, verdict in (
        (wilson - 0.001, "PASS"),
        (wilson + 0.001, "INCONCLUSIVE"),
        (0.79, "INCONCLUSIVE"),
        (0.83, "INCONCLUSIVE"),
        (0.87, "FAIL"),
    ):
        decision = compare(arm(GOOD), arm(GOOD), with_floor(floor))
        assert (decision.verdict, decision.reasons) == (verdict, [] if verdict == "PASS" else ["floors"])
    assert "It would need about" in said(compare(arm(GOOD), [], with_floor(0.77)), "floors")[0].detail


def test_a_floor_of_graded_scores_is_held_by_t():
    scores = np.random.default_rng(8).normal(0.6, 0.2, 90)
    bound = scores.mean() - 1.6622 * scores.std(ddof=1) / 90**0.5
    for floor, verdict in ((bound - 1e-3, "PASS"), (bound + 1e-3, "INCONCLUSIVE"), (0.9, "FAIL")):
        assert compare(arm(scores), [], with_floor(floor)).verdict == verdict


# Steps 4 and 5


def test_a_loss_that_is_sure_and_small_does_not_fail():
    small = np.random.default_rng(9).normal(-0.02, 0.02, 200)
    assert compare(arm(0.7 + small), arm([0.7] * 200)).verdict == "PASS"
    unproven = compare(arm(0.7 + small[:40]), arm([0.7] * 40))
    assert unproven.verdict == "INCONCLUSIVE"
    assert unproven.metrics[0].upper < 0


def test_a_loss_that_is_material_and_not_sure_does_not_fail():
    decision = compare(arm([0.0] * 8 + [1.0] * 92), arm([1.0] * 6 + [0.0] * 2 + [1.0] * 92))
    assert decision.metrics[0].difference == pytest.approx(-0.06)
    assert (decision.verdict, decision.reasons) == ("INCONCLUSIVE", ["non_inferiority"])
    assert "At this loss no number of items would be enough." in said(decision, "non_inferiority")[0].detail


def test_a_loss_in_one_slice_fails_though_the_whole_passes():
    slices = [["es"] if at < 40 else ["en"] for at in range(400)]
    candidate = [0.0 if at < 12 else 1.0 for at in range(400)]
    decision = compare(arm(candidate, slices=slices), arm([1.0] * 400, slices=slices))
    assert said(decision, "non_inferiority")[0].outcome == "PASS"
    assert (decision.verdict, decision.reasons) == ("FAIL", ["slices"])
    assert [(one.slice, one.outcome) for one in said(decision, "slices")] == [("es", "FAIL")]
    few = [["es"] if at < 29 else ["en"] for at in range(400)]
    warned = compare(arm(candidate, slices=few), arm([1.0] * 400, slices=few))
    assert warned.verdict == "PASS"
    assert [one.outcome for one in said(warned, "slices")] == ["PASS", "WARN"]
    assert "`es` -0.4138 over 29" in said(warned, "slices")[1].detail


def test_many_slices_are_held_to_more_than_one():
    """7 lost and none won is p = .0078: below .01 alone, above it among ten."""
    alone = [["s0"] if at < 40 else [] for at in range(400)]
    among = [[f"s{at // 40}"] for at in range(400)]
    candidate = [0.0 if at < 7 else 1.0 for at in range(400)]
    for slices, reasons in ((alone, ["slices"]), (among, [])):
        assert compare(arm(candidate, slices=slices), arm([1.0] * 400, slices=slices)).reasons == reasons


def test_harm_that_a_later_step_proves_is_not_hidden_by_one_that_cannot_tell():
    slices = [["es"] if at < 40 else ["en"] for at in range(100)]
    candidate, baseline = [0.0] * 12 + [1.0] * 68 + [0.0] * 20, [1.0] * 70 + [0.0] * 30
    decision = compare(arm(candidate, slices=slices), arm(baseline, slices=slices), with_floor(0.65))
    assert decision.reasons == ["floors", "non_inferiority", "slices"]
    assert (decision.verdict, decision.decided_by) == ("FAIL", "slices")


# Steps 6 and 7


def judged_arms(candidate, baseline=GOOD):
    return arm(GOOD) + arm(candidate, metric=JUDGED), arm(GOOD) + arm(baseline, metric=JUDGED)


@pytest.mark.parametrize(
    ("judge", "problem"),
    [
        (None, "no human labels are known"),
        (replace(CALIBRATED, labels=99), "labels 99, must be 100"),
        (replace(CALIBRATED, kappa=0.59), "kappa 0.59, must be 0.6"),
        (replace(CALIBRATED, kappa_lower=0.39), "lower bound of kappa 0.39"),
        (replace(CALIBRATED, true_positive_rate=0.74), "true positive rate 0.74"),
        (replace(CALIBRATED, true_negative_rate=float("nan")), "true negative rate nan"),
        (replace(CALIBRATED, judge_prompt="prompt-0"), "the labels are for another judge or prompt"),
    ],
)
def test_an_uncalibrated_judge_advises_and_does_not_decide(judge, problem):
    evidence = GateEvidence(candidate=MEASURED, baseline=MEASURED, judge=judge)
    decision = compare(*judged_arms([0.0] * 200), evidence=evidence)
    assert decision.verdict == "PASS"
    assert [row.verdict for row in decision.metrics] == ["PASS", "UNCALIBRATED"]
    [finding] = said(decision, "judge")
    assert finding.outcome == "WARN"
    assert problem in finding.detail
    required = compare(*judged_arms(GOOD), GatePolicy(required_layers=(3, 4)), evidence=evidence)
    assert (required.verdict, required.reasons) == ("INCONCLUSIVE", ["judge", "layers"])


def test_a_calibrated_judge_decides():
    evidence = GateEvidence(candidate=MEASURED, baseline=MEASURED, judge=CALIBRATED)
    every_layer = GatePolicy(required_layers=(2, 3, 4))
    assert compare(*judged_arms(GOOD), every_layer, evidence=evidence).verdict == "PASS"
    assert compare(*judged_arms([0.0] * 40 + GOOD[40:]), every_layer, evidence=evidence).reasons == ["non_inferiority"]


@pytest.mark.parametrize("agreement", [None, 0.94])
def test_a_judge_that_contradicts_itself_cannot_decide(agreement):
    evidence = GateEvidence(MEASURED, MEASURED, replace(CALIBRATED, self_agreement=agreement))
    decision = compare(*judged_arms(GOOD), evidence=evidence)
    assert (decision.verdict, decision.reasons) == ("INCONCLUSIVE", ["judge"])


def test_a_proxy_never_decides():
    proxy = compare(arm([0.0] * 200, metric="proxy.support"), arm([1.0] * 200, metric="proxy.support"))
    assert (proxy.verdict, proxy.reasons, proxy.metrics[0].verdict) == ("INCONCLUSIVE", ["undecided"], "ADVISORY")
    beside = compare(
        arm(GOOD) + arm([0.0] * 200, metric="proxy.support"), arm(GOOD) + arm(GOOD, metric="proxy.support")
    )
    assert beside.verdict == "PASS"


def test_a_layer_that_was_skipped_is_said_and_can_be_required():
    skipped = arm(GOOD, metric=JUDGED, statuses=failing(200, "SKIPPED"))
    decision = compare(arm(GOOD) + skipped, arm(GOOD) + skipped)
    assert decision.verdict == "PASS"
    assert [row.verdict for row in decision.metrics] == ["PASS", "SKIPPED"]
    assert "layer 3 was skipped" in said(decision, "judge")[0].detail
    required = compare(arm(GOOD) + skipped, arm(GOOD) + skipped, GatePolicy(required_layers=(1, 3)))
    assert (required.verdict, required.reasons) == ("INCONCLUSIVE", ["layers"])
    assert len(said(required, "layers")) == 2


def test_budgets():
    policy = GatePolicy.model_validate({"budgets": {"p95_ms": 100, "usd_per_1k_queries": 2}})
    assert compare(arm(GOOD), arm(GOOD), policy).reasons == ["budgets"]
    for measured, verdict in (
        (Operations(p95_ms=100, usd_per_1k_queries=0), "PASS"),
        (Operations(p95_ms=101, usd_per_1k_queries=0), "FAIL"),
        (Operations(p95_ms=50), "INCONCLUSIVE"),
    ):
        assert compare(arm(GOOD), arm(GOOD), policy, evidence=GateEvidence(operations=measured)).verdict == verdict


# Scales


def test_scores_on_another_scale_are_judged_on_it():
    bleu = np.clip(np.random.default_rng(10).normal(30, 8, 200), 0, 100)
    policy = GatePolicy(metrics={"bleu": MetricPolicy(range=(0, 100), margin=2.0)})
    assert compare(arm(bleu, metric="bleu"), arm(bleu, metric="bleu"), policy).verdict == "PASS"
    assert compare(arm(bleu - 3, metric="bleu"), arm(bleu, metric="bleu"), GatePolicy(
        metrics={"bleu": MetricPolicy(range=(-5, 100), margin=2.0)})).verdict == "FAIL"  # fmt: skip
    with pytest.raises(ConfigurationError, match=r"`bleu` has scores from .* \[0, 1\]"):
        compare(
            arm(bleu, metric="bleu"), arm(bleu, metric="bleu"), GatePolicy(metrics={"bleu": MetricPolicy(range=(0, 1))})
        )
