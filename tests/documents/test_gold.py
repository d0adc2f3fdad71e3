"""Gold chunks: those of every current document and nothing else, each an exact slice, each as long as the model reads."""

from dataclasses import replace
from pathlib import Path

import pytest
from document_runs import PNG, HashingEncoder, Pipeline, day, put, stand_ins, version
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.built_from import remember
from assay.documents import chunk_rows
from assay.documents.bronze import land_manifest, write_feed
from assay.documents.chunk_rows import CHUNKS, configured_chunker, context_text
from assay.documents.gold import chunk_current
from assay.documents.invariants import chunk_rules
from assay.documents.silver import DOCUMENTS, parse_day
from assay.documents.state import STATE
from assay.embeddings import BUNDLED_MODEL, default_tokenizer, resolve_model
from assay.errors import ModelError, StorageError
from assay.settings import PathRule, SourceSettings
from assay.warehouse import engine

# Each part longer than half a chunk, so that each is a chunk of its own.
GUIDE = (
    f"# Guide\n\nHello. {'It opens doors. ' * 30}\n\n## Doors\n\nThe blue door is open. {'It is blue. ' * 40}\n\n"
    f"### Locks\n\n{'A lock is a lock. ' * 30}Two of them.\n"
)


def test_a_chunk_says_where_it_stands_in_its_document(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"guide.md": GUIDE})
    done = pipeline.run(day(1), through="chunks")
    rows = sorted(pipeline.read(CHUNKS), key=lambda row: row["ordinal"])
    [text] = [row["text"] for row in pipeline.read(DOCUMENTS)]
    assert done.chunks is not None
    assert (done.chunks.current, done.chunks.chunked, done.chunks.chunks) == (1, 1, len(rows))
    assert [row["ordinal"] for row in rows] == list(range(len(rows)))
    assert all(text[row["start"] : row["end"]] == row["text"] for row in rows)
    locks = rows[-1]
    assert "Two of them." in locks["text"]
    assert locks["heading_path"] == ["Guide", "Doors", "Locks"]
    assert locks["context_text"] == f"Guide > Doors > Locks\n\n{locks['text']}"
    assert (locks["title"], locks["page"], locks["document_version"]) == ("Guide", 1, version(1))
    assert locks["token_count"] == default_tokenizer().count(locks["context_text"])


def test_only_what_changed_is_chunked_again(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": GUIDE, "b.md": "# B\n\nText.", "c.md": "# C\n\nText.", "d.md": "# D\n\nText."})
    put(inbox / "2026-11-02", {"a.md": GUIDE + "More.\n", "b.md": PNG, "d.md": "# D\n\nText."})
    pipeline.run(day(1), through="chunks")
    before = {row["document_id"]: row for row in pipeline.read(CHUNKS)}
    report = pipeline.run(day(2), through="chunks").chunks
    assert report is not None
    assert (report.current, report.kept, report.chunked, report.removed) == (3, 1, 2, 1)
    after = {row["document_id"]: row for row in pipeline.read(CHUNKS)}
    assert after["docs:d.md"] == before["docs:d.md"]
    assert after["docs:b.md"] == before["docs:b.md"] | {
        "document_version": version(2),
        "uri": before["docs:b.md"]["uri"].replace("2026-11-01", "2026-11-02"),
    }
    assert "docs:c.md" not in after
    again = pipeline.run(day(2), through="chunks").chunks
    assert again is not None
    assert (again.kept, again.chunked, again.removed, again.changed) == (3, 0, 0, False)


def test_a_day_that_another_run_has_parsed_again_is_chunked_as_its_state_has_it(tmp_path: Path, inbox: Path) -> None:
    """Not the text of the one under the hash of the other: the state would call those chunks right for good."""
    put(inbox / "2026-11-01", {"a.md": "# A\n\nOne.", "b.md": "# B\n\nOne."})
    source = SourceSettings(name="docs", uri=f"{inbox}/{{day}}")
    pipeline = Pipeline.at(tmp_path / "home", source)
    with stand_ins(), engine() as connection:
        pipeline.run(day(1), through="state")
        workspace = pipeline.workspace()
        put(inbox / "2026-11-01", {"a.md": "# A\n\nTwo."})
        (inbox / "2026-11-01" / "b.md").unlink()
        land_manifest(workspace, source, day(1))
        write_feed(workspace, connection, source, day(1))
        parse_day(workspace, source.name, day(1))

        chunk_current(workspace, connection, day(1))
        assert pipeline.current_texts() == {"docs:a.md": "# A\n\nOne.", "docs:b.md": "# B\n\nOne."}
        assert [rule.name for rule in chunk_rules(workspace, connection) if not rule.passed] == []

        pipeline.run(day(1), through="chunks")
        assert pipeline.current_texts() == {"docs:a.md": "# A\n\nTwo."}


def test_a_state_whose_texts_are_nowhere_is_not_chunked(tmp_path: Path, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "# A\n\nOne."})
    pipeline = Pipeline.at(tmp_path / "home", SourceSettings(name="docs", uri=f"{inbox}/{{day}}"))
    with stand_ins(), engine() as connection:
        pipeline.run(day(1), through="state")
        workspace = pipeline.workspace()
        workspace.lake.replace_partition(DOCUMENTS, DOCUMENTS.empty(), partitions={"day": day(1)})
        remember(workspace, STATE.name, {DOCUMENTS.name: workspace.lake.version(DOCUMENTS)})
        with pytest.raises(StorageError, match=r"1 documents .*`docs:a.md`.*chunks before stand.*`assay demo`"):
            chunk_current(workspace, connection, day(1))


def test_permissions_alone_reach_every_chunk(pipeline: Pipeline, inbox: Path) -> None:
    for folder in ("2026-11-01", "2026-11-02"):
        put(inbox / folder, {"a.md": GUIDE})
    narrowed = (PathRule(pattern="**", tenant="acme", allowed_principals=("team:acme",)),)
    pipeline.run(day(1), through="chunks")
    ids = {row["chunk_id"] for row in pipeline.read(CHUNKS)}
    Pipeline(pipeline.settings, {day(2): narrowed}).run(day(2), through="chunks")
    rows = pipeline.read(CHUNKS)
    assert {row["chunk_id"] for row in rows} == ids
    assert {(row["tenant"], *row["allowed_principals"]) for row in rows} == {("acme", "team:acme")}


def test_another_chunker_chunks_everything_again(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": GUIDE, "b.md": "# B\n\nText."})
    pipeline.run(day(1), through="chunks")
    before = {row["chunker"] for row in pipeline.read(CHUNKS)}
    smaller = Pipeline(pipeline.settings.model_copy(update={"chunk_strategy": "fixed", "chunk_size_tokens": 16}))
    report = smaller.run(day(1), through="chunks").chunks
    rows = pipeline.read(CHUNKS)
    assert report is not None
    assert report.chunked == 2
    assert not before & {row["chunker"] for row in rows}
    assert max(row["token_count"] for row in rows) <= 16


def test_rows_further_down_a_table_are_indexed_with_its_header(pipeline: Pipeline, inbox: Path) -> None:
    rows = "\n".join(f"| part {row} | {row} euro |" for row in range(120))
    put(inbox / "2026-11-01", {"a.md": f"# Prices\n\n| part | price |\n|------|-------|\n{rows}\n"})
    pipeline.run(day(1), through="chunks")
    first, *others = sorted(pipeline.read(CHUNKS), key=lambda row: row["ordinal"])
    assert len(others) > 2
    assert first["context_text"] == f"Prices\n\n{first['text']}"
    for row in others:
        assert row["context_text"] == f"Prices\n\n| part | price |\n|-|-|\n{row['text']}"


def test_an_edited_table_header_alone_gives_the_rows_below_it_other_ids(pipeline: Pipeline, inbox: Path) -> None:
    rows = "\n".join(f"| part {row} | {row} euro |" for row in range(120))
    for folder, name in (("2026-11-01", "price"), ("2026-11-02", "costs")):
        put(inbox / folder, {"a.md": f"| part | {name} |\n|---|---|\n{rows}\n"})
    pipeline.run(day(1), through="chunks")
    before = {row["chunk_id"]: row for row in pipeline.read(CHUNKS)}
    pipeline.run(day(2), through="chunks")
    after = {row["chunk_id"]: row for row in pipeline.read(CHUNKS)}
    assert not before.keys() & after.keys()
    assert sorted(row["start"] for row in before.values()) == sorted(row["start"] for row in after.values())
    assert all("costs" in row["context_text"] for row in after.values())


def test_semantic_embeds_each_sentence_once_and_an_edited_one_alone(
    pipeline: Pipeline, inbox: Path, encoder: HashingEncoder
) -> None:
    sentences = [f"Sentence {number} of {'harbours' if number < 20 else 'cakes'} says this." for number in range(40)]
    edited = [*sentences[:7], "Another sentence stands here.", *sentences[8:]]
    put(inbox / "2026-11-01", {"a.md": " ".join(sentences), "b.md": " ".join(sentences[10:])})
    put(inbox / "2026-11-02", {"a.md": " ".join(edited), "b.md": " ".join(sentences[10:])})
    semantic = Pipeline(pipeline.settings.model_copy(update={"chunk_strategy": "semantic"}))
    semantic.run(day(1), through="chunks")
    assert sorted(encoder.encoded) == sorted(sentences)
    semantic.run(day(2), through="chunks")
    semantic.run(day(2), through="chunks")
    assert encoder.encoded[len(sentences) :] == ["Another sentence stands here."]


def test_the_model_is_part_of_the_chunker_where_its_vectors_decide(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategies = [pipeline.settings.model_copy(update={"chunk_strategy": one}) for one in ("structure", "semantic")]
    structure, semantic = map(configured_chunker, strategies)
    other_weights = replace(resolve_model(BUNDLED_MODEL), fingerprint="0" * 64)
    monkeypatch.setattr("assay.embeddings.encoding.resolve_model", lambda *_: other_weights)
    assert configured_chunker(strategies[0]) == structure, "the tokenizer is the same"
    assert configured_chunker(strategies[1]) != semantic


def test_a_tampered_chunk_is_noticed_and_the_next_run_mends_it(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": GUIDE, "b.md": "# B\n\nText."})
    pipeline.run(day(1), through="chunks")
    workspace = pipeline.workspace()
    right = workspace.lake.content_hash(CHUNKS)
    stray = next(row for row in pipeline.read(CHUNKS) if row["ordinal"] == 1)
    wrong = [{**stray, "start": 1, "end": 1 + len(stray["text"]), "document_version": version(3)}]
    workspace.lake.replace_rows(CHUNKS, CHUNKS.empty().from_pylist(wrong, CHUNKS.schema), column="chunk_id", values=[stray["chunk_id"]])  # fmt: skip
    with engine() as connection:
        broken = {rule.name for rule in chunk_rules(workspace, connection) if not rule.passed}
        assert broken == {"chunks_are_exact_slices"}
    pipeline.run(day(1), through="chunks")
    assert workspace.lake.content_hash(CHUNKS) == right


def test_headings_longer_than_the_model_reads_are_left_out_from_the_outside(pipeline: Pipeline, inbox: Path) -> None:
    levels = [f"{'#' * level} {' '.join(f'heading{level}word{n}' for n in range(60))}" for level in range(1, 7)]
    body = " ".join(f"Sentence number {n} says something." for n in range(120))
    put(inbox / "2026-11-01", {"deep.md": "\n\n".join([*levels, body, "## Short\n\nEnd."])})
    pipeline.run(day(1), through="chunks")
    tokenizer, rows = default_tokenizer(), pipeline.read(CHUNKS)
    assert max(tokenizer.count(row["context_text"]) for row in rows) <= tokenizer.max_content_tokens
    assert all(row["context_text"].endswith(row["text"]) for row in rows)
    assert sum(row["token_count"] for row in rows if "Sentence" in row["text"]) > 600, "the body was cut away"


heading = st.text(st.characters(codec="utf-8"), min_size=1, max_size=400)


@given(
    st.lists(heading, max_size=8).map(tuple),
    st.text(min_size=1, max_size=300),
    st.sampled_from([None, "| a | b |\n|-|-|", f"| {'name ' * 60} |\n|-|"]),
)
@settings(deadline=None, max_examples=60)
def test_a_context_is_the_longest_that_the_model_reads_and_ends_with_its_text(
    path: tuple[str, ...], text: str, header: str | None
) -> None:
    tokenizer = default_tokenizer()
    headed = text if header is None else f"{header}\n{text}"
    forms = [f"{' > '.join(path[first:])}\n\n{headed}" for first in range(len(path))] + [headed]
    fitting = [form for form in forms if tokenizer.count(form) <= tokenizer.max_content_tokens]
    assert context_text(path, text, tokenizer, header) == next(iter(fitting), text)


def test_a_model_that_is_not_there_is_named_and_what_was_parsed_stands(tmp_path: Path, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": GUIDE})
    source = SourceSettings(name="docs", uri=f"{inbox}/{{day}}")
    with stand_ins():
        wrong = Pipeline.at(tmp_path / "home", source, embedding_model="nosuch")
        with pytest.raises(
            ModelError, match=r"'nosuch' is not in the Hugging Face cache.*nothing was embedded.*`.*`"
        ) as raised:
            wrong.run(day(1))
        assert raised.value.exit_code == 3
        assert [row["document_id"] for row in wrong.read(DOCUMENTS)] == ["docs:a.md"]
        right = Pipeline.at(tmp_path / "home", source).run(day(1), through="chunks")
    assert (right.texts[0].reused, right.chunks and right.chunks.chunked) == (1, 1)


def test_a_document_of_which_a_chunk_is_wrong_is_held_back_whole_and_its_chunks_before_stand(
    tmp_path: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "2026-11-01", {"a.md": "# A\n\nOne.", "b.md": "# B\n\nOne."})
    put(inbox / "2026-11-02", {"a.md": GUIDE, "b.md": "# B\n\nTwo."})
    pipeline = Pipeline.at(tmp_path / "home", SourceSettings(name="docs", uri=f"{inbox}/{{day}}"))
    with stand_ins():
        pipeline.run(day(1), through="chunks")
        pipeline.run(day(2), through="state")

    def cut_short(heading_path: tuple[str, ...], text: str, *_: object) -> str:
        return text[:-1] if "Two of them" in text else text

    with monkeypatch.context() as patch, engine() as connection:
        patch.setattr(chunk_rows, "context_text", cut_short)
        report = chunk_current(pipeline.workspace(), connection, day(2))
    assert (report.current, report.chunked, report.quarantined) == (2, 1, 1)
    assert pipeline.current_texts() == {"docs:a.md": "# A\n\nOne.", "docs:b.md": "# B\n\nTwo."}
    assert pipeline.quarantine(stage="gold") == {"docs:a.md": ("failed_expectation", "context_ends_with_text")}
    with engine() as connection:
        assert [rule.name for rule in chunk_rules(pipeline.workspace(), connection) if not rule.passed] == []

        chunk_current(pipeline.workspace(), connection, day(3))
        assert pipeline.quarantine(stage="gold") == {}, "what was mended on another day is still held back"
    assert "Two of them." in pipeline.current_texts()["docs:a.md"]
