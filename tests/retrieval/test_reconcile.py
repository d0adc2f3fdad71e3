"""The index: a vector for every current chunk and for nothing else, each computed once."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from document_histories import (
    EVERYWHERE,
    Expected,
    History,
    Plan,
    assert_as_expected,
    histories,
    play,
    settled,
)
from document_runs import GARBLED, HashingEncoder, Pipeline, day, put, stand_ins, version
from hypothesis import given, settings
from scale import AT_CI, at_ci

from assay.documents.gold import CHUNKS
from assay.retrieval import ChunkIndex, reconcile
from assay.retrieval.configurations import configured_release
from assay.retrieval.index import STANDING_SCHEMA
from assay.retrieval.invariants import cache_rules, index_rules
from assay.retrieval.reconcile import open_index
from assay.rows import content_hash
from assay.settings import PathRule, SourceSettings

PARAGRAPH = "This sentence belongs to part {part} and says it {times} times, so that it fills a chunk of its own. "


def guide(edited: int | None = None) -> str:
    """A document of twenty parts, each a chunk of its own; one of them may be edited."""
    parts = (
        f"## Part {part}\n\n{'Edited. ' if part == edited else ''}" + PARAGRAPH.format(part=part, times=part) * 8
        for part in range(20)
    )
    return "# Guide\n\n" + "\n\n".join(parts) + "\n"


def assert_index_is_right(pipeline: Pipeline) -> None:
    """Every current chunk and nothing else, with all its columns and the vector of its own text."""
    workspace, embedder = pipeline.workspace(), pipeline.embedder()
    index = open_index(workspace, embedder)
    chunks = workspace.lake.read(CHUNKS, columns=STANDING_SCHEMA.names).select(STANDING_SCHEMA.names)
    assert content_hash(index.standing()) == content_hash(chunks)
    assert index.count_rows() == chunks.num_rows
    found = index.vectors(chunks["chunk_id"].to_pylist())
    texts = {row["chunk_id"]: row["context_text"] for row in pipeline.read(CHUNKS)}
    expected = HashingEncoder().encode([texts[one] for one in found["chunk_id"].to_pylist()]) if texts else []
    vectors = found["vector"].combine_chunks().flatten().to_numpy().reshape(-1, 384)
    np.testing.assert_allclose(vectors, np.reshape(expected, (-1, 384)), atol=1e-6)
    rules = (*index_rules(workspace, index), *cache_rules(index, embedder))
    assert [rule for rule in rules if not rule.passed] == []


@given(histories())
@settings(EVERYWHERE, max_examples=3 if AT_CI else 1)
def test_however_the_days_are_run_the_index_ends_as_the_chunks(drawn: tuple[History, Plan]) -> None:
    history, plan = drawn
    with TemporaryDirectory() as folder, stand_ins():
        pipeline = play(Path(folder) / "home", Path(folder) / "inbox", history, plan, through="index")
        assert_as_expected(pipeline, Expected(settled(history, plan), Path(folder) / "inbox"))
        assert_index_is_right(pipeline)
        before = pipeline.commits()
        pipeline.run(*map(day, sorted(history.days)), through="index", allow_mass_delete=history.allow_mass_delete)
        assert pipeline.commits() == before, "running everything again committed something"


@at_ci("several runs")
def test_a_late_day_takes_the_version_of_a_document_down_in_the_index_too(pipeline: Pipeline, inbox: Path) -> None:
    for folder, text in (("2026-11-01", "# A\n\nOne."), ("2026-11-03", "# A\n\nOne."), ("2026-11-04", "# A\n\nFour.")):
        put(inbox / folder, {"a.md": text, "b.md": "# B\n\nOne."})
    pipeline.run(day(3), through="index")
    assert pipeline.state("docs:b.md")["document_version"] == version(3)
    pipeline.run(day(4), through="index")
    late = pipeline.run(day(1), through="index").index
    assert late is not None
    assert (late.embedded, late.documents_replaced) == (0, 1)
    versions = {row["document_id"]: row["document_version"] for row in pipeline.read(CHUNKS)}
    assert versions == {"docs:a.md": version(4), "docs:b.md": version(1)}
    assert_index_is_right(pipeline)
    put(inbox / "2026-11-02", {"a.md": "# A\n\nOne.", "b.md": "# B\n\nTwo."})
    pipeline.run(day(2), through="index")  # newer than the redated version, older than the one it was redated from
    assert pipeline.current_texts() == {"docs:a.md": "# A\n\nFour.", "docs:b.md": "# B\n\nOne."}
    assert pipeline.state("docs:b.md")["document_version"] == version(3)
    assert_index_is_right(pipeline)


def test_an_edit_costs_its_changed_chunks_and_what_is_known_costs_nothing(
    pipeline: Pipeline, inbox: Path, encoder: HashingEncoder
) -> None:
    put(inbox / "2026-11-01", {"guide.md": guide()})
    first = pipeline.run(day(1), through="index").index
    assert first is not None
    assert first.embedded == first.chunks == first.inserted == len(encoder.encoded) >= 20

    put(inbox / "2026-11-02", {"guide.md": guide(edited=7)})
    edit = pipeline.run(day(2), through="index").index
    assert edit is not None
    assert edit.embedded <= 2, "more than the edited part was embedded"
    assert (edit.embedded + edit.reused, edit.chunks) == (first.chunks, first.chunks)
    assert sum("Edited." in text for text in encoder.encoded) == edit.embedded
    assert_index_is_right(pipeline)

    encoder.encoded.clear()
    put(inbox / "2026-11-03", {"moved/manual.md": guide(edited=7)})
    put(inbox / "2026-11-04", {"other.md": "No heading."})
    put(inbox / "2026-11-05", {"other.md": "No heading.", "guide.md": guide()})
    for number, documents in (
        (3, {"docs:moved/manual.md"}),
        (4, {"docs:other.md"}),
        (5, {"docs:other.md", "docs:guide.md"}),
    ):
        pipeline.run(day(number), through="index")
        assert set(pipeline.current_texts()) == documents
        assert_index_is_right(pipeline)
    assert encoder.encoded == ["No heading."], "a move, a deletion or a restoration cost an embedding"


def test_permissions_and_places_change_without_an_embedding(
    pipeline: Pipeline, inbox: Path, encoder: HashingEncoder
) -> None:
    for folder in ("2026-11-01", "2026-11-02"):
        put(inbox / folder, {"a.md": guide(), "b.md": "# B\n\nText."})
    pipeline.run(day(1), through="index")
    encoder.encoded.clear()
    narrowed = (PathRule(pattern="a.md", tenant="acme", allowed_principals=("team:acme",)),)
    report = Pipeline(pipeline.settings, {day(2): narrowed}).run(day(2), through="index").index
    assert report is not None
    assert (report.documents_replaced, report.embedded, report.inserted, report.deleted) == (1, 0, 0, 0)
    assert encoder.encoded == []
    assert_index_is_right(pipeline)


@at_ci("several runs")
def test_vectors_are_the_current_chunks_with_several_sources_too(tmp_path: Path, encoder: HashingEncoder) -> None:
    sources = [
        SourceSettings(name="wiki", uri=f"{tmp_path}/wiki/{{day}}", namespace="kb"),
        SourceSettings(name="archive", uri=f"{tmp_path}/archive/{{day}}", namespace="kb"),
        SourceSettings(name="mail", uri=f"{tmp_path}/mail/{{day}}", mode="arrivals"),
    ]
    pipeline = Pipeline.at(tmp_path / "home", *sources)
    put(tmp_path / "wiki/2026-11-01", {"a.md": "# A\n\nWiki.", "b.md": "# B\n\nWiki."})
    put(tmp_path / "archive/2026-11-01", {"a.md": "# A\n\nArchive.", "old.md": "# Old\n\nArchive."})
    put(tmp_path / "mail/2026-11-01", {"a.md": "# A\n\nWiki."})
    pipeline.run(day(1), through="index")
    assert len(encoder.encoded) == 3, "of one id the later source counts, and the mail's text is the wiki's"
    assert_index_is_right(pipeline)
    put(tmp_path / "wiki/2026-11-02", {"a.md": "# A\n\nWiki, edited.", "old.md": "# Old\n\nWiki."})
    put(tmp_path / "archive/2026-11-02", {"a.md": "# A\n\nArchive."})
    put(tmp_path / "mail/2026-11-02", {"b.md": GARBLED})
    pipeline.run(day(2), through="index")
    assert pipeline.current_texts() == {
        "kb:a.md": "# A\n\nWiki, edited.",
        "kb:old.md": "# Old\n\nWiki.",
        "mail:a.md": "# A\n\nWiki.",
    }
    assert_index_is_right(pipeline)


def test_a_run_that_died_half_way_is_completed_by_the_next(
    pipeline: Pipeline, inbox: Path, monkeypatch: pytest.MonkeyPatch, encoder: HashingEncoder
) -> None:
    put(inbox / "2026-11-01", {f"{n}.md": f"# Document {n}\n\nOne." for n in range(6)})
    put(inbox / "2026-11-02", {f"{n}.md": f"# Document {n}\n\nTwo." for n in range(1, 7)})
    pipeline.run(day(1), through="index")
    commits = 0
    replace = ChunkIndex.replace_documents

    def die_at_the_third(*arguments: object, **named: object) -> object:
        nonlocal commits
        commits += 1
        if commits == 3:
            raise KeyboardInterrupt
        return replace(*arguments, **named)

    monkeypatch.setattr(reconcile, "DOCUMENTS_PER_COMMIT", 2)
    with monkeypatch.context() as patch:
        patch.setattr(ChunkIndex, "replace_documents", die_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(day(2), through="index")
    index = open_index(pipeline.workspace(), pipeline.embedder())
    versions = index.standing()["document_version"].to_pylist()
    assert sorted(versions) == [version(1)] * 2 + [version(2)] * 4, "documents are replaced whole, one group a commit"
    encoded = len(encoder.encoded)
    report = pipeline.run(day(2), through="index").index
    assert report is not None
    assert len(encoder.encoded) == encoded, "what the dead run had embedded was embedded again"
    assert_index_is_right(pipeline)


def test_an_index_that_was_tampered_with_is_brought_back(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "# A\n\nOne.", "b.md": "# B\n\nOne.", "c.md": "# C\n\nOne."})
    pipeline.run(day(1), through="index")
    index = open_index(pipeline.workspace(), pipeline.embedder())
    index._table.delete("document_id = 'docs:a.md'")
    index._table.update(where="document_id = 'docs:b.md'", values={"allowed_principals": ["everybody"]})
    stray = index._table.search().where("document_id = 'docs:c.md'").to_arrow().to_pylist()
    index._table.add(
        pa.Table.from_pylist([{**stray[0], "chunk_id": "x" * 32, "document_id": "docs:gone.md"}], index._table.schema)
    )
    broken = {rule.name for rule in index_rules(pipeline.workspace(), index) if not rule.passed}
    assert "vectors_equal_current_chunks" in broken
    pipeline.run(day(1), through="index")
    assert_index_is_right(pipeline)


def test_another_chunker_gets_a_table_of_its_own(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "# A\n\nOne."})
    pipeline.run(day(1), through="index")
    other = Pipeline(pipeline.settings.model_copy(update={"chunk_size_tokens": 64}))
    other.run(day(1), through="index")
    tables = {configured_release(one.settings).table for one in (pipeline, other)}
    assert len(tables) == 2
    assert {path.stem for path in pipeline.settings.vectors_path.glob("*.lance")} == tables
