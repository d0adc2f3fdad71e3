"""Volumes of a day and what is usual: quiet on ordinary days, loud on odd ones, the same whatever order days ran in."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pytest
from document_histories import (
    EVERYWHERE,
    History,
    Observation,
    Plan,
    histories,
    lay_out,
    pipeline_of,
    settled,
)
from document_runs import PNG, Pipeline, day, put, stand_ins
from hypothesis import given, settings
from scale import at_ci

from assay.documents.bronze import FEED
from assay.documents.manifests import MANIFESTS
from assay.documents.silver import DOCUMENTS
from assay.documents.volumes import LEAST_DAYS, VOLUMES, WINDOW_DAYS, VolumeReport, write_volumes
from assay.quality.outcomes import OUTCOMES
from assay.quality.quarantine import QUARANTINE
from assay.quality.runner import validate
from assay.settings import SourceSettings
from assay.warehouse import engine

FILES = {f"{number:02}.md": f"# Page {number}\n\n" + "A sentence of some words. " * 40 for number in range(40)}


@pytest.fixture
def judged(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The stages with the quick stand-ins, and volumes judged by Great Expectations."""
    monkeypatch.setattr("assay.quality.outcomes.validate", validate)
    return pipeline


def take_in(pipeline: Pipeline, *numbers: int) -> dict[int, VolumeReport]:
    """Run days through the state, and write the volumes; what was said of each day that was written."""
    with stand_ins():
        pipeline.run(*map(day, numbers), through="state", allow_mass_delete=True)
    with engine() as connection:
        return {one.day.day: one for one in write_volumes(pipeline.workspace(), connection, [*map(day, numbers)])}


def ordinary(inbox: Path, *numbers: int, files: Mapping[str, str | bytes] = FILES) -> None:
    """The same files every day, one of them edited each time."""
    for number in numbers:
        put(inbox / day(number).isoformat(), {**files, "00.md": f"{FILES['00.md']} Edited on the {number}th."})


def test_ordinary_days_are_quiet_and_a_day_with_half_the_files_is_named(judged: Pipeline, inbox: Path) -> None:
    ordinary(inbox, 1, 2, 3, 4)
    ordinary(inbox, 5, files=dict(list(FILES.items())[:20]))
    said = take_in(judged, 1, 2, 3, 4, 5)
    assert {number: one.unusual for number, one in said.items() if one.unusual} == {
        5: ("file_count_is_usual", "deleted_share_is_usual")
    }
    [row] = judged.read(VOLUMES, day=day(5))
    assert (row["files"], row["usual_files"], row["deleted"], row["deleted_share"]) == (20, 40.0, 20, 0.5)
    failed = judged.read(OUTCOMES, table_name=VOLUMES.name, success=False)
    assert {(one["source"], one["day"], one["is_blocking"]) for one in failed} == {("docs", day(5), False)}


@at_ci("days of many files")
def test_what_changed_was_refused_or_cut_off_beyond_the_usual_is_named(judged: Pipeline, inbox: Path) -> None:
    ordinary(inbox, 1, 2, 3, 4)
    put(inbox / day(5).isoformat(), {name: text[:300] for name, text in FILES.items()})  # all edited, and cut off
    ordinary(inbox, 6)
    put(inbox / day(6).isoformat(), dict.fromkeys(list(FILES)[20:], PNG))  # what no parser reads
    ordinary(inbox, 7)
    put(inbox / day(7).isoformat(), dict.fromkeys(list(FILES)[:16], None))  # links that lead nowhere
    for number in (2, 3, 4):  # days with texts, so that it is known how long they usually are
        put(inbox / day(number).isoformat(), {name: f"{text} {number}" for name, text in FILES.items()})
    said = take_in(judged, 1, 2, 3, 4, 5, 6, 7)
    assert {number: one.unusual for number, one in said.items() if one.unusual} == {
        5: ("text_length_is_usual",),
        6: ("quarantined_share_is_usual",),
        7: ("refused_share_is_usual",),
    }


@at_ci("days of many files")
def test_most_of_the_files_edited_at_once_is_unusual_and_a_burst_of_a_quarter_is_not(
    judged: Pipeline, inbox: Path
) -> None:
    ordinary(inbox, 1, 2, 3, 4, 5)
    for number, edited in ((4, 18), (5, 39)):
        put(inbox / day(number).isoformat(), {name: f"{FILES[name]} {number}" for name in list(FILES)[:edited]})
    said = take_in(judged, 1, 2, 3, 4, 5)
    assert {number: one.unusual for number, one in said.items() if one.unusual} == {5: ("changed_share_is_usual",)}


@at_ci("two dozen days")
def test_too_little_history_and_too_few_files_say_nothing(judged: Pipeline, inbox: Path) -> None:
    few = dict(list(FILES.items())[:6])
    for number in range(1, LEAST_DAYS + 1):
        put(inbox / day(number).isoformat(), FILES if number < LEAST_DAYS else {"00.md": "Alone."})
    for number in range(LEAST_DAYS + 3, LEAST_DAYS + 15):
        put(inbox / day(number).isoformat(), few if number < LEAST_DAYS + 14 else {"00.md": "Alone."})
    said = take_in(judged, 1, 2, 3)
    assert [one.unusual for one in said.values()] == [()] * 3, "two days before are too few"
    said = take_in(judged, *range(LEAST_DAYS + 11, LEAST_DAYS + 15))
    assert said[LEAST_DAYS + 14].deleted == 5
    assert said[LEAST_DAYS + 14].unusual == (), "one file in place of six"


@at_ci("days of many files")
def test_a_source_of_arrivals_is_judged_by_its_count(tmp_path: Path, inbox: Path) -> None:
    source = SourceSettings(name="mail", uri=f"{inbox}/{{day}}", mode="arrivals")
    pipeline = Pipeline.at(tmp_path / "home", source)
    for number, files in ((1, 20), (2, 24), (3, 22), (4, 21), (5, 60)):
        put(inbox / day(number).isoformat(), {f"{number}-{name}": FILES[name] for name in list(FILES)[:files]})
        put(
            inbox / day(number).isoformat(),
            {f"{number}-{n}.md": f"# Mail {n}\n\n{'Word ' * 200}" for n in range(files - 40)},
        )
    said = take_in(pipeline, 1, 2, 3, 4, 5)
    assert {number: one.unusual for number, one in said.items() if one.unusual} == {5: ("file_count_is_usual",)}
    assert {row["deleted_share"] for row in pipeline.read(VOLUMES)} == {None}, "nothing is ever deleted"


@at_ci("two dozen days")
def test_a_late_day_leaves_the_table_as_days_in_order_do(judged: Pipeline, tmp_path: Path, inbox: Path) -> None:
    numbers = range(1, 13)
    ordinary(inbox, *numbers)
    put(inbox / day(2).isoformat(), {f"more-{name}": text for name, text in FILES.items()})
    other = Pipeline.at(tmp_path / "other", *judged.settings.sources)
    take_in(other, *numbers)
    take_in(judged, *(number for number in numbers if number != 2))
    late = take_in(judged, 2)
    assert set(late) == {2, 3, *range(4, 4 + WINDOW_DAYS)}, "the day, its next, and those whose usual values they enter"
    assert judged.workspace().lake.content_hash(VOLUMES) == other.workspace().lake.content_hash(VOLUMES)
    outcomes = [row for row in judged.read(OUTCOMES, table_name=VOLUMES.name) if not row["success"]]
    assert [(row["day"], row["expectation"]) for row in outcomes] == [
        (row["day"], row["expectation"]) for row in other.read(OUTCOMES, table_name=VOLUMES.name) if not row["success"]
    ]

    before = judged.commits()
    take_in(judged, *numbers)
    assert judged.commits() == before, "running again committed something"


def test_days_that_a_killed_run_left_without_a_row_are_taken_along(judged: Pipeline, inbox: Path) -> None:
    ordinary(inbox, 1, 2, 3)
    with stand_ins():
        judged.run(day(1), day(2), through="state")
    assert set(take_in(judged, 3)) == {1, 2, 3}


def test_a_day_that_is_observed_no_more_loses_its_row(judged: Pipeline, inbox: Path) -> None:
    ordinary(inbox, 1, 2)
    take_in(judged, 1, 2)
    lake, place = judged.workspace().lake, {"source": "docs", "day": day(1)}
    lake.replace_partition(MANIFESTS, MANIFESTS.empty(), partitions=place)
    with engine() as connection:
        write_volumes(judged.workspace(), connection, [day(1)])
    assert [row["day"] for row in judged.read(VOLUMES)] == [day(2)]


@given(histories())
@settings(EVERYWHERE, max_examples=1)
def test_volumes_count_what_the_tables_hold_however_days_are_run(drawn: tuple[History, Plan]) -> None:
    history, plan = drawn
    final = settled(history, plan)
    with TemporaryDirectory() as folder, stand_ins():
        home, inbox = Path(folder) / "home", Path(folder) / "inbox"
        run_all(home, inbox, history, {**history.days, **history.drafts}, plan.before)
        pipeline = run_all(home, inbox, history, history.days, plan.after)
        assert_counted(pipeline)
        runs = [(number,) for number in sorted(final.days)]
        other = run_all(Path(folder) / "other", inbox, final, final.days, runs)
        assert other.workspace().lake.content_hash(VOLUMES) == pipeline.workspace().lake.content_hash(VOLUMES)


def run_all(
    home: Path, inbox: Path, history: History, observed: Mapping[int, Observation], runs: Iterable[tuple[int, ...]]
) -> Pipeline:
    """Runs with volumes after each, while the folders hold what was observed."""
    lay_out(inbox, observed)
    pipeline = pipeline_of(home, inbox, observed)
    for run in runs:
        pipeline.run(*map(day, run), through="state", allow_mass_delete=history.allow_mass_delete)
        with engine() as connection:
            write_volumes(pipeline.workspace(), connection, [*map(day, run)])
    return pipeline


def assert_counted(pipeline: Pipeline) -> None:
    """Every row against the tables, counted in plain Python."""
    rows = pipeline.read(VOLUMES)
    assert [row["day"] for row in rows] == sorted({row["day"] for row in pipeline.read(MANIFESTS)})
    for position, row in enumerate(rows):
        place = {"day": row["day"]}
        texts = [len(one["text"]) for one in pipeline.read(DOCUMENTS, **place)]
        changes = [one["change"] for one in pipeline.read(FEED, **place)]
        statuses = [one["status"] for one in pipeline.read(MANIFESTS, **place)]
        counted = {change: changes.count(change) for change in ("added", "edited", "repermitted", "moved", "deleted")}
        counted |= {"files": statuses.count("observed"), "refused": statuses.count("refused"), "texts": len(texts)}
        counted["quarantined"] = len(pipeline.read(QUARANTINE, stage="silver", **place))
        assert {name: row[name] for name in counted} == counted
        assert row["mean_characters"] == (sum(texts) / len(texts) if texts else None)
        for name in ("files", "changed_share", "deleted_share", "quarantined_share", "mean_characters"):
            known = [one[name] for one in rows[max(position - WINDOW_DAYS, 0) : position] if one[name] is not None]
            usual = median(known) if len(known) >= LEAST_DAYS else None
            assert row[f"usual_{name}"] == usual, (row["day"], name)
