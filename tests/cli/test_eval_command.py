"""`assay eval retrieval`: what it prints, and what it refuses. Lexical only, which loads no model."""

import json
import re
from pathlib import Path

import pytest
from command_runs import Ran, assay, stored_files, together

KEYS = ["ndcg_at_10", "recall_at_100", "mrr", "queries", "documents", "mode", "model"]
CORPUS = {"1": "A lost key is reported to the porter.", "2": "A taxi is paid at night.", "3": "Keys open doors."}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation") / "home"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beir")
    lines = [json.dumps({"_id": one, "title": "", "text": text}) for one, text in CORPUS.items()]
    (folder / "corpus.jsonl").write_text("\n".join(lines))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "who pays for a taxi"}))
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\t2\t1\nq\t3\t1\n")
    return folder


@pytest.fixture(scope="module")
def runs(home: Path, folder: Path) -> list[Ran]:
    ask = ("eval", "retrieval", str(folder), "--mode")
    return together(home, (*ask, "lexical", "--json"), (*ask, "lexical"), (*ask, "fuzzy"))


def test_json_is_one_document_with_the_keys_of_the_contract(runs: list[Ran]) -> None:
    assert (runs[0].code, runs[0].err) == (0, "")
    said = json.loads(runs[0].out)
    assert list(said) == KEYS
    assert said == {
        "ndcg_at_10": pytest.approx(0.61315, abs=1e-5), "recall_at_100": 0.5, "mrr": 1.0,
        "queries": 1, "documents": 3, "mode": "lexical", "model": "all-MiniLM-L6-v2",
    }  # fmt: skip


def test_a_person_is_told_what_was_embedded_and_that_nothing_serves_otherwise(runs: list[Ran], home: Path) -> None:
    assert (runs[1].code, runs[1].err) == (0, "")
    assert re.search(r"nDCG@10 +│ 0\.61315", runs[1].out)
    assert "1 judged query, 3 documents." in runs[1].out
    assert "Lexical: no text was embedded." in runs[1].out
    assert "What serves was not touched." in runs[1].out
    assert stored_files(home) == {}


def test_an_unknown_mode_and_precision_are_refused(runs: list[Ran], home: Path, folder: Path) -> None:
    precision = assay(home, "eval", "retrieval", str(folder), "--precision", "int8", "--json")
    for refused, said in (
        (runs[2], "hybrid, dense, lexical are"),
        (precision, "no precision `int8`: fp32 and bf16 are what exists"),
    ):
        assert (refused.code, refused.out) == (3, "")
        assert said in refused.err
        assert "Nothing was evaluated." in refused.err
        assert "`assay eval retrieval" in refused.err
