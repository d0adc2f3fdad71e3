"""A judged corpus through the index and the search that serve; the model is the hashing stand-in unless said."""

import os
import random
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from beir_folders import GRADES, QUERIES, write_beir
from document_runs import HashingEncoder, stand_ins
from ir_measures import RR, R, nDCG
from scale import AT_CI

from assay.embeddings import Embedder
from assay.errors import ConfigurationError
from assay.evaluation import corpus_index, evaluate_retrieval, read_beir
from assay.evaluation.retrieval_evaluation import RetrievalReport
from assay.settings import Settings

DATA = os.environ.get("ASSAY_SHARED_DATA")
WORDS = [f"word{number}" for number in range(60)]


@pytest.fixture
def encoder() -> Iterator[HashingEncoder]:
    with stand_ins() as encoder:
        yield encoder


def evaluated(folder: Path, home: Path, mode: str) -> RetrievalReport:
    settings = Settings(_env_file=None, home=home)
    return evaluate_retrieval(read_beir(folder), Embedder.open(settings), mode, settings.evaluation_path)


def noise_of(text: str) -> np.ndarray:
    """A unit vector that depends on the whole text alone."""
    seed = int.from_bytes(sha256(text.encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).standard_normal(384).astype(np.float32)
    return vector / np.linalg.norm(vector)


def random_corpus(folder: Path) -> Path:
    """150 documents of random words, and 12 queries with grades that mean nothing."""
    chance = random.Random(7)
    documents = {f"d{number}": ("", " ".join(chance.choices(WORDS, k=12))) for number in range(150)}
    queries = {f"q{number}": " ".join(chance.sample(WORDS, 4)) for number in range(12)}
    grades = {one: {found: chance.randint(0, 2) for found in chance.sample(list(documents), 40)} for one in queries}
    return write_beir(folder, documents, queries, grades)


def test_dense_is_the_ranking_by_cosine_as_trec_eval_scores_it(
    tmp_path: Path, encoder: HashingEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "_vector", noise_of)  # no two cosines are equal, so that there is one ranking
    folder = random_corpus(tmp_path / "beir")
    dataset = read_beir(folder)
    texts = {one.document_id: one.text for one in dataset.corpus()}
    run = {
        query_id: {one: float(noise_of(text) @ noise_of(query)) for one, text in texts.items()}
        for query_id, query in dataset.queries.items()
    }
    nearest = {one: dict(sorted(found.items(), key=lambda pair: -pair[1])[:100]) for one, found in run.items()}
    expected = ir_measures.calc_aggregate([nDCG @ 10, R @ 100, RR], dataset.grades, nearest)

    report = evaluated(folder, tmp_path / "home", "dense")

    assert report.ndcg_at_10 == pytest.approx(expected[nDCG @ 10], abs=1e-9)
    assert report.recall_at_100 == pytest.approx(expected[R @ 100], abs=1e-9)
    assert report.mrr == pytest.approx(expected[RR], abs=1e-9)
    assert 0 < report.ndcg_at_10 < 1, "nothing was measured"


def test_a_corpus_in_several_commits_ranks_as_in_one(
    tmp_path: Path, encoder: HashingEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = random_corpus(tmp_path / "beir")
    whole = evaluated(folder, tmp_path / "home", "hybrid")
    monkeypatch.setattr(corpus_index, "DOCUMENTS_PER_COMMIT", 40)
    assert evaluated(folder, tmp_path / "home", "hybrid").scores == whole.scores


def test_each_mode_answers_by_its_own_leg(
    tmp_path: Path, encoder: HashingEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words of `b` are not the query's, its vector is; `a` holds the stemmed word."""
    folder = write_beir(
        tmp_path / "beir", {"a": ("", "the invoices"), "b": ("", "a bill")}, {"q": "invoiced"}, {"q": {"b": 1}}
    )
    monkeypatch.setattr(encoder, "_vector", lambda text: noise_of("a bill" if text == "invoiced" else text))
    ranks = {mode: evaluated(folder, tmp_path / "home", mode).mrr for mode in ("dense", "lexical", "hybrid")}
    assert ranks == {"dense": 1, "lexical": 0, "hybrid": 1}


def test_a_second_run_embeds_nothing_and_leaves_nothing(tmp_path: Path, encoder: HashingEncoder) -> None:
    folder, home = write_beir(tmp_path / "beir"), tmp_path / "home"
    first = evaluated(folder, home, "hybrid")
    assert (first.computed, first.reused) == (6, 0), "four documents and two queries that are judged"
    assert sorted(encoder.encoded).count(QUERIES["unjudged"]) == 0
    encoder.encoded.clear()
    second = evaluated(folder, home, "hybrid")
    assert (second.computed, second.reused, encoder.encoded) == (0, 6, [])
    assert second.scores == first.scores
    assert {path.name for path in home.iterdir()} == {"caches", "evaluation"}, "no table, no release of the platform"
    assert list((home / "evaluation").iterdir()) == []


def test_lexical_needs_no_model(tmp_path: Path, encoder: HashingEncoder) -> None:
    report = evaluated(write_beir(tmp_path / "beir"), tmp_path / "home", "lexical")
    assert (report.computed, report.reused, encoder.encoded) == (0, 0, [])
    assert report.scores["q1"].ndcg == 1


def test_equal_texts_are_all_found(tmp_path: Path, encoder: HashingEncoder) -> None:
    documents = dict.fromkeys(("one", "two", "three"), ("Keys", "A lost key is reported."))
    folder = write_beir(tmp_path / "beir", documents, {"q": "lost key"}, {"q": dict.fromkeys(documents, 1)})
    report = evaluated(folder, tmp_path / "home", "hybrid")
    assert (report.recall_at_100, report.ndcg_at_10) == (1, 1)
    assert report.computed == 2, "one text, one query"


def test_a_query_that_is_a_document_is_not_its_own_answer(tmp_path: Path, encoder: HashingEncoder) -> None:
    documents = {"a": ("", "taxi at night"), "b": ("", "taxi by day")}
    folder = write_beir(tmp_path / "beir", documents, {"a": "taxi at night"}, {"a": {"b": 1}})
    assert evaluated(folder, tmp_path / "home", "dense").mrr == 1


def test_what_failed_leaves_no_table(tmp_path: Path, encoder: HashingEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, home = write_beir(tmp_path / "beir"), tmp_path / "home"

    def fail(texts: object, **_: object) -> np.ndarray:
        raise KeyboardInterrupt

    monkeypatch.setattr(encoder, "encode", fail)
    with pytest.raises(KeyboardInterrupt):
        evaluated(folder, home, "dense")
    assert list((home / "evaluation").iterdir()) == []
    with pytest.raises(ConfigurationError, match="`fuzzy` is no mode: hybrid, dense, lexical are"):
        evaluated(folder, tmp_path / "other", "fuzzy")
    assert not (tmp_path / "other" / "evaluation").exists()


def test_json_is_the_mean_over_judged_queries(tmp_path: Path, encoder: HashingEncoder) -> None:
    report = evaluated(write_beir(tmp_path / "beir"), tmp_path / "home", "dense")
    assert list(report.to_json()) == ["ndcg_at_10", "recall_at_100", "mrr", "queries", "documents", "mode", "model"]
    assert report.to_json() == {
        "ndcg_at_10": sum(one.ndcg for one in report.scores.values()) / len(GRADES),
        "recall_at_100": 1.0,
        "mrr": sum(one.reciprocal_rank for one in report.scores.values()) / len(GRADES),
        "queries": 2,
        "documents": 4,
        "mode": "dense",
        "model": "all-MiniLM-L6-v2",
    }


@pytest.mark.skipif(not DATA or not AT_CI, reason="at ASSAY_TEST_SCALE=ci with ASSAY_SHARED_DATA only")
def test_the_lexical_leg_on_scifact(tmp_path: Path) -> None:
    """All 5,183 documents; the other modes need every one of them embedded, see docs/benchmarks.md."""
    folder = next(path for path in (Path(str(DATA)) / "dev" / "scifact", Path(str(DATA)) / "scifact") if path.is_dir())
    report = evaluated(folder, tmp_path / "home", "lexical")
    assert (len(report.scores), report.documents) == (300, 5183)
    assert report.ndcg_at_10 >= 0.68
