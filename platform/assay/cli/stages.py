"""What each stage of a run did, as a table: a row per stage, its counts in a sentence."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from assay.cli.launching import PipelineResult

# Stage, step of the job, and what it did in its own counts.
_Row = tuple[str, str, str]

_DOCUMENT_ROWS: tuple[_Row, ...] = (
    ("bronze/manifests", "bronze__manifests", "{files} files observed, {refused} refused"),
    (
        "bronze/documents",
        "bronze__documents",
        "feed: {added} added, {edited} edited, {repermitted} re-permitted, {moved} moved, {deleted} deleted",
    ),
    (
        "silver/documents",
        "silver_documents",
        "{emitted} texts ({parsed} parsed now, {reused} known), {quarantined} quarantined",
    ),
    (
        "silver/document_state",
        "silver__document_state",
        "{added} added, {changed} changed, {moved} moved, {deleted} deleted; {current} stand, {tombstones} tombstones",
    ),
    (
        "silver/duplicates",
        "silver_duplicates",
        "{exact} exact and {near} near duplicates hidden; {signed} texts signed, {compared} pairs compared",
    ),
    ("release/deny_list", "release__deny_list", "{denied} documents denied to searches, {narrowed} narrowed"),
    ("gold/chunks", "gold__chunks", "{chunks} chunks; {chunked} documents chunked, {kept} kept, {removed} removed"),
    (
        "gold/embeddings",
        "gold__embeddings",
        "{embedded} embedded, {reused} reused; {inserted} in, {updated} updated, {deleted} out",
    ),
    ("release/serving", "release__serving", "{canaries_answered} of {canaries} canary questions answered"),
)
_EVENT_ROWS: tuple[_Row, ...] = (
    ("bronze/events", "bronze__events", "{records} records in the log, {added} new"),
    (
        "silver/events",
        "silver_events",
        "{emitted} typed, {quarantined} quarantined; {late} came on a later day than they happened",
    ),
)
# What dbt makes in one step; of each the rows that stand.
_MART_ROWS: tuple[_Row, ...] = (
    ("silver/events_deduplicated", "event_marts", "{rows} events, every retry counted once"),
    ("silver/viewer_sessions", "", "{rows} sessions of viewers"),
    ("gold/billable_impressions", "", "{rows} impressions to bill"),
    ("gold/expected_invoice", "", "{rows} lines of invoices"),
    ("gold/impression_labels", "", "{rows} impressions with a label: disputed or not"),
)
_FEATURE_ROWS: tuple[_Row, ...] = (("features/timelines", "features__timelines", "{rows} rows of what was known when"),)
_LESSON = "features/dispute_training_set"
_EVALUATION = "release/evaluation"
_PROMOTION = "release/promotion"


def show_document_stages(console: Console, result: PipelineResult) -> None:
    """What each stage of the documents did."""
    gate = (_EVALUATION, _EVALUATION.replace("/", "__"), _verdict(result))
    promotion = (_PROMOTION, _PROMOTION.replace("/", "__"), _promoted(result))
    _show(console, result, [*_counted(result, _DOCUMENT_ROWS), gate, promotion])


def show_event_stages(console: Console, result: PipelineResult) -> None:
    """What each stage of the events did, and how much stands of what dbt made."""
    views = [stage for stage, days in result.stages.items() if any("days_held_back" in day for day in days.values())]
    views = [stage for stage in views if stage.startswith("features/")]
    told = f"{len(views)} views, {sum(map(result.standing, views)):,} rows" if views else None
    marts = [*_standing(result, _MART_ROWS), ("features", "", told), *_standing(result, _FEATURE_ROWS)]
    lesson = (_LESSON, _LESSON.replace("/", "__"), _lesson(result))
    _show(console, result, [*_counted(result, _EVENT_ROWS), *marts, lesson])


def _standing(result: PipelineResult, rows: Iterable[_Row]) -> list[tuple[str, str, str | None]]:
    """The sentences with the rows that stand; None for a stage that did not run."""
    return [
        (stage, step, text.format(rows=f"{result.standing(stage):,}") if stage in result.stages else None)
        for stage, step, text in rows
    ]


def _verdict(result: PipelineResult) -> str | None:
    """What the four-layer gate said of a changed configuration; that there is none, on most days."""
    told = _last(result, _EVALUATION)
    if told is None:
        return None
    if "decided_by" not in told:
        return str(told["verdict"])
    asked = "" if told["judged"] else "; nothing changed since it was judged"
    smoke = ", SMOKE" if str(told["smoke"]).startswith("SMOKE") else ""
    return f"{told['verdict']} by {told['decided_by']}: {told['metric_count']} metrics, baseline: {told['baseline']}{smoke}{asked}"


def _promoted(result: PipelineResult) -> str | None:
    """Which release serves now, and which one could."""
    told = _last(result, _PROMOTION)
    if told is None:
        return None
    if told["promoted"]:
        return f"{told['serving']} promoted, in {told['flip_ms']:.1f} ms"
    awaits = "" if told["awaiting"] == "nothing" else f"; {told['awaiting']} awaits `assay release promote`"
    return f"{told['serving']} goes on serving{awaits}"


def _last(result: PipelineResult, stage: str) -> dict[str, Any] | None:
    """What a stage told of its last day; None where it did not run."""
    return list(result.stages[stage].values())[-1] if stage in result.stages else None


def _lesson(result: PipelineResult) -> str | None:
    """What the training set taught; why it taught nothing where the log has no disputes."""
    told = _last(result, _LESSON)
    if told is None:
        return None
    if "auc_leaky" not in told:
        return str(told.get("not_trained", ""))
    honest, leaky, served = (told[f"auc_{name}"] for name in ("point_in_time", "leaky", "leaky_when_served"))
    return f"AUC {honest:.2f} by what was known; {leaky:.2f} by what is known now, which is {served:.2f} when served"


def _counted(result: PipelineResult, rows: Iterable[_Row]) -> list[tuple[str, str, str | None]]:
    """The sentences with their counts, added up over the days; None for a stage that did not run."""
    told: list[tuple[str, str, str | None]] = []
    for stage, step, text in rows:
        names = [part.partition("}")[0] for part in text.split("{")[1:]]
        counts = {name: result.number(stage, name) for name in names}
        told.append((stage, step, text.format(**counts) if stage in result.stages else None))
    return told


def _show(console: Console, result: PipelineResult, rows: Iterable[tuple[str, str, str | None]]) -> None:
    table = Table("stage", "what it did", "seconds", title=None, header_style="bold")
    for stage, step, told in rows:
        table.add_row(stage, told or "[red]did not run[/]", f"{result.seconds.get(step, 0):.1f}" if step else "")
    console.print(table)
