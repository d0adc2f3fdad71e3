"""`assay documents`: what stands of a document, and what was held back."""

import json
from pathlib import Path

from command_runs import CHECKOUT, Demo, together


def test_show_tells_the_standing_version_and_its_chunks(demo: Demo) -> None:
    told, as_json = together(
        demo.home,
        ("documents", "show", "sample:ads/price-list.md"),
        ("documents", "show", "sample:ads/price-list.md", "--json"),
    )
    assert (told.code, as_json.code) == (0, 0)
    document = json.loads(as_json.out)
    assert set(document) == {"state", "chunks", "quarantine"}
    state = document["state"]
    assert (state["document_id"], state["is_deleted"], state["tenant"]) == (
        "sample:ads/price-list.md",
        False,
        "default",
    )
    assert state["text_day"] == "2026-11-03", "the third of its three versions"
    assert state["uri"].endswith("samples/inbox/2026-11-03/ads/price-list.md")
    text = (CHECKOUT / "samples" / "inbox" / "2026-11-03" / "ads" / "price-list.md").read_text(encoding="utf-8")
    assert [chunk["ordinal"] for chunk in document["chunks"]] == list(range(len(document["chunks"])))
    assert all(chunk["text"] in text for chunk in document["chunks"])
    for value in (state["document_id"], state["text_hash"], f"{document['chunks'][0]['start']}:"):
        assert str(value) in told.out


def test_show_tells_a_tombstone_and_a_quarantined_document(demo: Demo) -> None:
    deleted, broken = together(
        demo.home,
        ("documents", "show", "sample:help/flash-sale.md", "--json"),
        ("documents", "show", "sample:runbooks/corrupt-export.md"),
    )
    tombstone = json.loads(deleted.out)
    assert tombstone["state"]["is_deleted"] is True
    assert tombstone["chunks"] == []
    assert broken.code == 0
    assert "quarantined 2026-11-02 corrupt:" in broken.out


def test_quarantine_names_what_was_held_back_and_why(demo: Demo) -> None:
    told, as_json = together(demo.home, ("documents", "quarantine"), ("documents", "quarantine", "--json"))
    assert (told.code, as_json.code) == (0, 0)
    (row,) = json.loads(as_json.out)
    assert (row["document_id"], row["stage"], row["day"]) == (
        "sample:runbooks/corrupt-export.md",
        "silver",
        "2026-11-02",
    )
    assert (row["reason"], row["expectation"]) == ("corrupt", None)
    assert "NUL" in row["detail"]
    assert "sample:runbooks/corrupt-export.md" in told.out
    assert "corrupt" in told.out


def test_an_empty_home_holds_nothing_in_quarantine(tmp_path: Path) -> None:
    told, as_json = together(tmp_path, ("documents", "quarantine"), ("documents", "quarantine", "--json"))
    assert (told.code, told.out.strip()) == (0, "Nothing is in quarantine.")
    assert (as_json.code, json.loads(as_json.out)) == (0, [])
