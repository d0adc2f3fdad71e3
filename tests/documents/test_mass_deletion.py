"""The guard against mass deletion: refused before anything is written, by day, and accepted when it is meant."""

from contextlib import nullcontext
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from document_runs import CLOSED, Pipeline, day, put
from pyarrow import table

from assay.documents.bronze import land_manifest
from assay.documents.manifests import MANIFESTS, observe_day, observed_days
from assay.errors import MassDeletion, SourceError
from assay.settings import SourceSettings

FILES = {f"{number}.md": f"# Page {number}\n\nText {number}." for number in range(10)}


def few(count: int) -> dict[str, str]:
    return dict(list(FILES.items())[:count])


def source_of(pipeline: Pipeline) -> SourceSettings:
    [source] = pipeline.settings.active_sources
    return source


def test_a_snapshot_that_lacks_most_files_is_refused_before_anything_is_written(
    pipeline: Pipeline, inbox: Path
) -> None:
    put(inbox / "2026-11-01", FILES)
    put(inbox / "2026-11-02", few(4) | {"new.md": "# New\n\nText."})
    put(inbox / "2026-11-03", few(9))
    pipeline.run(day(1), through="chunks")
    before = pipeline.commits()
    with pytest.raises(MassDeletion) as raised:
        observe_day(pipeline.workspace(), source_of(pipeline), day(2))
    assert isinstance(raised.value, SourceError)
    assert pipeline.commits() == before
    message = str(raised.value)
    assert f"of 10 files known on 2026-11-02, `{inbox}/{{day}}` lacks 6 (60%, 0 moved ones not counted)" in message
    assert "50% is the most" in message
    assert "no manifest was written and nothing was deleted" in message
    assert "run `assay demo --allow-mass-delete`" in message

    done = pipeline.run(day(2), day(3), through="chunks")
    assert [problem.split(",")[0] for problem in done.problems] == ["Source `docs`: of 10 files known on 2026-11-02"]
    assert observed_days(pipeline.workspace().lake, source_of(pipeline)) == [day(1), day(3)], (
        "a run stops that day only"
    )
    assert pipeline.feed(3) == {"docs:9.md": "deleted"}


def test_what_was_accepted_once_is_accepted_again(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", FILES)
    put(inbox / "2026-11-02", few(2))
    pipeline.run(day(1), through="state")
    assert not pipeline.run(day(2), through="state", allow_mass_delete=True).problems
    assert len(pipeline.feed(2)) == 8
    assert not pipeline.run(day(1), day(2), through="state").problems
    (inbox / "2026-11-03").mkdir()
    assert pipeline.run(day(3), through="state").problems, "two were left, and now there is none"
    assert not pipeline.run(day(3), through="state", allow_mass_delete=True).problems
    assert not pipeline.run(day(3), through="state").problems, "it is known to be empty"


def test_what_a_second_look_at_the_same_day_lacks_counts_too(tmp_path: Path, encoder: object) -> None:
    pipeline = Pipeline.at(tmp_path / "home", SourceSettings(name="docs", uri=str(tmp_path / "docs")))
    put(tmp_path / "docs", FILES)
    pipeline.run(day(1), through="state")
    for name in list(FILES)[3:]:
        (tmp_path / "docs" / name).unlink()
    [problem] = pipeline.run(day(1), through="state").problems
    assert "lacks 7 (70%" in problem


@pytest.mark.parametrize(
    ("known", "left", "is_refused"), [(3, 1, False), (5, 1, False), (6, 1, True), (10, 5, False), (10, 4, True)]
)
def test_half_may_go_and_of_a_handful_all_but_one(
    pipeline: Pipeline, inbox: Path, known: int, left: int, is_refused: bool
) -> None:
    put(inbox / "2026-11-01", few(known))
    put(inbox / "2026-11-02", few(left))
    land_manifest(pipeline.workspace(), source_of(pipeline), day(1))
    with pytest.raises(MassDeletion) if is_refused else nullcontext():
        observe_day(pipeline.workspace(), source_of(pipeline), day(2))


def test_the_share_is_a_setting(tmp_path: Path, inbox: Path, encoder: object) -> None:
    source = SourceSettings(name="docs", uri=f"{inbox}/{{day}}")
    pipeline = Pipeline.at(tmp_path / "home", source, max_deleted_ratio=0.9)
    put(inbox / "2026-11-01", FILES)
    put(inbox / "2026-11-02", few(1))
    for number in (1, 2):
        assert land_manifest(pipeline.workspace(), source, day(number)).was_observed


def test_moved_files_and_those_of_a_closed_folder_are_not_deleted(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", FILES)
    put(inbox / "2026-11-02", {f"archive/{name}": text for name, text in FILES.items()})
    put(inbox / "2026-11-03", {f"archive/{CLOSED}": "", "new.md": "# New\n\nText."})
    put(inbox / "2026-11-04", {f"{name}.txt": text for name, text in few(4).items()})
    done = pipeline.run(*map(day, (1, 2, 3, 4)), through="state")
    [problem] = done.problems
    assert "of 11 files known on 2026-11-04" in problem
    assert "lacks 7 (64%, 4 moved ones not counted)" in problem


def test_arrivals_lack_nothing(tmp_path: Path, inbox: Path, encoder: object) -> None:
    source = SourceSettings(name="mail", uri=f"{inbox}/{{day}}", mode="arrivals")
    pipeline = Pipeline.at(tmp_path / "home", source)
    put(inbox / "2026-11-01", FILES)
    put(inbox / "2026-11-02", {"other.md": "x"})
    for number in (1, 2):
        assert land_manifest(pipeline.workspace(), source, day(number)).was_observed


def test_days_of_a_table_are_guarded_too(tmp_path: Path, encoder: object) -> None:
    file = tmp_path / "history.parquet"
    rows = [(name, day(1), text) for name, text in FILES.items()]
    rows += [(name, day(number), text) for number, count in ((2, 2), (3, 8)) for name, text in few(count).items()]
    pq.write_table(table(dict(zip(("path", "snapshot_date", "text"), zip(*rows, strict=True), strict=True))), file)
    pipeline = Pipeline.at(tmp_path / "home", SourceSettings(name="table", uri=str(file)))
    done = pipeline.run(day(1), day(2), day(3), through="state")
    assert ["on 2026-11-02" in problem for problem in done.problems] == [True]
    assert {row["day"] for row in pipeline.read(MANIFESTS)} == {day(1), day(3)}
    assert pipeline.feed(3) == {"table:8.md": "deleted", "table:9.md": "deleted"}


def test_a_folder_given_by_name_is_told_the_command_that_takes_it_in(tmp_path: Path, encoder: object) -> None:
    put(tmp_path / "docs", FILES)
    pipeline = Pipeline.at(tmp_path / "home", documents=str(tmp_path / "docs"))
    [source] = pipeline.settings.active_sources
    land_manifest(pipeline.workspace(day(1)), source, day(1))
    for name in list(FILES)[1:]:
        (tmp_path / "docs" / name).unlink()
    for as_of, command in ((False, ""), (True, " --as-of 2026-11-02")):
        with pytest.raises(MassDeletion) as raised:
            land_manifest(pipeline.workspace(day(2)), source, day(2), as_of=as_of)
        assert f"run `assay ingest {tmp_path}/docs{command} --allow-mass-delete`" in str(raised.value)
