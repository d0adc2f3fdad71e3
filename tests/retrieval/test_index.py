import dataclasses
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from retrieval_rows import DIMENSION, TABLE, Chunk, contents, open_index, put, rows_of
from scale import AT_CI

from assay.errors import DiskFull, ModelError, NotReady, StorageError
from assay.retrieval import ChunkIndex, engine, table_name
from assay.retrieval.differences import delete_condition
from assay.retrieval.index import STANDING_SCHEMA
from assay.schema import table_of
from assay.tables import ChunkRow

EXAMPLES = 60 if AT_CI else 12
DOCUMENTS = (
    "plain",
    "it's",
    "' OR '1'='1",
    "back\\slash",
    "\\') OR true --",
    "it''s",
    'dou"ble',
    "nul\0inside",
    "é 😀",
)


def version_of(document: str, version: int, texts: str) -> list[Chunk]:
    return [Chunk(document, text, version, ordinal) for ordinal, text in enumerate(texts)]


def test_replacing_a_document_is_one_commit_and_says_what_it_did(tmp_path):
    index = open_index(tmp_path, version_of("x", 1, "abc") + version_of("y", 1, "a"))
    before = index.version

    commit = put(index, version_of("x", 2, "abd"))

    assert (commit.version, commit.inserted, commit.updated, commit.deleted, commit.changed) == (
        before + 1,
        1,
        2,
        1,
        True,
    )
    expected = {chunk.chunk_id: ("x", 2, ("public",)) for chunk in version_of("x", 2, "abd")}
    assert contents(index) == expected | {Chunk("y", "a").chunk_id: ("y", 1, ("public",))}


def test_a_reader_sees_the_old_chunks_or_the_new_ones_never_both_or_none(tmp_path):
    index = open_index(tmp_path, [Chunk("x", f"1 {part}", 1, part) for part in range(4)])
    reader = engine.open_table(tmp_path / "vectors", TABLE)
    done = threading.Event()
    seen: list[list[int]] = []

    def read():
        while not done.is_set():
            seen.append(reader.search().select(["document_version"]).to_arrow()["document_version"].to_pylist())

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for version in range(2, 25):
            put(index, [Chunk("x", f"{version} {part}", version, part) for part in range(4)])
        done.set()
        reading.result()

    assert all(len(versions) == 4 and len(set(versions)) == 1 for versions in seen)
    assert len({versions[0] for versions in seen}) > 3


def test_an_older_version_that_comes_late_changes_nothing(tmp_path):
    index = open_index(tmp_path, version_of("x", 5, "abc"))
    before, version = contents(index), index.version

    commit = put(index, version_of("x", 4, "bde"))
    deletion = index.replace_documents(rows_of([]), ["x"], version_bound=4)

    assert not commit.changed
    assert not deletion.changed
    assert commit.stale == deletion.stale == ("x",)
    assert (contents(index), index.version) == (before, version)


def test_a_stale_document_does_not_hold_up_the_others_of_its_batch(tmp_path):
    index = open_index(tmp_path, version_of("x", 5, "a") + version_of("y", 1, "a"))

    commit = put(index, version_of("x", 4, "b") + version_of("y", 2, "b"))

    assert commit.stale == ("x",)
    assert contents(index) == {
        Chunk("x", "a").chunk_id: ("x", 5, ("public",)),
        Chunk("y", "b").chunk_id: ("y", 2, ("public",)),
    }


def test_an_equal_version_lands_with_narrowed_permissions_and_other_chunks(tmp_path):
    index = open_index(tmp_path, version_of("x", 1, "ab"))
    narrowed = [dataclasses.replace(chunk, principals=("group:hr",)) for chunk in version_of("x", 1, "ac")]

    commit = put(index, narrowed)

    assert (commit.inserted, commit.updated, commit.deleted) == (1, 1, 1)
    assert {value[2] for value in contents(index).values()} == {("group:hr",)}
    assert set(contents(index)) == {chunk.chunk_id for chunk in narrowed}


def test_a_batch_in_which_nothing_differs_is_not_written(tmp_path):
    chunks = version_of("x", 1, "abc") + version_of("y", 7, "a")
    index = open_index(tmp_path, chunks)
    version = index.version

    again = put(index, chunks[::-1])
    nothing = index.replace_documents(rows_of([]), [], version_bound=9)
    absent = index.replace_documents(rows_of([]), ["never seen"], version_bound=9)

    assert [commit.changed for commit in (again, nothing, absent)] == [False] * 3
    assert index.version == version


def test_only_documents_that_differ_are_rewritten(tmp_path):
    index = open_index(tmp_path, version_of("x", 1, "abc") + version_of("y", 1, "abc"))

    commit = put(index, version_of("x", 1, "abc") + version_of("y", 2, "abc"))

    assert (commit.inserted, commit.updated, commit.deleted) == (0, 3, 0)


def test_a_chunk_that_comes_twice_is_written_once(tmp_path):
    index = open_index(tmp_path)

    commit = put(index, [Chunk("x", "a", title="first"), Chunk("x", "a", title="last")])

    assert commit.inserted == 1
    assert index.standing()["title"].to_pylist() == ["last"]


def test_the_delete_condition_spares_what_is_newer_than_the_batch(tmp_path):
    chunks = [Chunk(document, "a", version, version) for document in DOCUMENTS for version in (1, 2, 3, 4)]
    table = engine.connect(tmp_path).create_table(TABLE, rows_of(chunks))
    bounds = {document: 1 + place % 3 for place, document in enumerate(DOCUMENTS)}

    condition = delete_condition({document: (1, bound) for document, bound in bounds.items()})
    table.delete(condition)

    left = {(row["document_id"], row["document_version"]) for row in table.to_arrow().to_pylist()}
    newer = {(chunk.document, chunk.version) for chunk in chunks if chunk.version > bounds[chunk.document]}
    oldest = {(document, 1) for document in DOCUMENTS}
    assert newer <= left
    assert not oldest & left


batches = st.dictionaries(
    st.sampled_from(DOCUMENTS), st.tuples(st.integers(1, 4), st.text("abcd", max_size=3)), min_size=1, max_size=5
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(batches, min_size=1, max_size=5))
def test_any_order_of_writes_leaves_what_a_dictionary_would_hold(tmp_path_factory, operations):
    index = open_index(tmp_path_factory.mktemp("home"))
    standing: dict[str, list[Chunk]] = {}
    for batch in operations:
        chunks = {document: version_of(document, version, texts) for document, (version, texts) in batch.items()}
        rows = rows_of([chunk for several in chunks.values() for chunk in several])
        bounds = {document: version for document, (version, _) in batch.items()}
        commit = index.replace_documents(rows, list(batch), version_bound=bounds)

        stale = {
            document for document in batch if any(old.version > bounds[document] for old in standing.get(document, []))
        }
        assert set(commit.stale) == stale
        standing |= {document: several for document, several in chunks.items() if document not in stale}
        expected = {c.chunk_id: (c.document, c.version, c.principals) for several in standing.values() for c in several}
        assert contents(index) == expected
        assert index.count_rows() == len(expected)


def test_two_thousand_documents_of_as_many_versions_are_replaced_in_one_commit(tmp_path):
    count = 2000
    index = open_index(tmp_path, [Chunk(f"d{at}", "old", at + 1) for at in range(count)])
    before = index.version

    commit = put(index, [Chunk(f"d{at}", "new", at + 1) for at in range(count)])

    assert (commit.version, commit.inserted, commit.deleted) == (before + 1, count, count)


def test_concurrent_upserts_of_the_same_new_chunks_never_duplicate_them(tmp_path):
    indexes = [open_index(tmp_path), open_index(tmp_path)]
    for round_ in range(6):
        chunks = [Chunk(f"d{round_}", f"{round_} {part}", 1, part) for part in range(20)]
        together = threading.Barrier(2)

        def write(index, chunks=chunks, together=together):
            together.wait()
            try:
                put(index, chunks)
            except StorageError:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            assert any(pool.map(write, indexes))
        ids = indexes[0].standing()["chunk_id"].to_pylist()
        assert len(ids) == len(set(ids)) == 20 * (round_ + 1)


def test_redate_lowers_a_version_so_that_the_next_one_lands(tmp_path):
    index = open_index(tmp_path, version_of("it's", 5, "ab") + version_of("y", 5, "a"))
    assert put(index, version_of("it's", 3, "c")).stale == ("it's",)

    commit = index.redate({"it's": 2, "y": 5, "absent": 1})

    assert (commit.changed, commit.updated) == (True, 2)
    assert {value[:2] for value in contents(index).values()} == {("it's", 2), ("y", 5)}
    assert index.redate({"it's": 2, "y": 5}) == dataclasses.replace(commit, updated=0, changed=False)
    assert put(index, version_of("it's", 3, "c")).changed
    assert put(index, version_of("it's", 1, "d")).stale == ("it's",)


def test_standing_has_the_types_of_the_gold_table_without_texts(tmp_path):
    index = open_index(tmp_path, version_of("x", 1, "ab"))
    gold = table_of(ChunkRow).schema

    standing = index.standing()

    assert standing.schema == STANDING_SCHEMA
    assert [gold.field(name) for name in standing.schema.names] == list(standing.schema)
    assert set(gold.names) - set(standing.schema.names) == {"text", "context_text"}


def test_rows_of_the_gold_table_with_a_vector_are_taken_as_they_are(tmp_path):
    index = open_index(tmp_path)
    rows = rows_of([Chunk("x", "a")])
    gold = rows.drop_columns(["vector"]).cast(table_of(ChunkRow).schema).append_column("vector", rows["vector"])

    assert index.replace_documents(gold, ["x"], version_bound=1).inserted == 1


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_vectors_that_cannot_be_compared_are_refused(tmp_path, value):
    index = open_index(tmp_path)
    with pytest.raises(ModelError, match="Nothing was written"):
        put(index, [Chunk("x", "a", vector=(value,) * DIMENSION)])
    assert index.count_rows() == 0


def test_another_dimension_is_refused_when_opened_and_when_written(tmp_path):
    index = open_index(tmp_path)
    with pytest.raises(ModelError, match="holds vectors of 16 floats"):
        ChunkIndex.open(tmp_path / "vectors", TABLE, 8, create=True)
    with pytest.raises(ModelError, match="do not fit"):
        index.replace_documents(rows_of([Chunk("x", "a")], dimension=8), ["x"], version_bound=1)


def test_rows_that_contradict_the_call_are_refused(tmp_path):
    index = open_index(tmp_path)
    rows = rows_of([Chunk("x", "a", 2)])
    with pytest.raises(ValueError, match="not named"):
        index.replace_documents(rows, ["y"], version_bound=2)
    with pytest.raises(ValueError, match="different versions"):
        index.replace_documents(rows, ["x"], version_bound={"x": 3})
    with pytest.raises(ValueError, match="have different versions"):
        index.replace_documents(rows_of([Chunk("x", "a", 1), Chunk("x", "b", 2)]), ["x"], version_bound=2)


def test_an_index_that_was_never_built_is_not_ready(tmp_path):
    with pytest.raises(NotReady, match="assay ingest"):
        ChunkIndex.open(tmp_path, "absent", DIMENSION, create=False)


def test_a_table_left_without_its_key_by_a_crash_gets_it_when_opened(tmp_path):
    engine.connect(tmp_path / "vectors").create_table(TABLE, schema=rows_of([]).schema)

    open_index(tmp_path)

    schema: pa.Schema = engine.open_table(tmp_path / "vectors", TABLE).schema
    assert any(b"primary-key" in name for name in schema.field("chunk_id").metadata)


def test_a_table_belongs_to_one_model_and_one_chunker():
    names = {table_name(model, chunker) for model in ("m", "m2") for chunker in ("c", "c/ü")}
    assert len(names) == 4
    assert all(name.replace("-", "").isalnum() and name.isascii() for name in names)
    assert table_name("m", "c") == table_name("m", "c")


def test_a_write_that_fails_leaves_the_last_commit(tmp_path):
    index = open_index(tmp_path, version_of("x", 1, "ab"))
    before = contents(index)
    script = (
        "import resource, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from retrieval_rows import Chunk, open_index, put\n"
        "from assay.errors import StorageError\n"
        "index = open_index(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try: put(index, [Chunk('x', 'long ' * 2000 + str(part), 2, part) for part in range(20)])\n"
        "except StorageError as error: print(error)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    assert "The last commit stands" in done.stdout
    assert contents(index) == before


@pytest.mark.parametrize("said", ["lance error: LanceError(IO): No space left on device (os error 28), src/local.rs"])
def test_a_full_disk_is_named_as_such(said):
    with pytest.raises(DiskFull, match="Free space"), engine.storage_errors("writing"):
        raise RuntimeError(said)
