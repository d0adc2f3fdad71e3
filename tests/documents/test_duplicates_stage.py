"""Duplicates in the incremental path: hidden behind the canonical document, back when it goes, shown to nobody else."""

from pathlib import Path
from typing import Any

import pytest
from document_histories import rules_of
from document_runs import Pipeline, day, put
from scale import at_ci

from assay.documents.duplicates import COMPARED, DUPLICATES, SIGNATURES, reconcile
from assay.documents.gold import CHUNKS, chunk_current
from assay.retrieval import Searcher
from assay.settings import PathRule, SourceSettings
from assay.warehouse import engine

GUIDE = "# Guide\n\n" + " ".join(f"Step {number} turns the valve of pump {number * 7}." for number in range(40)) + "\n"
EDITED = GUIDE.replace("pump 70.", "the pump.")
OTHER = "# Other\n\n" + " ".join(f"Room {number} is cleaned by team {number * 3}." for number in range(40)) + "\n"


def hidden(pipeline: Pipeline) -> dict[str, tuple[str, str]]:
    return {row["document_id"]: (row["canonical_id"], row["kind"]) for row in pipeline.read(DUPLICATES)}


def chunked(pipeline: Pipeline) -> set[str]:
    return {row["document_id"] for row in pipeline.read(CHUNKS)}


def broken(pipeline: Pipeline) -> set[str]:
    return {rule.name for rule in rules_of(pipeline) if not rule.passed}


def test_duplicates_are_hidden_and_come_back_when_their_canonical_document_goes(
    pipeline: Pipeline, inbox: Path
) -> None:
    put(inbox / "2026-11-01", {"a.md": GUIDE, "b.md": GUIDE, "c.md": EDITED, "d.md": OTHER})
    put(inbox / "2026-11-02", {"b.md": GUIDE, "c.md": EDITED, "d.md": OTHER})
    put(inbox / "2026-11-03", {"b.md": OTHER, "c.md": EDITED, "d.md": OTHER})
    put(inbox / "2026-11-04", {"a.md": EDITED, "b.md": OTHER, "c.md": EDITED, "d.md": OTHER})
    seen: dict[int, Any] = {}
    for number in (1, 2, 3, 4):
        done = pipeline.run(day(number))
        assert done.gate
        assert done.gate.passed
        assert done.chunks
        assert done.chunks.current == done.chunks.duplicates + done.chunks.kept + done.chunks.chunked
        assert broken(pipeline) == set()
        found = {hit.document_id for hit in Searcher.open(pipeline.settings).search("valve of the pump", k=9)}
        seen[number] = hidden(pipeline), found & {"docs:a.md", "docs:b.md", "docs:c.md"}
    assert seen[1] == ({"docs:b.md": ("docs:a.md", "exact"), "docs:c.md": ("docs:a.md", "near")}, {"docs:a.md"})
    assert seen[2] == ({"docs:c.md": ("docs:b.md", "near")}, {"docs:b.md"})  # deleted
    assert seen[3][0] == {"docs:d.md": ("docs:b.md", "exact")}  # edited away
    assert "docs:c.md" in seen[3][1]
    assert seen[4][0] == {
        "docs:c.md": ("docs:a.md", "exact"),
        "docs:d.md": ("docs:b.md", "exact"),
    }  # one before it came


@at_ci("the days twice over")
def test_the_outcome_does_not_depend_on_the_order_or_number_of_runs(
    pipeline: Pipeline, inbox: Path, tmp_path: Path
) -> None:
    gone = {
        "e.md": "# Gone\n\nA page of one day, whose signature goes with it.",
        "f.md": GUIDE.replace("pump 7.", "it."),
    }
    put(inbox / "2026-11-01", {"b.md": GUIDE, "c.md": EDITED, **gone})
    put(inbox / "2026-11-02", {"a.md": EDITED, "b.md": GUIDE, "c.md": EDITED})
    put(inbox / "2026-11-03", {"a.md": EDITED, "b.md": OTHER, "c.md": GUIDE, "d.md": OTHER})
    for number in (1, 2, 3):
        pipeline.run(day(number), through="chunks")
    before = pipeline.commits()
    pipeline.run(day(2), through="chunks")
    pipeline.run(day(1), day(3), through="chunks")
    assert pipeline.commits() == before, "running again committed something"
    other = Pipeline.at(tmp_path / "other", *pipeline.settings.sources)
    for numbers in ((3,), (1, 2)):
        other.run(*map(day, numbers), through="chunks")
    for table in (DUPLICATES, SIGNATURES, COMPARED, CHUNKS):
        assert other.read(table) == pipeline.read(table), table.name
    assert hidden(pipeline) == {"docs:c.md": ("docs:a.md", "near"), "docs:d.md": ("docs:b.md", "exact")}


def test_a_text_is_signed_once_and_two_texts_are_compared_once(
    pipeline: Pipeline, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: list[str] = []
    shingles = reconcile.shingles
    monkeypatch.setattr(reconcile, "shingles", lambda text: cut.append(text) or shingles(text))
    put(inbox / "2026-11-01", {"a.md": GUIDE, "b.md": GUIDE, "d.md": OTHER})
    put(inbox / "2026-11-02", {"a.md": GUIDE, "b.md": GUIDE, "c.md": EDITED, "d.md": OTHER})
    put(inbox / "2026-11-03", {"a.md": GUIDE, "b.md": GUIDE, "c.md": EDITED, "d.md": OTHER, "e.md": EDITED})
    reports = [pipeline.run(day(number), through="chunks").duplicates for number in (1, 2, 3, 2)]
    assert [(one.signed, one.compared) for one in reports if one] == [(2, 0), (1, 1), (0, 0), (0, 0)]
    assert sorted(cut) == sorted([GUIDE, OTHER, EDITED, GUIDE, EDITED]), "each signed once, one pair compared once"


def test_a_duplicate_is_hidden_only_from_those_who_find_its_canonical_document(
    tmp_path: Path, inbox: Path, encoder: object
) -> None:
    files = {
        "a.md": GUIDE,
        "b.md": GUIDE,
        "tenants/acme/c.md": GUIDE,
        "staff/d.md": GUIDE,
        "7.4/e.md": GUIDE,
        "7.5/e.md": GUIDE,
    }
    for number in (1, 2):
        put(inbox / f"2026-11-0{number}", files)
    put(inbox / "other" / "2026-11-01", {"a.md": GUIDE})
    rules = (
        PathRule(pattern="tenants/acme/**", tenant="acme"),
        PathRule(pattern="staff/**", allowed_principals=("staff",)),
    )
    pipeline = Pipeline.at(
        tmp_path / "home",
        SourceSettings(name="docs", uri=f"{inbox}/{{day}}", rules=rules),
        SourceSettings(name="other", uri=f"{inbox}/other/{{day}}"),
    )
    pipeline.run(day(1))
    assert hidden(pipeline) == {"docs:b.md": ("docs:a.md", "exact")}
    assert broken(pipeline) == set()

    # The canonical document is narrowed: whoever may not find it any more finds the other again.
    narrowed = (PathRule(pattern="a.md", allowed_principals=("staff",)), *rules)
    Pipeline(pipeline.settings, {day(2): narrowed}).run(day(2))
    assert hidden(pipeline) == {"docs:staff/d.md": ("docs:a.md", "exact")}
    hits = Searcher.open(pipeline.settings).search("turns the valve", k=20, principals=("public",))
    places = {place.document_id for hit in hits for place in hit.places}
    assert "docs:b.md" in places
    assert not places & {"docs:a.md", "docs:staff/d.md"}


@at_ci("a run for every setting")
def test_settings_say_what_a_duplicate_is(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": GUIDE, "b.md": GUIDE, "c.md": EDITED, "d.md": "-5", "e.md": "5"})
    near, exact = {"docs:c.md": ("docs:a.md", "near")}, {"docs:b.md": ("docs:a.md", "exact")}
    source = pipeline.settings.sources[0].model_copy(update={"duplicate_scope": "[bc]"})
    for change, expected in (
        ({}, exact | near),
        ({"duplicate_threshold": 0.99}, exact),
        ({"duplicates": "exact"}, exact),
        ({"duplicates": "off"}, {}),
        ({"sources": (source,)}, {}),
    ):
        changed = Pipeline(pipeline.settings.model_copy(update=change))
        changed.run(day(1), through="chunks")
        assert hidden(changed) == expected, change
        assert chunked(changed) == {f"docs:{name}.md" for name in "abcde"} - expected.keys()
        assert broken(changed) == set()


def test_duplicates_of_another_state_hide_nothing(pipeline: Pipeline, inbox: Path) -> None:
    """A run beside this one has deleted the canonical document, and not looked for duplicates yet."""
    put(inbox / "2026-11-01", {"a.md": GUIDE, "b.md": GUIDE})
    put(inbox / "2026-11-02", {"b.md": GUIDE})
    pipeline.run(day(1), through="chunks")
    stale = pipeline.read(DUPLICATES)
    pipeline.run(day(2), through="state")
    assert pipeline.read(DUPLICATES) == stale
    with engine() as connection:
        chunk_current(pipeline.workspace(), connection, day(2))
    assert chunked(pipeline) == {"docs:b.md"}
    assert broken(pipeline) == set()


def test_whatever_was_tampered_with_breaks_a_rule(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": GUIDE, "b.md": GUIDE, "c.md": EDITED})
    pipeline.run(day(1), through="chunks")
    assert broken(pipeline) == set()
    lake, [exact, near] = pipeline.workspace().lake, pipeline.read(DUPLICATES)
    for rows, rules in (
        ([exact], {"duplicates_follow_from_state"}),
        ([exact, {**near, "jaccard": 0.95}], {"duplicates_follow_from_state"}),
        ([exact, {**near, "canonical_id": "docs:b.md"}],
         {"duplicates_follow_from_state", "canonicals_are_found_by_the_same"}),
        ([exact, {**near, "canonical_text_hash": near["text_hash"]}],
         {"duplicates_follow_from_state", "canonicals_are_found_by_the_same"}),
    ):  # fmt: skip
        lake.replace_rows(DUPLICATES, DUPLICATES.empty().from_pylist(rows, DUPLICATES.schema), column="document_id", values=["docs:b.md", "docs:c.md"])  # fmt: skip
        assert broken(pipeline) == rules
    right = DUPLICATES.empty().from_pylist([exact, near], DUPLICATES.schema)
    lake.replace_rows(DUPLICATES, right, column="document_id", values=["docs:b.md", "docs:c.md"])
    assert broken(pipeline) == set()
    [chunk, *_] = pipeline.read(CHUNKS)
    strays = CHUNKS.empty().from_pylist([{**chunk, "chunk_id": "stray", "document_id": "docs:b.md"}], CHUNKS.schema)
    lake.replace_rows(CHUNKS, strays, column="chunk_id", values=["stray"])
    assert broken(pipeline) == {"duplicates_are_not_chunked"}
    lake.replace_rows(CHUNKS, CHUNKS.empty(), column="document_id", values=["docs:a.md", "docs:b.md"])
    assert broken(pipeline) == {"current_documents_are_chunked"}
