import inspect

from release_records import measured_of, scores_of, with_scores

from assay.documents.chunking.blocks import scan_blocks
from assay.documents.pii import find_pii
from assay.embeddings import Embedder
from assay.evaluation.gate import ItemScore
from assay.releases.measuring import has_errors, measuring_files, without_undue


def statuses(*given: str, metric: str = "squad-1.1/token_f1") -> list[ItemScore]:
    return [ItemScore(f"q{at}", None, metric, None, one) for at, one in enumerate(given)]  # pyright: ignore[reportArgumentType]


def test_a_metric_that_no_question_has_anything_for_is_skipped_as_a_whole() -> None:
    scores = [*scores_of(1.0, items=2), *statuses("NOT_APPLICABLE", "NOT_APPLICABLE")]
    assert [one.status for one in without_undue(scores)] == ["OK", "OK", "SKIPPED", "SKIPPED"]


def test_an_answer_that_was_due_keeps_its_metric_whatever_became_of_it() -> None:
    """Or a release that abstains everywhere would be judged by nothing."""
    for other in ("NOT_APPLICABLE(abstained)", "ERROR(timeout)"):
        scores = statuses("NOT_APPLICABLE", other)
        assert list(without_undue(scores)) == scores


def test_errors_are_asked_again_and_abstentions_are_not() -> None:
    measured = measured_of("a@1", {})
    assert has_errors(with_scores(measured, statuses("ERROR(rate)")))
    assert not has_errors(with_scores(measured, statuses("NOT_APPLICABLE(abstained)", "SKIPPED")))


def test_all_code_that_decides_a_score_makes_another_measurement() -> None:
    """A verdict reached with other recognizers, blocks or vectors is not taken over."""
    files = {str(path) for path in measuring_files()}
    assert {inspect.getfile(one) for one in (find_pii, scan_blocks, Embedder)} <= files
