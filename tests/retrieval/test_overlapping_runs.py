"""Two runs at once, stage by stage in the worst order: neither is judged by what the other has moved on."""

from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from document_runs import GARBLED, ParserInThisProcess, Pipeline, day, put, release_first, version
from scale import at_ci

from assay.documents.bronze import FEED, land_manifest, write_feed
from assay.documents.day_verdicts import judge_day
from assay.documents.gold import chunk_current
from assay.documents.invariants import chunk_rules, state_rules
from assay.documents.manifests import MANIFESTS
from assay.documents.silver import DOCUMENTS, parse_day
from assay.documents.state import STATE, write_state
from assay.quality.outcomes import ALL_SOURCES
from assay.quality.rules import Rule
from assay.quality.verdicts import VERDICTS, record_verdicts
from assay.retrieval import Searcher
from assay.retrieval.deny_list import update_deny_list
from assay.retrieval.gate import GateReport
from assay.retrieval.invariants import index_rules
from assay.retrieval.reconcile import open_index, reconcile_index
from assay.warehouse import engine
from assay.workspace import Run, Workspace


class OneRun:
    """A run that is led stage by stage, judging as the assets do."""

    def __init__(self, pipeline: Pipeline, run_id: str) -> None:
        self.pipeline = pipeline
        self.workspace = Workspace(pipeline.settings, Run(run_id, pipeline.workspace().run.started_at))
        [self.source] = pipeline.settings.active_sources

    def land(self, one: date) -> None:
        with engine() as connection:
            judge = partial(judge_day, self.workspace, connection, MANIFESTS, self.source, one)
            land_manifest(self.workspace, self.source, one, judge=judge)

    def feed(self, one: date) -> None:
        with engine() as connection:
            judge = partial(judge_day, self.workspace, connection, FEED, self.source, one)
            write_feed(self.workspace, connection, self.source, one, judge=judge)
            update_deny_list(self.workspace, connection)

    def parse(self, one: date) -> None:
        with engine() as connection:
            judge = partial(judge_day, self.workspace, connection, DOCUMENTS, self.source, one)
            parse_day(self.workspace, self.source.name, one, judge=judge)

    def state(self, one: date) -> None:
        with engine() as connection:
            write_state(self.workspace, connection, one)

    def chunks(self, one: date) -> None:
        with engine() as connection:
            chunk_current(self.workspace, connection, one)

    def index(self) -> None:
        reconcile_index(self.workspace, self.pipeline.embedder())

    def gate(self) -> GateReport:
        return release_first(self.workspace)

    def through_state(self, one: date) -> None:
        for stage in (self.land, self.feed, self.parse, self.state):
            stage(one)

    def broken(self) -> set[str]:
        """The rules of the state, the chunks and the index that do not hold."""
        with engine() as connection:
            rules = [*state_rules(self.workspace, connection), *chunk_rules(self.workspace, connection)]
        rules += index_rules(self.workspace, open_index(self.workspace, self.pipeline.embedder()))
        return {rule.name for rule in rules if not rule.passed}


@pytest.fixture
def one(pipeline: Pipeline) -> OneRun:
    return OneRun(pipeline, "one")


@pytest.fixture
def other(pipeline: Pipeline) -> OneRun:
    return OneRun(pipeline, "other")


def standing(pipeline: Pipeline) -> set[str]:
    return {row["document_id"] for row in pipeline.read(STATE) if not row["is_deleted"]}


def found(pipeline: Pipeline, text: str) -> set[str]:
    return {hit.document_id for hit in Searcher.open(pipeline.settings).search(text, mode="lexical")}


def test_a_day_is_not_refused_for_what_another_run_has_half_written(
    pipeline: Pipeline, inbox: Path, one: OneRun, other: OneRun
) -> None:
    put(inbox / str(day(1)), {"a.md": "# A\n\nOf the first day."})
    put(inbox / str(day(2)), {"a.md": "# A\n\nOf the first day.", "b.md": "# B\n\nOf the second day."})
    one.land(day(2))
    one.feed(day(2))
    other.land(day(1))  # the second day's feed no longer follows from the manifests
    one.parse(day(2))
    one.state(day(2))
    assert standing(pipeline) == {"docs:a.md", "docs:b.md"}
    for number in (1, 2):
        other.feed(day(number))
    one.parse(day(2))
    for number in (1, 2):
        other.parse(day(number))
    other.state(day(2))
    assert {row["document_id"]: row["document_version"] for row in pipeline.read(STATE)} == {
        "docs:a.md": version(1), "docs:b.md": version(2)
    }  # fmt: skip
    assert all(row["passed"] for row in pipeline.read(VERDICTS))


def test_a_feed_that_is_written_while_its_texts_are_parsed_is_not_judged_with_the_old_texts(
    pipeline: Pipeline, inbox: Path, one: OneRun, other: OneRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / str(day(1)), {"a.md": "# A\n\nOf the first day."})
    put(inbox / str(day(2)), {"a.md": "# A\n\nOf the first day.", "b.md": "# B\n\nOf the second day."})
    one.land(day(2))
    one.feed(day(2))
    parse_many = ParserInThisProcess.parse_many

    def parse_beside_the_other(parser: ParserInThisProcess, items: Any) -> Iterator[Any]:
        parsed = list(parse_many(parser, items))
        other.land(day(1))
        for number in (1, 2):
            other.feed(day(number))  # the second day brings one document less than what is being parsed
        yield from parsed

    with monkeypatch.context() as patch:
        patch.setattr(ParserInThisProcess, "parse_many", parse_beside_the_other)
        one.parse(day(2))
    assert pipeline.read(VERDICTS, table_name=DOCUMENTS.name) == [], "whoever wrote the feed parses it, and judges"
    one.state(day(2))
    assert "docs:b.md" in standing(pipeline)
    for number in (1, 2):
        other.parse(day(number))
    other.state(day(2))
    assert standing(pipeline) == {"docs:a.md", "docs:b.md"}


@at_ci("several runs")
def test_what_was_built_is_judged_by_what_it_was_built_from(
    pipeline: Pipeline, inbox: Path, one: OneRun, other: OneRun
) -> None:
    put(inbox / str(day(1)), {"a.md": "# A\n\nA page that stays.", "b.md": "# B\n\nA page that goes."})
    put(inbox / str(day(2)), {"a.md": "# A\n\nA page that stays.", "c.md": "# C\n\nA page that comes."})
    one.through_state(day(1))
    other.land(day(2))
    other.feed(day(2))
    other.parse(day(2))
    one.chunks(day(1))
    one.index()
    assert one.broken() == set(), "the feed went on"
    other.state(day(2))
    assert one.broken() == set(), "the state went on"
    other.chunks(day(2))
    assert one.broken() == set(), "the chunks went on"
    report = one.gate()
    assert (report.passed, report.published) == (True, True)
    assert found(pipeline, "a page that goes") == {"docs:a.md"}, "what the other run deleted is denied by then"
    other.index()
    assert other.gate().published
    assert found(pipeline, "a page that comes") == {"docs:a.md", "docs:c.md"}
    assert other.broken() == set()


@at_ci("several runs")
def test_a_deletion_that_no_release_held_is_denied_when_an_older_index_is_released(
    pipeline: Pipeline, inbox: Path, one: OneRun, other: OneRun
) -> None:
    """The index was built before the deletion, and every table has forgotten the document when the gate comes to it."""
    put(inbox / str(day(1)), {"a.md": "# A\n\nA page that stays."})
    put(inbox / str(day(2)), {"a.md": "# A\n\nA page that stays.", "b.md": "# B\n\nA page for one day."})
    put(inbox / str(day(3)), {"a.md": "# A\n\nA page that stays."})
    pipeline.run(day(1))
    one.through_state(day(2))
    one.chunks(day(2))
    one.index()
    other.through_state(day(3))
    other.chunks(day(3))
    with engine() as connection:
        update_deny_list(other.workspace, connection)
    assert one.gate().published
    assert found(pipeline, "a page for one day") == {"docs:a.md"}


def test_what_broke_an_invariant_of_the_present_state_is_not_released_by_a_later_run(
    pipeline: Pipeline, inbox: Path, one: OneRun
) -> None:
    put(inbox / str(day(1)), {"a.md": "# A\n\nOne."})
    one.through_state(day(1))
    one.chunks(day(1))
    one.index()
    record_verdicts(one.workspace, STATE, ALL_SOURCES, day(1), [Rule("state_follows_from_feed", False, "1 differs", 1)])
    refused = one.gate()
    assert (refused.passed, refused.published, refused.failures) == (False, False, ("recorded_invariants_hold",))
    record_verdicts(one.workspace, STATE, ALL_SOURCES, day(1), [Rule("state_follows_from_feed", True, "0 differ", 0)])
    assert one.gate().published


def test_a_deletion_that_was_believed_stands_though_its_day_is_refused_later(
    pipeline: Pipeline, inbox: Path, one: OneRun
) -> None:
    put(inbox / str(day(1)), {"a.md": "# A\n\nA page that stays.", "b.md": "# B\n\nA page that goes."})
    put(inbox / str(day(2)), {"a.md": "# A\n\nA page that stays."})
    pipeline.run(day(1), day(2))
    assert standing(pipeline) == {"docs:a.md"}
    record_verdicts(one.workspace, FEED, "docs", day(2), [Rule("feed_follows_from_manifests", False, "1 differs", 1)])
    one.state(day(2))
    assert standing(pipeline) == {"docs:a.md"}
    one.chunks(day(2))
    one.index()
    one.gate()
    with engine() as connection:
        update_deny_list(one.workspace, connection)
    assert found(pipeline, "a page that goes") == {"docs:a.md"}
    assert one.broken() == set()


def test_a_killed_stage_leaves_a_day_to_be_judged_by_the_run_that_takes_it_along(
    pipeline: Pipeline, inbox: Path, one: OneRun, other: OneRun
) -> None:
    put(inbox / str(day(1)), {"a.md": "# A\n\nOne.", "b.md": GARBLED, "c.md": GARBLED})
    put(inbox / str(day(2)), {"a.md": "# A\n\nTwo."})
    one.land(day(1))
    one.feed(day(1))  # and dies here
    other.land(day(2))
    assert {row["day"] for row in pipeline.read(VERDICTS, table_name=DOCUMENTS.name)} == set()
    for number in (1, 2):
        other.feed(day(number))
        other.parse(day(number))
    judged = {row["day"]: row["passed"] for row in pipeline.read(VERDICTS, table_name=DOCUMENTS.name)}
    assert judged == {day(1): True, day(2): True}
