"""Seven days in one run, of which one is refused: six go through, the run fails and names the day, the fix mends all."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from command_runs import CHECKOUT
from document_runs import GARBLED, Pipeline, day, put, stand_ins, version
from scale import at_ci

from assay.documents.gold import CHUNKS
from assay.documents.state import STATE
from assay.quality.outcomes import OUTCOMES
from assay.retrieval import Searcher, read_pointer
from assay.settings import SourceSettings
from assets.definitions import defs
from assets.launch import launch

pytestmark = at_ci("three runs by Dagster, a minute of CPU")

LAST = 7
DAYS = range(1, LAST + 1)
BAD = 5
# What the fifth day brings and no other day does; most else that it brings cannot be read.
AFTER_SILVER = ("silver/document_state", "gold/chunks", "gold/embeddings", "gold/index_maintenance", "release/serving")
BROUGHT = {"docs:day-5.md", "docs:also-5.md"}
SPOILT = ("x.md", "y.md", "z.md", "w.md")


def documents_of(number: int) -> dict[str, str]:
    """A day's folder: one more document each day, one that is edited daily, and on the bad day some that are spoilt."""
    files = {f"day-{n}.md": f"# Day {n}\n\nWhat the assay office weighed on day {n}.\n" for n in range(1, number + 1)}
    files["edited.md"] = f"# Edited daily\n\nThis is edition {number} of the ledger.\n"
    if number < BAD:
        files["gone-5.md"] = "# Gone\n\nA page that is deleted on the bad day.\n"
    if number >= BAD:
        files["also-5.md"] = "# Also\n\nA second page of the bad day.\n"
    return files | (dict.fromkeys(SPOILT, GARBLED) if number == BAD else {})


@dataclass(frozen=True)
class Ran:
    """What a launch said and what stood after it: chunks, found documents, and what Dagster kept of the checks."""

    result: dict[str, Any]
    chunks: dict[str, set[int]]
    texts: dict[str, str]
    found: set[str]
    release: str
    events: list[dg.AssetCheckEvaluation]

    @property
    def failed(self) -> list[dict[str, Any]]:
        return [check for check in self.result["checks"] if not check["passed"]]


@dataclass(frozen=True)
class Story:
    """The range run over the bad day, the state's asset alone after it, and the run of the mended day."""

    ran: Ran
    alone: Ran
    mended: Ran
    reference: Pipeline
    pipeline: Pipeline


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("blocked")
    with pytest.MonkeyPatch.context() as patch, stand_ins():
        patch.chdir(CHECKOUT)
        pipeline = home_of(folder, patch)
        for number in DAYS:
            put(folder / "inbox" / str(day(number)), documents_of(number))
        ran = observed(pipeline, launch(day(1), day(LAST)))
        alone = observed(pipeline, materialize(*AFTER_SILVER, day=day(LAST)))
        put(folder / "inbox" / str(day(BAD)), dict.fromkeys(SPOILT, "# Mended\n\nA page that can be read.\n"))
        mended = observed(pipeline, launch(day(BAD), day(BAD)))
        reference = Pipeline.at(folder / "reference", *pipeline.settings.sources)
        reference.run(*map(day, DAYS))
        yield Story(ran, alone, mended, reference, pipeline)


def home_of(folder: Path, patch: pytest.MonkeyPatch) -> Pipeline:
    source = SourceSettings(name="docs", uri=f"{folder}/inbox/{{day}}")
    pipeline = Pipeline.at(folder / "home", source)
    for name, value in {
        "ASSAY_HOME": str(pipeline.settings.home),
        "DAGSTER_HOME": str(pipeline.settings.dagster_home),
        "ASSAY_SOURCES": f"[{source.model_dump_json()}]",
        "ASSAY_CANARIES": "",
    }.items():
        patch.setenv(name, value)
    pipeline.settings.dagster_home.mkdir(parents=True)
    (pipeline.settings.dagster_home / "dagster.yaml").write_text((CHECKOUT / "dagster.yaml").read_text())
    return pipeline


def materialize(*keys: str, day: date) -> dict[str, Any]:
    """A run of a few assets alone, as somebody starts it from their pages."""
    selection = dg.AssetSelection.assets(*(key.split("/") for key in keys))
    job = dg.define_asset_job("alone", selection=selection, executor_def=dg.in_process_executor)
    with dg.DagsterInstance.get() as instance:
        resolved = dg.Definitions.merge(defs, dg.Definitions(jobs=[job])).resolve_job_def("alone")
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        ran = resolved.execute_in_process(
            instance=instance, raise_on_error=False, partition_key=day.isoformat(), run_config=quiet
        )
    return {"run_id": ran.run_id, "success": ran.success, "checks": [], "errors": []}


def observed(pipeline: Pipeline, result: dict[str, Any]) -> Ran:
    versions: dict[str, set[int]] = {}
    for row in pipeline.read(CHUNKS):
        versions.setdefault(row["document_id"], set()).add(row["document_version"])
    pointer = read_pointer(pipeline.settings.releases_path)
    assert pointer is not None
    searcher = Searcher.open(pipeline.settings)
    questions = ("what the assay office weighed", "edition of the ledger", "a page that is deleted", "a second page")
    found = {hit.document_id for text in questions for hit in searcher.search(text, k=30, mode="lexical")}
    with dg.DagsterInstance.get() as instance:
        events = [
            entry.dagster_event.asset_check_evaluation_data
            for entry in instance.all_logs(result["run_id"], of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
            if entry.dagster_event
        ]
    return Ran(result, versions, pipeline.current_texts(), found, pointer.release_id, events)


def test_nothing_of_the_day_reaches_gold_or_the_release(story: Story) -> None:
    assert version(BAD) not in set().union(*story.ran.chunks.values())
    assert not BROUGHT & story.ran.chunks.keys()
    assert not BROUGHT & story.ran.found
    state = {row["document_id"]: row for row in story.pipeline.read(STATE)}
    assert state["docs:gone-5.md"]["is_deleted"], "a deletion waits for no text"


def test_the_other_days_do(story: Story) -> None:
    others = {f"docs:day-{number}.md" for number in DAYS if number != BAD}
    assert others <= story.ran.chunks.keys()
    assert others <= story.ran.found
    assert f"edition {LAST} " in story.ran.texts["docs:edited.md"]


def test_the_run_failed_and_names_the_day(story: Story) -> None:
    assert not story.ran.result["success"]
    [error] = story.ran.result["errors"]
    assert "silver/documents holds back 2026-11-05 of source `docs` by `text_is_not_garbled`" in error
    assert "2026-11-04" not in error
    [check] = story.ran.failed
    assert (check["name"], check["seen"]["failed_for"]) == ("text_is_not_garbled", ["docs 2026-11-05"])
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(story.ran.result["run_id"])
        assert run is not None
        assert run.status is dg.DagsterRunStatus.FAILURE


def test_the_day_has_a_verdict_of_its_own(story: Story) -> None:
    by_day = [(one.check_name, one.partition, one.passed) for one in story.ran.events if one.partition]
    assert by_day == [("text_is_not_garbled", "2026-11-05", False)]
    mended = [(one.check_name, one.partition, one.passed) for one in story.mended.events if one.partition]
    assert mended == [("text_is_not_garbled", "2026-11-05", True)]


def test_a_later_run_of_the_assets_after_it_does_not_slip_past(story: Story) -> None:
    assert story.alone.result["success"]
    assert story.alone.chunks == story.ran.chunks
    assert story.alone.found == story.ran.found


def test_the_fix_and_one_run_mend_all(story: Story) -> None:
    assert story.mended.result["success"], story.mended.result["errors"]
    assert story.mended.found >= BROUGHT
    assert story.mended.release != story.ran.release
    reference, mended = story.reference.contents(), story.pipeline.contents()
    assert {name for name in reference if reference[name] != mended[name]} == set()
    assert not [row for row in story.pipeline.read(OUTCOMES) if not row["success"]]
