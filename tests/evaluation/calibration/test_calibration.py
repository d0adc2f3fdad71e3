"""A judge beside the labels of a sample, what the gate is told of it, and where that is kept."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from labelled_samples import made_sample

from assay.errors import ConfigurationError
from assay.evaluation.calibration import Calibration, calibrated, read_judge_evidence, write_judge_evidence
from assay.evaluation.calibration.evidence_files import evidence_path
from assay.evaluation.calibration.sample_files import Label, LabelName, Sample
from assay.evaluation.gate import GateEvidence, GatePolicy, JudgeEvidence
from assay.evaluation.gate.judge_admissibility import inadmissible

SAMPLE = made_sample(count=400, labels=150)
RIGHT = {one.label_id: "right" in one.answer for one in SAMPLE.answers}


def label(label_id: str, said: LabelName, who: str = "Ada") -> Label:
    return Label(label_id, said, who, "", "2026-11-29T00:00:00+00:00")


def by_people(sample: Sample = SAMPLE, changed: Mapping[str, LabelName] | None = None) -> dict[str, dict[str, Label]]:
    """The truth as every annotator's label, but for what is changed of the first one's."""
    found: dict[str, dict[str, Label]] = {}
    for one in sample.drawn:
        for number in one.annotators:
            said: LabelName = "y" if RIGHT[one.label_id] else "n"
            found.setdefault(one.label_id, {})[f"p{number}"] = label(one.label_id, said, f"p{number}")
    for label_id, said in (changed or {}).items():
        first = next(iter(found[label_id]))
        found[label_id][first] = label(label_id, said, first)
    return found


def judge_that_errs(share: float) -> dict[str, bool]:
    random = np.random.default_rng(1)
    return {label_id: right != (random.random() < share) for label_id, right in RIGHT.items()}


def against(verdicts: Mapping[str, bool], labels=None) -> Calibration:
    found = calibrated("m at u", "hash", SAMPLE, labels or by_people(), verdicts, agrees_with_itself=0.98)
    assert found is not None
    return found


def problems(found: Calibration) -> list[str]:
    return inadmissible(GatePolicy(), GateEvidence(judge=found.evidence))


def test_a_good_judge_may_decide_and_its_mean_is_corrected() -> None:
    found = against(judge_that_errs(0.08))
    assert problems(found) == []
    assert found.evidence.labels == found.labelled == 150
    truth = np.mean(list(RIGHT.values()))
    for one in (found.ppi, found.corrected, found.people):
        assert one is not None
        assert one.lower <= truth <= one.upper
    assert found.ppi.upper - found.ppi.lower < found.people.upper - found.people.lower
    assert found.between_people is not None
    assert (found.between_people.value, found.between_people.count) == (1.0, 30)


def test_a_bad_judge_may_not() -> None:
    said = " ".join(problems(against(judge_that_errs(0.35))))
    assert "kappa" in said
    assert "true negative rate" in said


def test_ninety_nine_labels_are_too_few() -> None:
    labels = dict(list(by_people().items())[:99])
    assert problems(against(judge_that_errs(0.0), labels)) == ["labels 99, must be 100"]


def test_a_judge_that_always_says_yes_may_not_and_the_ppi_mean_is_that_of_the_labels() -> None:
    found = against(dict.fromkeys(RIGHT, True))
    assert found.evidence.true_negative_rate == 0.0
    assert found.evidence.kappa == 0.0
    assert found.judge_mean == 1.0
    assert found.corrected is None
    assert found.ppi.value == found.people.value == pytest.approx(2 / 3, abs=0.1)
    assert problems(found)


def test_unsure_counts_for_nothing_and_is_told() -> None:
    some = [one.label_id for one in SAMPLE.drawn][:7]
    found = against(judge_that_errs(0.0), by_people(changed=dict.fromkeys(some, "u")))
    assert (found.labelled, found.unsure, found.evidence.labels) == (143, 7, 143)


def test_what_the_judge_could_not_judge_is_told_and_not_guessed() -> None:
    verdicts = judge_that_errs(0.0)
    for one in SAMPLE.drawn[:5]:
        del verdicts[one.label_id]
    found = against(verdicts)
    assert (found.labelled, found.unjudged, found.evidence.labels) == (150, 5, 145)
    assert calibrated("m", "h", SAMPLE, by_people(), {}) is None


def test_the_first_label_is_the_one_compared_and_two_people_are_held_against_each_other() -> None:
    doubled = [one.label_id for one in SAMPLE.drawn if len(one.annotators) == 2]
    turned: dict[str, LabelName] = {name: "n" if RIGHT[name] else "y" for name in doubled[:15]}
    found = against(judge_that_errs(0.0), by_people(changed=turned))
    assert found.between_people is not None
    assert found.between_people.value < 0.5
    assert found.agreement.kappa.value < 1.0


def test_evidence_is_found_by_its_judge_and_prompt_alone(tmp_path: Path) -> None:
    evidence = against(judge_that_errs(0.1)).evidence
    path = write_judge_evidence(tmp_path, evidence, {"sample": "s"})
    assert path.is_relative_to(tmp_path / "calibration")
    assert read_judge_evidence(tmp_path, "m at u", "hash") == evidence
    assert read_judge_evidence(tmp_path, "m at u", "another") is None
    assert read_judge_evidence(tmp_path, "another", "hash") is None
    assert json.loads(path.read_text())["report"] == {"sample": "s"}


def test_rates_that_are_not_defined_come_back_as_such_and_do_not_admit(tmp_path: Path) -> None:
    evidence = replace(against(judge_that_errs(0.0)).evidence, true_negative_rate=float("nan"))
    write_judge_evidence(tmp_path, evidence, {})
    found = read_judge_evidence(tmp_path, "m at u", "hash")
    assert found is not None
    assert inadmissible(GatePolicy(), GateEvidence(judge=found)) == ["true negative rate nan, must be 0.75"]


def test_a_spoiled_file_says_what_to_do(tmp_path: Path) -> None:
    path = write_judge_evidence(tmp_path, JudgeEvidence("m", "h", 1, 1.0, 1.0, 1.0, 1.0), {})
    assert path == evidence_path(tmp_path, "m", "h")
    path.write_text('{"evidence": {"judge": "m"}}')
    with pytest.raises(ConfigurationError, match=f"`rm {path}`"):
        read_judge_evidence(tmp_path, "m", "h")
