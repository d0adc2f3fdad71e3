import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from retrieval_rows import TABLE, Chunk, contents, open_index, put

from assay.errors import StorageError
from assay.retrieval import engine, maintenance

NOW = timedelta(0)


def versions_of(home):
    return {entry["version"] for entry in engine.open_table(home / "vectors", TABLE).list_versions()}


def test_a_small_change_to_a_fresh_index_needs_no_maintenance(tmp_path):
    index = open_index(tmp_path, [Chunk(f"d{at}", f"text {at}") for at in range(100)])
    assert index.maintain(()).optimized
    put(index, [Chunk(f"d{at}", "edited", 2) for at in range(10)])
    version = index.version

    report = index.maintain(())

    assert (report.optimized, report.unindexed_rows, report.version) == (False, 10, version)


def test_more_than_a_tenth_unindexed_is_indexed(tmp_path):
    index = open_index(tmp_path, [Chunk(f"d{at}", f"text {at}") for at in range(100)])
    index.maintain(())
    put(index, [Chunk(f"d{at}", "edited", 2) for at in range(11)])

    report = index.maintain(())

    assert (report.optimized, report.unindexed_rows_before, report.unindexed_rows) == (True, 11, 0)


def test_twenty_fragments_are_compacted_and_nothing_is_lost(tmp_path):
    index = open_index(tmp_path, [Chunk(f"d{at}", f"text {at}") for at in range(400)])
    index.maintain(())
    for at in range(maintenance.MAX_FRAGMENTS - 1):
        put(index, [Chunk(f"d{at}", "edited", 2)])
    before = contents(index)

    report = index.maintain(())

    assert (report.optimized, report.fragments_before) == (True, 20)
    assert report.fragments <= 2  # what an index covers and what it does not yet are not merged at once
    assert contents(index) == before


def test_old_versions_go_but_never_one_that_a_release_names(tmp_path):
    index = open_index(tmp_path, [Chunk("x", "first", 1)])
    named = index.version
    for version in range(2, 6):
        put(index, [Chunk("x", f"text {version}", version)])

    recent = index.maintain((named,))
    assert recent.versions_removed == 0
    time.sleep(0.01)
    report = index.maintain((named,), keep_for=NOW)

    assert report.versions_removed > 0
    assert versions_of(tmp_path) == {named, index.version}
    reader = engine.open_table(tmp_path / "vectors", TABLE, named)
    assert reader.search().to_arrow()["text"].to_pylist() == ["first"]
    assert index.standing()["document_version"].to_pylist() == [5]


def test_maintenance_beside_a_writer_loses_nothing(tmp_path):
    writer, owner = open_index(tmp_path), open_index(tmp_path)

    def write():
        for version in range(1, 40):
            put(writer, [Chunk("x", f"text {version}", version), Chunk(f"d{version}", "kept", 1)])

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done():
            owner.maintain(())
        writing.result()

    assert owner.maintain(()).fragments < maintenance.MAX_FRAGMENTS
    standing = owner.standing().to_pylist()
    assert sorted(row["document_id"] for row in standing) == sorted(["x", *(f"d{version}" for version in range(1, 40))])
    assert [row["document_version"] for row in standing if row["document_id"] == "x"] == [39]


def test_the_vector_index_comes_with_size_and_keeps_exact_scores(tmp_path, monkeypatch):
    monkeypatch.setattr(maintenance, "VECTOR_INDEX_ROWS", 600)
    index = open_index(tmp_path, [Chunk(f"d{at}", f"text {at}") for at in range(599)], dimension=64)
    assert index.ensure_indexes() == ()
    put(index, [Chunk("last", "text")])

    assert index.ensure_indexes() == ("vector",)
    assert index.ensure_indexes() == ()
    (vector_index,) = [found for found in index._table.list_indices() if found.columns == ["vector"]]
    assert vector_index.index_type == "IvfRq"


@pytest.mark.parametrize("said", ["Commit conflict for version 7: There was a concurrent commit"])
def test_a_lost_race_is_told_from_other_errors(said):
    assert engine.is_lost_race(RuntimeError(said))
    assert not engine.is_lost_race(RuntimeError("Not found: x.lance"))
    assert not engine.is_lost_race(KeyError(said))


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("lance error: Not found: vectors/a.lance/data/0.lance", True),
        ("Table 'a' was not found", True),
        ("Version 5 no longer exists. Was it cleaned up?", True),
        ("position is not found but required for phrase queries", False),
    ],
)
def test_what_is_gone_is_told_from_a_query_that_fails(said, gone):
    with pytest.raises(StorageError) as raised, engine.storage_errors("searching"):
        raise RuntimeError(said)
    assert isinstance(raised.value, engine.GoneError) == gone
