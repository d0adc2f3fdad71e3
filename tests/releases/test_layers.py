from release_records import POLICY, decision_of, scores_of

from assay.evaluation.gate import GateEvidence, ItemScore, JudgeEvidence, Provenance, compare
from assay.releases.layers import layers_of

GOOD = [ItemScore(f"q{number}", f"doc{number}", "deterministic.quotes_in_chunks", 1.0) for number in range(100)]
JUDGED = scores_of(1.0, metric="ragas-0.4/faithfulness")


def test_layers_without_a_judge_are_skipped_in_words() -> None:
    layers = layers_of(decision_of("PASS"), POLICY)
    assert layers[1] == "SKIPPED: there is no score of rules without tolerance."
    assert layers[2] == "PASS: 1 metrics."
    assert layers[3] == "SKIPPED: no judge is configured."
    assert layers[4].startswith("SKIPPED: ")


def test_a_layer_names_what_failed_in_it() -> None:
    broken = [GOOD[0], *(ItemScore(one.item_id, one.cluster, one.metric, 0.0) for one in GOOD[1:])]
    decision = compare([*broken, *scores_of(1.0)], [*GOOD, *scores_of(1.0)], POLICY)
    layers = layers_of(decision, POLICY)
    assert layers[1] == "FAIL: 1 of 1 rules without tolerance: `deterministic.quotes_in_chunks`."
    assert layers[2] == "PASS: 1 metrics."


def test_a_judge_without_labels_advises_and_one_with_them_decides() -> None:
    alone = layers_of(compare([*scores_of(1.0), *JUDGED], [*scores_of(1.0), *JUDGED], POLICY), POLICY)
    assert alone[3] == "UNCALIBRATED: 1 metrics of a judge advise and do not decide."
    assert "no human labels" in alone[4]

    arm = Provenance("set", "judge", "prompt")
    labels = JudgeEvidence("judge", "prompt", 200, 0.9, 0.8, 0.95, 0.95, 0.99)
    evidence = GateEvidence(arm, arm, labels)
    calibrated = layers_of(compare(JUDGED, JUDGED, POLICY, evidence=evidence), POLICY)
    assert calibrated[3] == "PASS: 1 metrics of a judge."
    assert calibrated[4].startswith("PASS: The judge agrees with itself")
