"""Renamed and moved files: told as such, one for one, and neither parsed nor embedded again."""

from pathlib import Path

import pytest
from document_histories import rules_of
from document_runs import CLOSED, HashingEncoder, Pipeline, day, put, version

from assay.documents.bronze import FEED
from assay.documents.gold import CHUNKS
from assay.documents.state import STATE
from assay.settings import PathRule, SourceSettings

GUIDE = "# Guide\n\nHow a stage is built.\n\n## Tools\n\nA hammer and a saw."
TENANTS = (
    PathRule(pattern="acme/**", tenant="acme", allowed_principals=("tenant:acme",)),
    PathRule(pattern="zeta/**", tenant="zeta", allowed_principals=("tenant:zeta",)),
)


def places(pipeline: Pipeline, number: int) -> dict[str, tuple[str, str | None]]:
    """Document id -> change and the other id of a move, of the nth."""
    rows = pipeline.read(FEED, day=day(number))
    return {row["document_id"]: (row["change"], row["moved_from"] or row["moved_to"]) for row in rows}


def test_a_moved_file_costs_neither_a_parser_nor_the_model(
    pipeline: Pipeline, inbox: Path, encoder: HashingEncoder
) -> None:
    put(inbox / "2026-11-01", {"drafts/guide.md": GUIDE, "b.md": "# Other\n\nText."})
    put(inbox / "2026-11-02", {"published/guide.md": GUIDE, "b.md": "# Other\n\nText."})
    pipeline.run(day(1), through="index")
    texts = {row["text"] for row in pipeline.read(CHUNKS, document_id="docs:drafts/guide.md")}
    embedded = len(encoder.encoded)
    done = pipeline.run(day(2), through="index")
    assert places(pipeline, 2) == {
        "docs:drafts/guide.md": ("moved_away", "docs:published/guide.md"),
        "docs:published/guide.md": ("moved", "docs:drafts/guide.md"),
    }
    assert done.feeds[0].changes == {"moved": 1, "moved_away": 1}
    assert [(one.taken, one.emitted, one.parsed) for one in done.texts] == [(1, 1, 0)]
    assert (done.state.added, done.state.changed, done.state.moved, done.state.deleted) == (0, 0, 1, 0)
    assert done.state.by_day == {day(2): {"moved": 1}}
    assert done.index is not None
    assert (done.index.embedded, done.index.documents_replaced) == (0, 1)
    assert len(encoder.encoded) == embedded
    assert {row["text"] for row in pipeline.read(CHUNKS, document_id="docs:published/guide.md")} == texts
    assert pipeline.read(CHUNKS, document_id="docs:drafts/guide.md") == []
    assert pipeline.state("docs:drafts/guide.md")["is_deleted"]
    assert {rule.name for rule in rules_of(pipeline) if not rule.passed} == set()


def test_a_file_that_moves_into_another_tenants_folder_is_permitted_to_that_tenant(
    tmp_path: Path, inbox: Path, encoder: HashingEncoder
) -> None:
    source = SourceSettings(name="docs", uri=f"{inbox}/{{day}}", rules=TENANTS)
    pipeline = Pipeline.at(tmp_path / "home", source)
    put(inbox / "2026-11-01", {"acme/guide.md": GUIDE})
    put(inbox / "2026-11-02", {"zeta/guide.md": GUIDE})
    pipeline.run(day(1), day(2), through="chunks")
    moved, away = sorted(pipeline.read(FEED, day=day(2)), key=lambda row: row["op"], reverse=True)
    assert (moved["change"], moved["tenant"], moved["allowed_principals"]) == ("moved", "zeta", ["tenant:zeta"])
    assert (away["change"], away["tenant"], away["allowed_principals"]) == ("moved_away", "acme", ["tenant:acme"])
    assert {(row["document_id"], *row["allowed_principals"]) for row in pipeline.read(CHUNKS)} == {
        ("docs:zeta/guide.md", "tenant:zeta")
    }


def test_of_equal_files_each_moves_once_those_that_keep_their_name_first(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a/one.md": "x", "a/two.md": "x", "a/three.md": "x", "stays.md": "x"})
    put(inbox / "2026-11-02", {"b/alpha.md": "x", "b/two.md": "x", "stays.md": "x"})
    pipeline.run(day(1), day(2), through="state")
    assert places(pipeline, 2) == {
        "docs:a/one.md": ("moved_away", "docs:b/alpha.md"),
        "docs:a/two.md": ("moved_away", "docs:b/two.md"),
        "docs:a/three.md": ("deleted", None),
        "docs:b/alpha.md": ("moved", "docs:a/one.md"),
        "docs:b/two.md": ("moved", "docs:a/two.md"),
    }


def test_what_is_no_move(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"copied.md": "x", "empty.md": "", "edited.md": "old", "shut/a.md": "y", "bad.md": None})
    put(inbox / "2026-11-02", {"copied.md": "x", "copy.md": "x", "void.md": "", "edit.md": "new", "b.md": "y", f"shut/{CLOSED}": ""})  # fmt: skip
    pipeline.run(day(1), day(2), through="state")
    assert pipeline.feed(2) == {
        "docs:copy.md": "added",
        "docs:empty.md": "deleted",
        "docs:void.md": "added",
        "docs:edited.md": "deleted",
        "docs:edit.md": "added",
        "docs:b.md": "added",
        "docs:bad.md": "deleted",
    }


def test_arrivals_do_not_move(tmp_path: Path, inbox: Path, encoder: HashingEncoder) -> None:
    source = SourceSettings(name="mail", uri=f"{inbox}/{{day}}", mode="arrivals")
    pipeline = Pipeline.at(tmp_path / "home", source)
    put(inbox / "2026-11-01", {"a.md": "x"})
    put(inbox / "2026-11-02", {"b.md": "x"})
    pipeline.run(day(1), day(2), through="state")
    assert places(pipeline, 2) == {"mail:b.md": ("added", None)}


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (((1,), (2,), (3,)), [(2, 0, 0), (0, 1, 0), (0, 1, 0)]),
        (((1,), (2, 3)), [(2, 0, 0), (0, 1, 0)]),
        (((3,), (1,), (2,)), [(2, 0, 0), (0, 0, 0), (0, 0, 0)]),
    ],
)
def test_a_file_that_moves_on_is_told_from_where_it_stood_before_the_run(
    pipeline: Pipeline, inbox: Path, runs: tuple[tuple[int, ...], ...], expected: list[tuple[int, int, int]]
) -> None:
    for number, path in ((1, "a.md"), (2, "b.md"), (3, "c.md")):
        put(inbox / day(number).isoformat(), {path: GUIDE, "stays.md": "x"})
    done = [pipeline.run(*map(day, run), through="state") for run in runs]
    assert [(one.state.added, one.state.moved, one.state.deleted) for one in done] == expected
    assert places(pipeline, 3) == {"docs:b.md": ("moved_away", "docs:c.md"), "docs:c.md": ("moved", "docs:b.md")}
    assert {row["document_id"] for row in pipeline.read(STATE) if not row["is_deleted"]} == {
        "docs:c.md",
        "docs:stays.md",
    }


def test_a_move_of_long_ago_is_not_told_again(pipeline: Pipeline, inbox: Path) -> None:
    for number, path, text in ((1, "a.md", "one"), (2, "b.md", "one"), (3, "a.md", "two"), (4, "b.md", "three")):
        put(inbox / day(number).isoformat(), {path: text, "stays.md": "x"})
    told = []
    for number in range(1, 5):
        state = pipeline.run(day(number), through="state").state
        told.append((state.added, state.moved, state.deleted))
    assert told == [(2, 0, 0), (0, 1, 0), (1, 0, 1), (1, 0, 1)]
    assert pipeline.state("docs:a.md")["document_version"] == version(4)
