"""`assay search` over the demo's release: what is printed, and who is shown what."""

import json
import re
from typing import Any

import pytest
from command_runs import CHECKOUT, Demo, Ran, assay, together

# Questions of the fast gate: their vectors are known, so that no search has to load the model.
CANARIES = [json.loads(line) for line in (CHECKOUT / "samples" / "canaries.jsonl").read_text().splitlines()]
PENALTY = next(one for one in CANARIES if one["document_id"] == "sample:tenants/northwind/contract.md")["question"]
# Stand in the contract and nowhere else.
SECRETS = ("18,500", "NW-2026-014", "Ilsabet Corrand")
# Each would widen a filter that was put together from strings.
INJECTIONS = (
    "tenant:northwind' OR '1'='1",
    "x') OR true --",
    "x', 'tenant:northwind",
    "x\\') OR true --",
    "*",
    "%",
    "tenant:%",
    "TENANT:NORTHWIND",
    "tenant:northwind ",
    "",
)
HIT_KEYS = {"text", "score", "score_parts", "document_id", "uri", "heading_path", "page", "start", "end"}


def asked_as(principals: tuple[str, ...], mode: str) -> list[str]:
    options = [part for principal in principals for part in ("--principal", principal)]
    return ["search", PENALTY, "--mode", mode, "--k", "50", "--json", *options]


def answer(ran: Ran) -> dict[str, Any]:
    """The one JSON document that stands on stdout."""
    assert ran.code == 0, ran
    return json.loads(ran.out)


@pytest.fixture(scope="module")
def northwind(demo: Demo) -> dict[str, Ran]:
    """Northwind's question, asked by Northwind in each mode."""
    modes = ("hybrid", "dense", "lexical")
    return dict(
        zip(modes, together(demo.home, *(asked_as(("tenant:northwind",), mode) for mode in modes)), strict=True)
    )


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_json_is_one_document_with_the_documented_keys(northwind: dict[str, Ran], mode: str) -> None:
    found = answer(northwind[mode])
    assert set(found) == {"query", "release", "timings_ms", "hits"}
    assert found["query"] == PENALTY
    assert re.fullmatch(r"[0-9a-f]{12}@\d+", found["release"])
    assert found["timings_ms"]["total"] > 0
    assert all(isinstance(value, float) for value in found["timings_ms"].values())
    assert found["hits"]
    for hit in found["hits"]:
        assert set(hit) == HIT_KEYS
        assert isinstance(hit["heading_path"], list)
        assert hit["page"] == 1 or not hit["uri"].endswith((".md", ".html", ".txt"))
        assert hit["end"] - hit["start"] == len(hit["text"])
        assert hit["uri"].endswith(hit["document_id"].partition(":")[2])
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_every_mode_scores_by_its_own_parts(northwind: dict[str, Ran]) -> None:
    parts = {mode: set(answer(ran)["hits"][0]["score_parts"]) for mode, ran in northwind.items()}
    assert parts == {"hybrid": {"cosine", "bm25"}, "dense": {"cosine"}, "lexical": {"bm25"}}


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_a_tenant_finds_its_own_contract_and_nothing_else(northwind: dict[str, Ran], mode: str) -> None:
    hits = answer(northwind[mode])["hits"]
    assert all(hit["document_id"].startswith("sample:tenants/northwind/") for hit in hits)
    assert any(hit["document_id"] == "sample:tenants/northwind/contract.md" and "18,500" in hit["text"] for hit in hits)


STRANGERS = {
    "by default": ((), "hybrid"),
    "umbra and injections": (("public", "tenant:umbra", *INJECTIONS), "hybrid"),
    "umbra and injections, lexical": (("public", "tenant:umbra", *INJECTIONS), "lexical"),
}


@pytest.fixture(scope="module")
def strangers(demo: Demo) -> dict[str, Ran]:
    """Northwind's question, asked by others."""
    return dict(zip(STRANGERS, together(demo.home, *(asked_as(*who) for who in STRANGERS.values())), strict=True))


@pytest.mark.parametrize("who", STRANGERS)
def test_nobody_else_finds_it(strangers: dict[str, Ran], who: str) -> None:
    hits = answer(strangers[who])["hits"]
    assert hits, "others find what they may find"
    assert not [hit["document_id"] for hit in hits if "northwind" in hit["document_id"]]
    assert not [secret for secret in SECRETS if secret in strangers[who].out]
    assert any(hit["document_id"].startswith("sample:tenants/umbra/") for hit in hits) == (who != "by default")


def test_hits_are_slices_of_the_documents_that_stand(demo: Demo, northwind: dict[str, Ran]) -> None:
    hit = answer(northwind["hybrid"])["hits"][0]
    shown = answer(assay(demo.home, "documents", "show", hit["document_id"], "--json"))
    places = {(chunk["start"], chunk["end"]): chunk for chunk in shown["chunks"]}
    chunk = places[hit["start"], hit["end"]]
    assert (chunk["text"], chunk["heading_path"], chunk["page"]) == (hit["text"], hit["heading_path"], hit["page"])
    assert shown["state"]["allowed_principals"] == ["tenant:northwind"]
    assert shown["quarantine"] == []


def test_the_same_text_in_two_places_is_one_hit(demo: Demo) -> None:
    """`tenants/umbra/brand-safety.md` is a copy of `ads/brand-safety.md`."""
    ask = ("search", "exclusion list inclusion list of channels", "--mode", "lexical", "--k", "3")
    both, public = together(demo.home, (*ask, "--principal", "public", "--principal", "tenant:umbra"), ask)
    assert (both.code, public.code) == (0, 0)
    documents = re.findall(r"^1\. (\S+) \[", both.out, re.MULTILINE) + re.findall(r"^   also in (\S+)$", both.out, re.M)
    assert {"sample:ads/brand-safety.md", "sample:tenants/umbra/brand-safety.md"} <= set(documents)
    assert both.out.count("An entry in the exclusion list always wins") == 1
    assert "1. sample:ads/brand-safety.md [" in public.out
    assert "umbra" not in public.out


def test_release_source_and_k_narrow_the_answer(demo: Demo, northwind: dict[str, Ran]) -> None:
    serving = answer(northwind["hybrid"])["release"]
    ask = ("search", "invoice", "--mode", "lexical", "--json", "--source", "sample", "--k", "2", "--release")
    right, wrong = together(demo.home, (*ask, serving), (*ask, "chunks-0@1"))
    assert answer(right)["release"] == serving
    assert len(answer(right)["hits"]) == 2
    assert (wrong.code, wrong.out) == (2, "")
    assert f"There is no release `chunks-0@1`; there are `{serving}`" in wrong.err
