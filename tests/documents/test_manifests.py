"""Observing a source: what was seen is written down once, and what could not be seen changes nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from document_runs import Pipeline, day, put, version
from pyarrow import table

from assay.documents.blobs import BlobStore
from assay.documents.manifests import MANIFESTS, observe_day, observed_days
from assay.errors import MassDeletion, SourceError, StorageError
from assay.quality.quarantine import QUARANTINE
from assay.settings import PathRule, SourceSettings


def statuses(pipeline: Pipeline, **where: object) -> dict[str, str]:
    return {row["path"]: row["reason"] or row["status"] for row in pipeline.read(MANIFESTS, **where)}


def test_a_manifest_says_everything_that_was_seen_and_the_bytes_are_kept(tmp_path: Path, inbox: Path, encoder) -> None:
    rules = (PathRule(pattern="hr/**", tenant="acme", allowed_principals=("team:b", "team:a")),)
    source = SourceSettings(name="docs", uri=f"{inbox}/{{day}}", namespace="kb", rules=rules)
    pipeline = Pipeline.at(tmp_path / "home", source, max_file_bytes=20)
    put(inbox / "2026-11-01", {"a.md": "hello", "hr/b.md": None, "large.md": "x" * 21})
    done = pipeline.run(day(1), through="state")
    assert (done.manifests[0].files, done.manifests[0].refused, done.manifests[0].size_bytes) == (1, 2, 5)
    assert statuses(pipeline) == {"a.md": "observed", "hr/b.md": "unreadable", "large.md": "too_large"}
    observed, refused, _ = pipeline.read(MANIFESTS)
    assert BlobStore(pipeline.settings.blobs_path).path(observed["content_hash"]).read_bytes() == b"hello"
    assert observed["uri"] == (inbox / "2026-11-01/a.md").as_uri()
    assert (observed["tenant"], observed["allowed_principals"]) == ("default", ["public"])
    assert (refused["tenant"], refused["allowed_principals"]) == ("acme", ["team:a", "team:b"])
    held_back = {row["document_id"]: row for row in pipeline.read(QUARANTINE, stage="bronze")}
    assert set(held_back) == {"kb:hr/b.md", "kb:large.md"}
    assert held_back["kb:hr/b.md"]["document_version"] == version(1)


def test_the_same_observation_is_not_written_again_and_a_different_one_replaces_it(
    pipeline: Pipeline, inbox: Path
) -> None:
    put(inbox / "2026-11-01", {"a.md": "one", "b.md": None})
    assert pipeline.run(day(1), through="state").manifests[0].changed
    assert not pipeline.run(day(1), through="state").manifests[0].changed
    put(inbox / "2026-11-01", {"b.md": "there now"})
    assert pipeline.run(day(1), through="state").manifests[0].changed
    assert statuses(pipeline) == {"a.md": "observed", "b.md": "observed"}
    assert pipeline.quarantine(stage="bronze") == {}


def test_an_empty_folder_is_taken_for_one_that_is_not_mounted(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "# One\n\nText."})
    pipeline.run(day(1), through="chunks")
    (inbox / "2026-11-02").mkdir()
    (inbox / "2026-11-02/.hidden").touch()
    done = pipeline.run(day(2), through="chunks")
    [problem] = done.problems
    assert "holds no file on 2026-11-02" in problem
    assert "; 1 are known" in problem
    assert "nothing was deleted" in problem
    assert "run `assay demo --allow-mass-delete`" in problem
    assert pipeline.current_texts() == {"docs:a.md": "# One\n\nText."}

    pipeline.run(day(2), through="chunks", allow_mass_delete=True)
    assert statuses(pipeline, day=day(2)) == {"": "empty"}
    assert pipeline.current_texts() == {}
    assert pipeline.state("docs:a.md")["is_deleted"]
    put(inbox / "2026-11-03", {"a.md": "# One\n\nText."})
    pipeline.run(day(3), through="chunks")
    assert pipeline.feed(3) == {"docs:a.md": "added"}


def test_a_source_that_is_not_there_is_named_and_the_others_go_through(tmp_path: Path, encoder) -> None:
    put(tmp_path / "here", {"a.md": "# One\n\nText."})
    sources = [SourceSettings(name=name, uri=str(tmp_path / name)) for name in ("gone", "here")]
    pipeline = Pipeline.at(tmp_path / "home", *sources)
    done = pipeline.run(day(5), through="chunks")
    assert [problem.split(":")[0] for problem in done.problems] == ["Source `gone`"]
    assert set(pipeline.current_texts()) == {"here:a.md"}

    (tmp_path / "here").rename(tmp_path / "gone")
    done = pipeline.run(day(6), through="chunks")
    assert [problem.split(":")[0] for problem in done.problems] == ["Source `here`"]
    assert set(pipeline.current_texts()) == {"gone:a.md", "here:a.md"}, "an unmounted folder deleted documents"


def test_a_live_folder_is_observed_for_today_only(tmp_path: Path, encoder) -> None:
    source = SourceSettings(name="docs", uri=str(tmp_path / "docs"))
    pipeline = Pipeline.at(tmp_path / "home", source)
    put(tmp_path / "docs", {"a.md": "as of the fifth"})
    pipeline.run(day(5), through="state")
    put(tmp_path / "docs", {"a.md": "as of the sixth"})
    workspace = pipeline.workspace(day(6))
    assert observe_day(workspace, source, day(5)) is None
    assert observe_day(workspace, source, day(7)) is None
    pipeline.run(day(6), through="state")
    before = pipeline.contents()
    pipeline.run(day(5), day(6), through="state")  # today is the sixth: the fifth reads what was written down
    assert pipeline.contents() == before
    assert observed_days(workspace.lake, source) == [day(5), day(6)]
    assert pipeline.feed(6) == {"docs:a.md": "edited"}


def test_an_operator_may_say_how_a_live_folder_stood_on_another_day(tmp_path: Path, encoder) -> None:
    source = SourceSettings(name="docs", uri=str(tmp_path / "docs"))
    pipeline = Pipeline.at(tmp_path / "home", source)
    put(tmp_path / "docs", {"a.md": "a restored backup"})
    rows = observe_day(pipeline.workspace(day(9)), source, day(2), as_of=True)
    assert rows is not None
    assert rows["day"].to_pylist() == [day(2)]


def test_errors_of_a_source_are_source_errors(tmp_path: Path, pipeline: Pipeline, inbox: Path) -> None:
    (inbox / "2026-11-01").mkdir(parents=True)
    with pytest.raises(MassDeletion) as raised:
        observe_day(pipeline.workspace(), pipeline.settings.sources[0], day(1))
    assert isinstance(raised.value, SourceError)
    assert raised.value.exit_code == 2
    assert observe_day(pipeline.workspace(), pipeline.settings.sources[0], day(2)) is None, "no folder, no observation"


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, inbox: Path, encoder) -> None:
    put(inbox / "2026-11-01", {"a.md": "x"})
    (tmp_path / "home").write_text("a file where the home should be")
    pipeline = Pipeline.at(tmp_path / "home", SourceSettings(name="docs", uri=f"{inbox}/{{day}}"))
    with pytest.raises(StorageError, match=r"Nothing was written.*`assay doctor`"):
        pipeline.run(day(1))


def test_hostile_names_cost_themselves_and_never_the_day(pipeline: Pipeline, inbox: Path) -> None:
    # All three would read alike if what cannot be printed were merely replaced: a doubled key blocks the whole day.
    put(
        inbox / "2026-11-01", {"a\nb.md": "x", "a\tb.md": "x", "a\ufffdb.md": "# Fine\n\nText.", "c.md": "# C\n\nText."}
    )
    pipeline.run(day(1), through="chunks")
    assert pipeline.quarantine() == {f"docs:a\\x0{code}b.md": ("hostile_path", None) for code in "9a"}
    assert set(pipeline.current_texts()) == {"docs:a\ufffdb.md", "docs:c.md"}


def test_a_table_of_snapshots_gives_every_day_of_its_history(tmp_path: Path, encoder) -> None:
    file = tmp_path / "history.parquet"
    rows = [("a.md", day(1), "one"), ("b.md", day(1), "# B\n\nText."), ("a.md", day(3), "two")]
    names = ("path", "snapshot_date", "text")
    pq.write_table(table(dict(zip(names, zip(*rows, strict=True), strict=True))), file)
    pipeline = Pipeline.at(tmp_path / "home", SourceSettings(name="table", uri=str(file)))
    done = pipeline.run(day(1), day(2), day(3), through="chunks")
    assert [report.was_observed for report in done.manifests] == [True, False, True]
    assert pipeline.feed(3) == {"table:a.md": "edited", "table:b.md": "deleted"}
    assert pipeline.current_texts() == {"table:a.md": "two"}


def test_whoever_observed_and_when_does_not_make_it_another_observation(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "one"})
    pipeline.run(day(1), through="state")
    before = pipeline.commits()
    for later in (datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)):
        pipeline.run(day(1), later.date(), through="state")
    assert pipeline.commits() == before
