"""What an evaluation leaves in its folder: both arms' scores, the report for people, and the record, which comes last."""

from pathlib import Path

from assay.evaluation.gate_report import ItemTexts, ReportContext, most_changed, write_report
from assay.releases.gate_record import BASELINE_SCORES_FILE, SCORES_FILE, GateRecord, write_record
from assay.releases.measured_release import MeasuredRelease, evaluation_folder, score_lines, write_text
from assay.releases.shadow import Latency, Shadow


def write_evaluation(
    releases_path: Path, record: GateRecord, candidate: MeasuredRelease, baseline: MeasuredRelease | None
) -> None:
    """Write them: scores as they were compared, as `assay eval compare` reads them. A killed evaluation leaves no record, and the next one goes on from the scores that are there."""
    folder = evaluation_folder(releases_path, record.candidate.release_id)
    write_text(folder / SCORES_FILE, score_lines(candidate.scores))
    write_text(folder / BASELINE_SCORES_FILE, score_lines(baseline.scores if baseline else ()))
    write_report(folder, record.decision, report_context(record, candidate, baseline))
    write_record(releases_path, record)


def report_context(record: GateRecord, candidate: MeasuredRelease, baseline: MeasuredRelease | None) -> ReportContext:
    """What the report shows beside the decision."""
    answers = {one.item_id: one for one in candidate.answered}
    before = {one.item_id: one.answer for one in baseline.answered} if baseline else {}
    texts = {name: ItemTexts(one.question, one.answer, before.get(name, "")) for name, one in answers.items()}
    changed = most_changed(record.decision, candidate.scores, baseline.scores if baseline else (), texts)
    return ReportContext(
        title=f"Release {record.candidate.release_id}",
        facts=facts_of(record),
        layers=record.layers,
        is_smoke=record.is_smoke,
        warnings=record.warnings,
        items=changed,
    )


def facts_of(record: GateRecord) -> tuple[tuple[str, str], ...]:
    """What was compared with what, on what, as names and values."""
    one = record.configuration
    return (
        ("candidate", f"{record.candidate.release_id}, table {record.candidate.table}"),
        ("baseline", _baseline(record)),
        ("embedding model", f"{one.model} ({one.fingerprint[:12]}), {one.precision}"),
        ("chunker", one.chunker),
        ("search", f"{one.search_mode}, {one.fusion}"),
        ("answers", f"{one.answerer}, {one.passages} passages, floor {one.answer_floor:g}, prompt {one.prompt}"),
        ("golden questions", f"{record.golden}, {record.evaluation_set[:12]}{', SMOKE' if record.is_smoke else ''}"),
        ("policy", record.policy.name),
        *_shadow_facts(record.shadow),
        ("judged", f"{record.decided_at[:19]} UTC by run {record.run_id}"),
    )


def _baseline(record: GateRecord) -> str:
    if record.unanswering:
        return f"none: {record.unanswering.release_id} serves and could not be asked, the floors decide"
    other = record.baseline
    return f"{other.release_id}, table {other.table}" if other else "none: nothing else serves, the floors decide"


def _shadow_facts(shadow: Shadow | None) -> tuple[tuple[str, str], ...]:
    if shadow is None:
        return ()
    return (
        (
            "same as what serves",
            f"{shadow.overlap_at_10:.0%} of the first ten passages overlap, {shadow.documents_at_10:.0%} of their documents, "
            f"over {shadow.questions} questions",
        ),
        ("a search takes", f"{_taken(shadow.candidate)}; what serves {_taken(shadow.baseline)}"),
    )


def _taken(latency: Latency) -> str:
    return f"{latency.median:.0f} ms (median), {latency.p95:.0f} ms (p95), {latency.p99:.0f} ms (p99)"
