"""The feed: what changed on a day, named as a person would name it, however files come and go."""

from pathlib import Path

import pytest
from document_runs import CLOSED, Pipeline, day, put, version
from scale import AT_CI

from assay.documents.bronze import FEED, days_to_derive
from assay.settings import PathRule, SourceSettings

TEAM_ONLY = (PathRule(pattern="**", tenant="acme", allowed_principals=("team:acme",)),)


def test_added_edited_deleted_and_nothing_for_what_stayed(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"stays.md": "x", "edited.md": "one", "deleted.md": "x"})
    put(inbox / "2026-11-02", {"stays.md": "x", "edited.md": "two", "added.md": "new"})
    done = pipeline.run(day(1), day(2), through="state")
    assert pipeline.feed(1) == dict.fromkeys(("docs:stays.md", "docs:edited.md", "docs:deleted.md"), "added")
    assert pipeline.feed(2) == {"docs:added.md": "added", "docs:edited.md": "edited", "docs:deleted.md": "deleted"}
    assert done.feeds[1].changes == {"added": 1, "edited": 1, "deleted": 1}
    rows = {row["document_id"]: row for row in pipeline.read(FEED, day=day(2))}
    assert {row["document_version"] for row in rows.values()} == {version(2)}
    deleted = rows["docs:deleted.md"]
    assert (deleted["op"], deleted["content_hash"], deleted["size_bytes"]) == ("delete", None, None)


def test_a_changed_rule_permits_anew_what_did_not_change(pipeline: Pipeline, inbox: Path) -> None:
    for folder in ("2026-11-01", "2026-11-02", "2026-11-03"):
        put(inbox / folder, {"a.md": "x"})
    ruled = Pipeline(pipeline.settings, {day(2): TEAM_ONLY, day(3): TEAM_ONLY})
    ruled.run(day(1), day(2), day(3), through="state")
    assert [pipeline.feed(number) for number in (1, 2, 3)] == [{"docs:a.md": "added"}, {"docs:a.md": "repermitted"}, {}]
    state = pipeline.state("docs:a.md")
    assert (state["tenant"], state["allowed_principals"], state["document_version"]) == (
        "acme",
        ["team:acme"],
        version(2),
    )


def test_the_order_in_which_a_rule_names_principals_is_no_change(
    tmp_path: Path, pipeline: Pipeline, inbox: Path
) -> None:
    for folder in ("2026-11-01", "2026-11-02"):
        put(inbox / folder, {"a.md": "x"})
    rules = [(PathRule(pattern="**", allowed_principals=names),) for names in (("b", "a"), ("a", "b"))]
    Pipeline(pipeline.settings, {day(1): rules[0], day(2): rules[1]}).run(day(1), day(2), through="state")
    assert pipeline.feed(2) == {}


def test_arrivals_are_never_deleted(tmp_path: Path, inbox: Path, encoder) -> None:
    source = SourceSettings(name="mail", uri=f"{inbox}/{{day}}", mode="arrivals")
    pipeline = Pipeline.at(tmp_path / "home", source)
    put(inbox / "2026-11-01", {"a.md": "first", "b.md": "first"})
    put(inbox / "2026-11-02", {"c.md": "third", "b.md": "second"})
    pipeline.run(day(1), day(2), through="chunks")
    assert pipeline.feed(2) == {"mail:b.md": "added", "mail:c.md": "added"}
    assert pipeline.current_texts() == {"mail:a.md": "first", "mail:b.md": "second", "mail:c.md": "third"}


def test_a_refused_file_is_neither_deleted_nor_brought_and_its_text_goes_on(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "stands", "b.md": "x"})
    put(inbox / "2026-11-02", {"a.md": None, "b.md": "x"})
    pipeline.run(day(1), day(2), through="chunks")
    assert pipeline.feed(2) == {}
    assert pipeline.current_texts()["docs:a.md"] == "stands"
    assert pipeline.quarantine(stage="bronze") == {"docs:a.md": ("unreadable", None)}


def test_what_is_absent_after_a_refusal_was_deleted(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "stood", "b.md": "x"})
    put(inbox / "2026-11-02", {"a.md": None, "b.md": "x"})
    put(inbox / "2026-11-03", {"b.md": "x"})
    pipeline.run(day(1), day(2), day(3), through="chunks")
    assert pipeline.feed(3) == {"docs:a.md": "deleted"}
    assert set(pipeline.current_texts()) == {"docs:b.md"}


def test_what_lies_in_a_folder_that_cannot_be_entered_was_not_deleted(pipeline: Pipeline, inbox: Path) -> None:
    put(
        inbox / "2026-11-01",
        {"sub/a.md": "stands", "subway.md": "goes", "sub/b/c.md": "also stands", "sub/d.md": "unseen"},
    )
    put(inbox / "2026-11-02", {f"sub/{CLOSED}": "", "new.md": "x"})
    pipeline.run(day(1), day(2), through="chunks")
    assert pipeline.feed(2) == {"docs:new.md": "added", "docs:subway.md": "deleted"}
    assert set(pipeline.current_texts()) == {"docs:sub/a.md", "docs:sub/b/c.md", "docs:sub/d.md", "docs:new.md"}
    assert pipeline.quarantine(stage="bronze") == {"docs:sub/": ("unreadable", None)}


@pytest.mark.parametrize("order", [(1, 2, 3, 4), (4, 3, 2, 1), (2, 4, 1, 3)] if AT_CI else [(2, 4, 1, 3)])
def test_what_went_while_its_folder_could_not_be_entered_is_deleted_when_it_can(
    pipeline: Pipeline, inbox: Path, order: tuple[int, ...]
) -> None:
    put(inbox / "2026-11-01", {"sub/stays.md": "y", "sub/goes.md": "x", "sub/more/goes.md": "x", "a.md": "x"})
    put(inbox / "2026-11-02", {f"sub/more/{CLOSED}": "", "sub/stays.md": "y", "sub/goes.md": "x", "a.md": "x"})
    put(inbox / "2026-11-03", {f"sub/{CLOSED}": "", "a.md": "x"})
    put(inbox / "2026-11-04", {"sub/stays.md": "y", "a.md": "x"})
    for number in order:
        pipeline.run(day(number), through="chunks")
    assert [pipeline.feed(number) for number in (2, 3)] == [{}, {}]
    assert pipeline.feed(4) == {"docs:sub/goes.md": "deleted", "docs:sub/more/goes.md": "deleted"}
    assert set(pipeline.current_texts()) == {"docs:sub/stays.md", "docs:a.md"}


def test_what_was_deleted_can_be_added_again(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "x", "b.md": "x"})
    put(inbox / "2026-11-02", {"b.md": "x"})
    put(inbox / "2026-11-03", {"a.md": "x", "b.md": "x"})
    pipeline.run(day(1), day(2), day(3), through="chunks")
    assert [pipeline.feed(number).get("docs:a.md") for number in (1, 2, 3)] == ["added", "deleted", "added"]
    assert pipeline.state("docs:a.md")["document_version"] == version(3)
    assert pipeline.current_texts()["docs:a.md"] == "x"


@pytest.mark.parametrize("order", [(1, 2, 4), (4, 2, 1), (2, 4, 1)])
def test_a_day_is_compared_with_the_observed_day_before_it_whenever_that_ran(
    pipeline: Pipeline, inbox: Path, order: tuple[int, ...]
) -> None:
    put(inbox / "2026-11-01", {"a.md": "one", "b.md": "x"})
    put(inbox / "2026-11-02", {"a.md": "two", "b.md": "x"})
    put(inbox / "2026-11-04", {"a.md": "one", "b.md": "x"})
    for number in order:
        pipeline.run(day(number), through="state")
    assert [pipeline.feed(number) for number in (2, 4)] == [{"docs:a.md": "edited"}] * 2


def test_running_a_day_concerns_it_and_the_next_observed_one(pipeline: Pipeline, inbox: Path) -> None:
    for number in (1, 3, 6):
        put(inbox / day(number).isoformat(), {"a.md": str(number)})
    pipeline.run(day(1), day(3), day(6), through="state")
    [source] = pipeline.settings.sources
    workspace = pipeline.workspace()
    assert days_to_derive(workspace, source, [day(1)]) == [day(1), day(3)]
    assert days_to_derive(workspace, source, [day(2)]) == [day(3)], "a day that could be observed late"
    assert days_to_derive(workspace, source, [day(6), day(1)]) == [day(1), day(3), day(6)]
    assert days_to_derive(workspace, source, [day(9)]) == []


def test_an_id_does_not_hold_the_day_and_two_sources_may_share_a_namespace(tmp_path: Path, encoder) -> None:
    sources = [
        SourceSettings(name="wiki", uri=f"{tmp_path}/wiki/{{day}}", namespace="kb"),
        SourceSettings(name="archive", uri=f"{tmp_path}/archive/{{day}}", namespace="kb"),
        SourceSettings(name="own", uri=f"{tmp_path}/own/{{day}}"),
    ]
    pipeline = Pipeline.at(tmp_path / "home", *sources)
    put(tmp_path / "archive/2026-11-01", {"a.md": "from the archive", "b.md": "x"})
    put(tmp_path / "wiki/2026-11-02", {"a.md": "from the wiki"})
    put(tmp_path / "own/2026-11-02", {"a.md": "own"})
    pipeline.run(day(2), day(1), through="chunks")
    assert pipeline.current_texts() == {"kb:a.md": "from the wiki", "kb:b.md": "x", "own:a.md": "own"}
