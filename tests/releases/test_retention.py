from pathlib import Path

from release_records import configuration_of, measured_of, pointer_of, record_of, scores_of, settings_of, with_scores

from assay.releases.gate_record import read_record, write_record
from assay.releases.measured_release import MeasuredRelease, evaluation_folder, write_measured
from assay.releases.retention import forget_answers
from assay.retrieval.configurations import ReleaseConfiguration
from assay.retrieval.denials import Denial, write_denials
from assay.retrieval.serving import flip, write_head

WHOLE = {"decision.json", "measured.json", "measured_scores.jsonl", "judged_items.jsonl", "report.md"}


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
    write_denials(path, ())
    old, of_serving = evaluated(path, serving, 1), evaluated(path, serving, 2)
    write_head(path, pointer_of(serving, 2))
    flip(path, pointer_of(serving, 2), "promote")
    before, now = evaluated(path, candidate, 1), evaluated(path, candidate, 2)
    write_head(path, pointer_of(candidate, 2))
    elsewhere = evaluated(path, other, 1)

    assert forget_answers(settings) == tuple(sorted([old, before, elsewhere]))

    for release_id in (of_serving, now):
        assert files(path, release_id) == WHOLE
    for release_id in (old, before, elsewhere):
        assert files(path, release_id) == {"decision.json"}
        assert read_record(path, release_id) is not None
    assert forget_answers(settings) == ()


def test_answers_of_what_serves_go_when_a_data_change_moves_it(tmp_path: Path) -> None:
    """It is not judged again, so nothing else would take away what it quotes of a deleted document."""
    settings = settings_of(tmp_path)
    path, serving = settings.releases_path, configuration_of(tmp_path)
    first = evaluated(path, serving, 1)
    write_head(path, pointer_of(serving, 2))
    flip(path, pointer_of(serving, 2), "publish")
    assert forget_answers(settings) == (first,)
    assert files(path, first) == {"decision.json"}


def test_answers_go_with_a_deletion_while_the_fast_gate_holds_the_head_where_it_is(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    path, serving = settings.releases_path, configuration_of(tmp_path)
    write_head(path, pointer_of(serving, 1))
    write_denials(path, ())
    first = evaluated(path, serving, 1)
    assert forget_answers(settings) == ()
    write_denials(path, [Denial("docs:a.md", 1, (), "2026-11-23T00:00:00.000000+00:00")])
    assert forget_answers(settings) == (first,)
    assert evaluated(path, serving, 1) == first
    assert forget_answers(settings) == ()
    assert files(path, first) == WHOLE
