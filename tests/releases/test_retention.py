from pathlib import Path

from release_records import configuration_of, measured_of, pointer_of, record_of, scores_of, settings_of, with_scores

from assay.releases.gate_record import read_record, write_record
from assay.releases.measured_release import MeasuredRelease, evaluation_folder, write_measured
from assay.releases.retention import forget_answers
from assay.retrieval.configurations import ReleaseConfiguration, write_manifest
from assay.retrieval.serving import flip


def evaluated(releases_path: Path, configuration: ReleaseConfiguration, version: int) -> str:
    """An evaluation with everything that it leaves; its release."""
    release_id = pointer_of(configuration, version).release_id
    measured: MeasuredRelease = measured_of(release_id, {"q1": [("a.md", 0, 10)]})
    write_measured(releases_path, with_scores(measured, scores_of(1.0, items=2)))
    (evaluation_folder(releases_path, release_id) / "report.md").write_text("It says: ...")
    write_record(releases_path, record_of(configuration, version=version, minute=version))
    return release_id


def files(releases_path: Path, release_id: str) -> set[str]:
    return {file.name for file in evaluation_folder(releases_path, release_id).iterdir()}


def test_answers_stay_while_they_are_of_what_is_live_and_verdicts_for_good(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, answer_passages=3)
    path = settings.releases_path
    serving, candidate, other = (configuration_of(tmp_path, answer_passages=passages) for passages in (5, 3, 7))
    write_manifest(path, serving)
    old = evaluated(path, serving, 1)
    flip(path, pointer_of(serving, 2), "promote")
    of_serving = [evaluated(path, serving, 2), evaluated(path, serving, 3)]
    before, now = evaluated(path, candidate, 1), evaluated(path, candidate, 2)
    elsewhere = evaluated(path, other, 1)

    assert forget_answers(settings) == tuple(sorted([old, before, elsewhere]))

    whole = {"decision.json", "measured.json", "measured_scores.jsonl", "judged_items.jsonl", "report.md"}
    for release_id in (*of_serving, now):
        assert files(path, release_id) == whole
    for release_id in (old, before, elsewhere):
        assert files(path, release_id) == {"decision.json"}
        assert read_record(path, release_id) is not None
    assert forget_answers(settings) == ()
