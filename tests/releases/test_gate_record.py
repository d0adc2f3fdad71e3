from pathlib import Path

import pytest
from release_records import configuration_of, measured_of, pointer_of, record_of, scores_of, with_scores

from assay.evaluation.gate import ItemScore
from assay.releases.gate_record import newest_record, read_record, write_record
from assay.releases.measured_release import evaluation_folder, read_measured, write_measured


@pytest.mark.parametrize("verdict", ["PASS", "FAIL", "INCONCLUSIVE"])
def test_a_record_is_read_back_as_it_was_written(tmp_path: Path, verdict: str) -> None:
    one, other = configuration_of(tmp_path), configuration_of(tmp_path, answer_passages=3)
    record = record_of(one, verdict, baseline=pointer_of(other, 7))

    path = write_record(tmp_path, record)

    assert path == tmp_path / "evaluations" / f"{one.configuration_id}@1" / "decision.json"
    assert read_record(tmp_path, record.candidate.release_id) == record


def test_a_release_that_was_never_judged_has_no_record(tmp_path: Path) -> None:
    one = configuration_of(tmp_path)
    assert read_record(tmp_path, pointer_of(one).release_id) is None
    assert newest_record(tmp_path, one.configuration_id) is None


def test_the_last_verdict_on_a_configuration_counts_whatever_the_versions_are(tmp_path: Path) -> None:
    one, other = configuration_of(tmp_path), configuration_of(tmp_path, answer_passages=3)
    for configuration, verdict, version, minute in (
        (one, "PASS", 9, 1),
        (one, "FAIL", 10, 2),
        (one, "PASS", 2, 0),
        (other, "PASS", 30, 3),
    ):
        write_record(tmp_path, record_of(configuration, verdict, version=version, minute=minute))

    newest = newest_record(tmp_path, one.configuration_id)

    assert newest is not None
    assert (newest.candidate.version, newest.decision.verdict) == (10, "FAIL")


def test_a_record_that_was_cut_short_is_none(tmp_path: Path) -> None:
    record = record_of(configuration_of(tmp_path))
    path = write_record(tmp_path, record)
    path.write_text(path.read_text()[:-40])
    assert read_record(tmp_path, record.candidate.release_id) is None


def test_scores_and_answers_are_read_back_under_their_own_key_alone(tmp_path: Path) -> None:
    lacking = ItemScore("q5", "doc5", "squad-1.1/token_f1", None, "NOT_APPLICABLE(abstained)", ("es", "table"))
    found = measured_of("abc@1", {"q1": [("a.md", 0, 10)], "q2": []}, key="key")
    measured = with_scores(found, [*scores_of(0.5, items=3), lacking])

    write_measured(tmp_path, measured)

    assert read_measured(tmp_path, "abc@1", "key") == measured
    assert read_measured(tmp_path, "abc@1", "other") is None
    assert read_measured(tmp_path, "abc@2", "key") is None


def test_scores_without_their_key_are_none(tmp_path: Path) -> None:
    """As a kill between the two files leaves them."""
    write_measured(tmp_path, with_scores(measured_of("abc@1", {}, key="key"), scores_of(1.0)))
    (evaluation_folder(tmp_path, "abc@1") / "measured.json").unlink()
    assert read_measured(tmp_path, "abc@1", "key") is None
