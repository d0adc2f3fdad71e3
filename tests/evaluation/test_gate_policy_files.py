"""The policies that come with the sample and for smoke questions: what they let through, stop, and can prove."""

from pathlib import Path

import pytest
from gate_scores import arm

from assay.evaluation.gate import SMOKE_POLICY_FILE, GatePolicy, ItemScore, compare, read_policy
from assay.evaluation.gate.bounds import UNSEEN
from assay.evaluation.golden_question_files import read_golden_questions
from assay.evaluation.golden_scores import METRICS
from assay.settings import Settings

SAMPLES = Path(__file__).parents[2] / "samples"
POLICY_FILE = SAMPLES / "golden" / "policy.toml"
QUESTIONS = read_golden_questions(SAMPLES / "golden" / "questions.jsonl")
RECALL, ABSTENTION = "passages/recall@10", "abstention/right"


def test_the_settings_name_the_policy_of_the_sample():
    settings = Settings(_env_file=None)
    assert settings.gate_policy == Path("samples/golden/policy.toml")
    assert settings.golden_questions == Path("samples/golden/questions.jsonl")


@pytest.mark.parametrize("with_scans", [True, False])
def test_every_margin_of_the_sample_can_be_proven(with_scans):
    """Of a candidate that is the baseline, the lower bound is 3 / clusters: it must clear the margin with room to spare."""
    policy = read_policy(POLICY_FILE)
    asked = [one for one in QUESTIONS if with_scans or "scan" not in one.slices]
    clusters = {
        "passages/": {one.cluster for one in asked if one.answerable},
        "squad-1.1/": {one.cluster for one in asked if one.answerable},
        "abstention/": {one.cluster for one in asked},
        "decoys/": {one.cluster for one in asked if one.decoys},
    }
    deciding = [name for name in METRICS if policy.role_of(name) == "deciding"]
    assert {"passages/ndcg@10", "squad-1.1/token_f1", "abstention/right", "decoys/avoided"} <= set(deciding)
    for metric in deciding:
        [those] = [found for prefix, found in clusters.items() if metric.startswith(prefix)]
        assert UNSEEN / len(those) <= policy.margin_of(metric) - 0.012, metric
        assert policy.of(metric).floor is not None, metric


@pytest.mark.parametrize("with_scans", [True, False])
def test_who_never_abstains_is_no_first_release_of_the_sample(with_scans):
    """Right on every question with an answer, and on no other: a mean that looks well where most have one."""
    asked = [one for one in QUESTIONS if with_scans or "scan" not in one.slices]
    scores = [ItemScore(one.id, one.cluster, ABSTENTION, float(one.answerable)) for one in asked]
    policy = read_policy(POLICY_FILE)
    alone = {"metrics": {ABSTENTION: policy.of(ABSTENTION)}, "required_layers": ()}
    decision = compare(scores, [], policy.model_copy(update=alone))
    assert (decision.verdict, decision.decided_by) == ("INCONCLUSIVE", "floors")
    lower = next(one for one in decision.findings if one.rule == "floors").detail.split("surely above ")[1][:6]
    assert policy.of(ABSTENTION).floor >= float(lower) + 0.01, "chance would let it pass"


def test_the_slices_of_the_sample_have_enough_questions_to_decide():
    policy = read_policy(POLICY_FILE)
    for name in policy.slices:
        assert sum(name in one.slices for one in QUESTIONS if one.answerable) >= policy.min_slice_items, name


def test_metrics_that_a_policy_names_exist():
    for path in (POLICY_FILE, SMOKE_POLICY_FILE):
        policy = read_policy(path)
        assert set(policy.metrics) <= set(METRICS)
        assert {name for name in policy.advisory if "*" not in name} <= set(METRICS)


def smoke(*, documents, missed=0, answered=True, leaks=0, baseline=None):
    """The verdict on a question per document, of which so many were not found and so many broke a rule."""

    def scores(lost):
        return [
            *arm([0.0] * lost + [1.0] * (documents - lost), metric=RECALL),
            *arm([float(answered)] * documents, metric="abstention/right"),
            *arm([0.0] * leaks + [1.0] * (documents - leaks), metric="deterministic.permitted"),
        ]

    return compare(scores(missed), [] if baseline is None else scores(baseline), read_policy(SMOKE_POLICY_FILE))


def test_a_release_is_smoke_tested_where_there_are_enough_documents():
    assert smoke(documents=16).verdict == "PASS"
    assert smoke(documents=16, baseline=0).verdict == "PASS"
    assert smoke(documents=16, missed=3).verdict == "PASS"
    assert smoke(documents=16, missed=4).verdict == "INCONCLUSIVE"
    assert smoke(documents=40, missed=30).verdict == "FAIL"
    assert smoke(documents=40, answered=False).verdict == "FAIL"
    assert smoke(documents=16, missed=9, baseline=0).verdict == "FAIL"


@pytest.mark.parametrize("documents", [1, 6, 7, 15])
def test_with_fewer_documents_the_rules_decide_alone_and_say_so(documents):
    decision = smoke(documents=documents)
    assert decision.verdict == "PASS"
    [finding] = [one for one in decision.findings if one.rule == "undecided"]
    assert (finding.outcome, "the rules of layer 1 decide alone" in finding.detail) == ("WARN", True)
    assert {row.metric: row.verdict for row in decision.metrics}[RECALL] == "ADVISORY"
    assert smoke(documents=documents, leaks=1).verdict == "FAIL"
    assert smoke(documents=documents, baseline=0).verdict == "PASS"


def test_without_any_question_nothing_was_tested_and_nothing_passes():
    decision = compare([], [], read_policy(SMOKE_POLICY_FILE))
    assert (decision.verdict, decision.decided_by) == ("INCONCLUSIVE", "undecided")


def test_no_other_policy_lets_the_rules_decide_alone():
    assert compare([], []).verdict == "INCONCLUSIVE"
    few = [*arm([1.0] * 3), *arm([1.0] * 3, metric="deterministic.permitted")]
    assert compare(few, few).verdict == "INCONCLUSIVE"
    assert compare(few, few, GatePolicy(rules_alone_below=4)).verdict == "PASS"
    assert read_policy(POLICY_FILE).rules_alone_below == 0
