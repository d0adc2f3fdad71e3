"""`assay ask` over the demo's release: an answer with its places, an abstention, and who is told what.

The commands run in this process: one of their own takes two CPU seconds each to import what they need.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_runs import CHECKOUT, COLUMNS, Demo, Ran

from assay.cli import run

# Golden questions, whose vectors are known once a release was evaluated: no test has to load the model.
GOLDEN = {
    one["id"]: one
    for one in map(json.loads, (CHECKOUT / "samples/golden/questions.jsonl").read_text("utf-8").splitlines())
}
OVERLAY, DISCOUNT = GOLDEN["formats-overlay-size"], GOLDEN["hidden-nw-discount"]
# Who is told of it stands in Northwind's contract and nowhere else.
NOTICE, SECRET = GOLDEN["nw-penalty-notice"], "Ilsabet Corrand"
KEYS = {"question", "release", "answer", "abstained", "reason", "citations", "timings_ms"}
CITATION_KEYS = {"chunk_id", "document_id", "uri", "page", "heading_path", "start", "end", "quote"}

Assay = Callable[..., Ran]


@pytest.fixture
def assay(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Assay:
    def called(home: Path, *arguments: str) -> Ran:
        monkeypatch.chdir(CHECKOUT)
        monkeypatch.setenv("ASSAY_HOME", str(home))
        monkeypatch.setenv("COLUMNS", str(COLUMNS))
        monkeypatch.setattr("sys.argv", ["assay", *arguments])
        code = run()
        return Ran(arguments, code, *capsys.readouterr())

    return called


def document(ran: Ran) -> dict[str, Any]:
    """The one JSON document that stands on stdout."""
    assert ran.code == 0, ran
    return json.loads(ran.out)


def test_json_is_one_document_with_a_citation_that_is_a_slice_of_its_document(demo: Demo, assay: Assay) -> None:
    found = document(assay(demo.home, "ask", OVERLAY["question"], "--json"))
    assert set(found) == KEYS
    assert (found["question"], found["abstained"], found["reason"]) == (OVERLAY["question"], False, None)
    assert "970 × 120" in found["answer"]
    assert "300 KB" in found["answer"]
    assert found["timings_ms"]["total"] >= found["timings_ms"]["answer"] > 0
    best = found["citations"][0]
    assert set(best) == CITATION_KEYS
    (place,) = OVERLAY["passages"]
    assert {name: best[name] for name in ("document_id", "start", "end", "quote")} == place
    chunks = document(assay(demo.home, "documents", "show", best["document_id"], "--json"))["chunks"]
    (chunk,) = [one for one in chunks if one["start"] <= best["start"] < best["end"] <= one["end"]]
    assert chunk["text"][best["start"] - chunk["start"] : best["end"] - chunk["start"]] == best["quote"]


def test_a_tenant_is_told_what_its_contract_says_and_where_it_stands(demo: Demo, assay: Assay) -> None:
    principals = [part for one in NOTICE["principals"] for part in ("--principal", one)]
    ran = assay(demo.home, "ask", NOTICE["question"], *principals)
    assert ran.code == 0, ran
    assert SECRET in ran.out
    assert "tenants/northwind/contract.md  page 1  Master agreement" in ran.out
    (place,) = NOTICE["passages"]
    assert f"characters {place['start']} to {place['end']}" in ran.out


def test_nobody_else_is_and_the_abstention_says_why(demo: Demo, assay: Assay) -> None:
    ran = assay(demo.home, "ask", DISCOUNT["question"])
    assert ran.code == 0, ran
    assert "No answer." in ran.out
    assert "the release asks for 0." in ran.out
    assert "characters" not in ran.out
    assert "northwind/" not in ran.out


def test_before_the_first_release_there_is_nothing_to_ask(tmp_path: Path, assay: Assay) -> None:
    ran = assay(tmp_path / "home", "ask", "Anything?")
    assert (ran.code, ran.out) == (2, "")
    assert "NotReady" in ran.err
    assert "`assay ingest DIR`" in ran.err
