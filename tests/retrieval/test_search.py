import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from retrieval_rows import DIMENSION, FINGERPRINT, Chunk, open_index, publish, put, searcher_of, vector_of

from assay.errors import ConfigurationError, ModelError, NotReady, StorageError
from assay.retrieval import Place, QueryModel, Searcher, engine, fusion, maintenance
from assay.settings import Settings

MODES = ("hybrid", "dense", "lexical")
WORDS = ("river", "kernel", "storage", "lantern", "window", "running", "copper", "violet")
CORPUS = [
    Chunk(f"doc-{at}", f"{WORDS[at % 8]} {WORDS[at // 8 % 8]} number{at}", ordinal=at % 3, tenant=f"t{at % 2}")
    for at in range(250)
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    index = open_index(folder, CORPUS[:150])
    index.maintain(())
    put(index, CORPUS[150:])  # 100 rows that no index covers
    publish(folder, index)
    return folder


def exact_cosines(query: str, chunks=CORPUS) -> dict[str, float]:
    question = vector_of(query).astype(np.float64)
    vectors = {chunk.chunk_id: vector_of(chunk.text).astype(np.float64) for chunk in chunks}
    return {name: float(v @ question / np.linalg.norm(v) / np.linalg.norm(question)) for name, v in vectors.items()}


def test_dense_scores_are_numpys_cosines(home):
    expected = exact_cosines("copper lantern")
    hits = searcher_of(home).search("copper lantern", k=25, mode="dense")

    best = sorted(expected, key=lambda chunk_id: (-expected[chunk_id], chunk_id))[:25]
    assert [hit.chunk_id for hit in hits] == best
    assert [hit.score for hit in hits] == pytest.approx([expected[chunk_id] for chunk_id in best], abs=1e-6)


def test_lexical_search_stems_drops_stop_words_and_finds_unindexed_rows(home):
    hits = searcher_of(home).search("the runs of it", k=300, mode="lexical")
    assert {hit.chunk_id for hit in hits} == {chunk.chunk_id for chunk in CORPUS if "running" in chunk.text}
    assert [hit.document_id for hit in searcher_of(home).search("number249", mode="lexical")] == ["doc-249"]
    assert searcher_of(home).search("the of", mode="lexical") == []


def test_hybrid_is_the_fusion_of_both_legs_with_exact_cosines(home):
    query = "lantern number17 number200"  # 63 chunks match: the lexical leg cuts no tie in two
    cosines = exact_cosines(query)
    dense = sorted(cosines, key=lambda chunk_id: -cosines[chunk_id])[: fusion.LEG_DEPTH]
    lexical = {hit.chunk_id: hit.score for hit in searcher_of(home).search(query, k=100, mode="lexical")}
    assert set(lexical) - set(dense), "no candidate is lexical only, so nothing would be measured here"
    union = set(dense) | set(lexical)
    expected = {
        name: 0.75 * (cosines[name] + 1) / (max(cosines[each] for each in union) + 1)
        + 0.25 * lexical.get(name, 0.0) / max(lexical.values())
        for name in union
    }

    best = sorted(expected, key=lambda name: (-expected[name], name))[: fusion.LEG_DEPTH]

    hits = searcher_of(home).search(query, k=fusion.LEG_DEPTH)

    assert {hit.chunk_id: hit.score for hit in hits} == pytest.approx({name: expected[name] for name in best}, abs=1e-6)
    assert [hit.chunk_id for hit in hits] == [
        name for name, _ in sorted(((hit.chunk_id, hit.score) for hit in hits), key=lambda pair: (-pair[1], pair[0]))
    ]
    assert all(hit.score_parts["cosine"] == pytest.approx(cosines[hit.chunk_id], abs=1e-6) for hit in hits)
    assert all(hit.score_parts["bm25"] == lexical.get(hit.chunk_id, 0.0) for hit in hits)


@pytest.mark.parametrize("mode", MODES)
def test_a_hit_says_where_its_text_stands(tmp_path, mode):
    chunk = Chunk("ns:a.md", "copper lantern", 1, 2, "acme", title="A", heading=("One", "Two"))
    publish(tmp_path, open_index(tmp_path, [chunk, Chunk("ns:b.md", "violet")]), "rel-7")

    hit = searcher_of(tmp_path).search("copper lantern", k=1, mode=mode)[0]

    assert (hit.text, hit.document_id, hit.chunk_id) == (chunk.text, "ns:a.md", chunk.chunk_id)
    assert (hit.uri, hit.title, hit.heading_path, hit.page) == ("file:///ns:a.md", "A", ("One", "Two"), 1)
    assert (hit.start, hit.end, hit.release, hit.tenant) == (200, 214, "rel-7", "acme")
    assert hit.places == (Place("ns:a.md", "file:///ns:a.md", 200, 214),)
    assert set(hit.score_parts) == {"hybrid": {"cosine", "bm25"}, "dense": {"cosine"}, "lexical": {"bm25"}}[mode]


@pytest.mark.parametrize("mode", MODES)
def test_filters_and_principals_are_applied_before_the_search(tmp_path, mode):
    secret = [Chunk(f"s{at}", f"copper {at}", principals=("group:hr",)) for at in range(150)]
    other = [Chunk(f"o{at}", f"lantern copper long text {at}", tenant="other") for at in range(5)]
    publish(tmp_path, open_index(tmp_path, [*secret, *other, Chunk("mine", "lantern copper with other words")]))
    searcher = searcher_of(tmp_path)

    assert {hit.document_id for hit in searcher.search("copper", k=10, mode=mode)} == {
        "mine",
        *(f"o{at}" for at in range(5)),
    }
    assert len(searcher.search("copper", k=10, mode=mode, filters={"tenant": "other"})) == 5
    assert [
        hit.document_id for hit in searcher.search("copper", mode=mode, filters={"document_id": ["mine", "s1"]})
    ] == ["mine"]
    assert len(searcher.search("copper", k=1000, mode=mode, principals=("group:hr", "x"))) == 150
    assert searcher.search("copper", mode=mode, principals=()) == []
    assert searcher.search("copper", mode=mode, principals=("' OR '1'='1",)) == []
    assert searcher.search("copper", mode=mode, filters={"tenant": "' OR '1'='1"}) == []


@pytest.mark.parametrize("mode", MODES)
def test_equal_texts_collapse_with_all_their_permitted_places_and_leave_k_hits(tmp_path, mode):
    copies = [Chunk(f"copy-{at:03}", "copper lantern", ordinal=at % 2) for at in range(260)]
    hidden = [Chunk("hidden", "copper lantern", principals=("group:hr",))]
    others = [Chunk(f"other-{at}", f"copper violet window {WORDS[at]}") for at in range(6)]
    publish(tmp_path, open_index(tmp_path, [*copies, *hidden, *others]))

    hits = searcher_of(tmp_path).search("copper lantern", k=7, mode=mode)

    assert len(hits) == len({hit.text for hit in hits}) == 7
    first = hits[0]
    assert {place.document_id for place in first.places} == {copy.document for copy in copies}
    assert first.places[0] == Place(first.document_id, first.uri, first.start, first.end)
    assert len(first.places) == len(set(first.places)) == 260


@pytest.mark.parametrize("mode", MODES)
def test_small_and_empty_indexes_answer_with_what_there_is(tmp_path, mode):
    index = open_index(tmp_path)
    publish(tmp_path, index)
    searcher = searcher_of(tmp_path)
    assert searcher.search("copper", mode=mode) == []

    put(index, [Chunk("a", "copper"), Chunk("b", "copper violet")])
    publish(tmp_path, index, "r2")
    assert len(searcher.search("copper", k=10**6, mode=mode)) == 2
    assert len(searcher.search("copper", k=1, mode=mode)) == 1


@pytest.mark.parametrize("mode", ["hybrid", "lexical"])
@pytest.mark.parametrize(
    "query",
    ['"', '"copper', "copper AND violet", "text:copper", "+copper -violet", "(copper", "copper)", "copper~2 cop*", '"copper violet"', "\\",
     "copper^9", "[copper TO violet]", "copper\0violet", "'", "😀 copper", "*", "{\"match\": 1}", "copper " * 3000],
)  # fmt: skip
def test_what_users_type_is_text_and_never_a_query_language(home, mode, query):
    found = {hit.document_id for hit in searcher_of(home).search(query, k=300, mode=mode)}
    if "copper" in query and mode == "lexical":
        assert {chunk.document for chunk in CORPUS if "copper" in chunk.text} <= found


@pytest.mark.parametrize("query", ["", "  \n\t", "\ud800"])
def test_a_query_that_asks_nothing_is_refused(home, query):
    with pytest.raises(ConfigurationError, match="Nothing was searched"):
        searcher_of(home).search(query)


def test_arguments_that_make_no_sense_are_refused(home):
    with pytest.raises(ConfigurationError, match="`k` is 0"):
        searcher_of(home).search("copper", k=0)
    with pytest.raises(ConfigurationError, match="no mode"):
        searcher_of(home).search("copper", mode="fuzzy")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigurationError, match="cannot be filtered by"):
        searcher_of(home).search("copper", filters={"text": "x"})


def test_before_the_first_release_there_is_nothing_to_search(tmp_path):
    searcher = Searcher.open(Settings(home=tmp_path))
    with pytest.raises(NotReady, match=r"make demo.*assay ingest DIR"):
        searcher.search("copper", mode="lexical")


def test_another_model_is_refused_and_lexical_search_loads_none(home):
    loads = []

    def load(pointer):
        loads.append(pointer.model)
        return QueryModel("another", vector_of)

    searcher = Searcher(home / "vectors", home / "releases", load)
    assert searcher.search("copper", mode="lexical")
    assert loads == []
    for mode in ("dense", "hybrid"):
        with pytest.raises(ModelError, match="embedded by handmade"):
            searcher.search("copper", mode=mode)
    assert loads == ["handmade"] * 2, "a model that does not fit was kept"


def test_a_vector_can_be_given_and_must_fit(home):
    searcher = searcher_of(home)
    given = searcher.search_vector(vector_of("copper"), "copper", k=5)
    assert given.hits == searcher.search_with_timings("copper", k=5).hits
    with pytest.raises(ModelError, match="16 floats"):
        searcher.search_vector(np.ones(DIMENSION + 1, dtype=np.float32), "copper")


def test_the_json_is_what_others_read(home):
    result = searcher_of(home).search_with_timings("copper", k=3)
    found = json.loads(json.dumps(result.to_json()))

    assert set(found) == {"query", "release", "timings_ms", "hits"}
    assert (found["query"], found["release"], len(found["hits"])) == ("copper", "r1", 3)
    assert set(found["timings_ms"]) == {"open", "embed", "dense", "lexical", "fuse", "read", "total"}
    assert set(found["hits"][0]) == {
        "text", "score", "score_parts", "document_id", "uri", "heading_path", "page", "start", "end"
    }  # fmt: skip
    assert found["hits"][0]["heading_path"] == ["Top", "Part"]


def test_a_commit_serves_only_once_it_is_published(tmp_path):
    index = open_index(tmp_path, [Chunk("x", "copper", 1)])
    publish(tmp_path, index)
    searcher = searcher_of(tmp_path)
    put(index, [Chunk("x", "copper violet", 2)])

    assert [hit.text for hit in searcher.search("copper")] == ["copper"]
    publish(tmp_path, index, "r2")
    assert [(hit.text, hit.release) for hit in searcher.search("copper")] == [("copper violet", "r2")]


def test_flips_under_load_are_noticed_and_fail_no_search(tmp_path):
    tables = [open_index(tmp_path, [Chunk("x", f"copper {name}"), Chunk("y", "violet")], name) for name in ("a", "b")]
    pointers = [publish(tmp_path, table, table.name) for table in tables]
    searcher = searcher_of(tmp_path, {"copper": vector_of("copper a") + vector_of("copper b")})
    done = threading.Event()

    def ask(mode):
        releases = []
        while not done.is_set():
            (best, *_) = searcher.search("copper", mode=mode)
            assert best.text == f"copper {best.release}", "a hit came from another release's table"
            releases.append(best.release)
        return releases

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, mode) for mode in (*MODES, "hybrid")]
        for flip in range(12):
            publish(tmp_path, tables[flip % 2], pointers[flip % 2].release_id)
            time.sleep(0.05)
        done.set()
        answered = [future.result() for future in asking]

    assert all(set(releases) == {"a", "b"} for releases in answered)


@pytest.mark.parametrize("mode", MODES)
def test_a_table_dropped_after_the_flip_fails_no_search(tmp_path, mode, monkeypatch):
    old, new = (open_index(tmp_path, [Chunk("x", f"copper {name}")], name) for name in ("old", "new"))
    publish(tmp_path, old, "old")
    searcher = searcher_of(tmp_path)
    assert searcher.search("copper", mode=mode)[0].release == "old"

    publish(tmp_path, new, "new")
    engine.connect(tmp_path / "vectors").drop_table("old")
    # As in a search that compared the pointer just before the flip.
    held = searcher._release
    monkeypatch.setattr("assay.retrieval.search.pointer_stamp", lambda _: held.stamp)

    assert searcher.search("copper", mode=mode)[0].release == "new"


def test_a_version_cleaned_up_after_the_flip_fails_no_search(tmp_path, monkeypatch):
    index = open_index(tmp_path, [Chunk("x", "copper 1", 1)])
    publish(tmp_path, index, "r1")
    searcher = searcher_of(tmp_path)
    searcher._serving(reopen=False)  # opened, but no column was read yet
    for version in range(2, 4):
        put(index, [Chunk("x", f"copper {version}", version)])
    publish(tmp_path, index, "r2")
    held = searcher._release
    monkeypatch.setattr("assay.retrieval.search.pointer_stamp", lambda _: held.stamp)
    assert index.maintain((index.version,), keep_for=timedelta(0)).versions_removed

    assert [(hit.text, hit.release) for hit in searcher.search("copper", mode="dense")] == [("copper 3", "r2")]


def test_a_release_whose_table_is_gone_for_good_is_an_error(tmp_path):
    index = open_index(tmp_path, [Chunk("x", "copper")])
    publish(tmp_path, index)
    searcher = searcher_of(tmp_path)
    engine.connect(tmp_path / "vectors").drop_table(index.name)
    with pytest.raises(StorageError, match="assay ingest DIR"):
        searcher.search("copper", mode="lexical")


def test_above_the_threshold_the_vector_index_answers_with_exact_scores(tmp_path, monkeypatch):
    monkeypatch.setattr(maintenance, "VECTOR_INDEX_ROWS", 500)
    chunks = [Chunk(f"d{at}", f"text {at}") for at in range(1200)]
    index = open_index(tmp_path, chunks, dimension=64)
    assert "vector" in index.ensure_indexes()
    publish(tmp_path, index)
    searcher = Searcher(
        tmp_path / "vectors", tmp_path / "releases", lambda _: QueryModel(FINGERPRINT, lambda text: vector_of(text, 64))
    )
    expected = {chunk.chunk_id: float(vector_of(chunk.text, 64) @ vector_of("query", 64)) for chunk in chunks}
    best = sorted(expected, key=lambda chunk_id: -expected[chunk_id])[:10]

    hits = searcher.search("query", k=10, mode="dense")

    assert len({hit.chunk_id for hit in hits} & set(best)) >= 9
    assert [hit.score for hit in hits] == pytest.approx([expected[hit.chunk_id] for hit in hits], abs=1e-6)
