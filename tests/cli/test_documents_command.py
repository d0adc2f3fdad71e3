"""`assay documents`: what stands of a document, and what was held back."""

import json
from pathlib import Path

from command_runs import CHECKOUT, UNREAD_SCANS, Demo, assay, together
from scale import at_soak


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
    held_back = json.loads(as_json.out)
    assert len(held_back) == 1 + UNREAD_SCANS
    (row,) = (one for one in held_back if one["reason"] == "corrupt")
    assert (row["document_id"], row["stage"], row["day"]) == (
        "sample:runbooks/corrupt-export.md",
        "silver",
        "2026-11-02",
    )
    assert row["expectation"] is None
    assert "NUL" in row["detail"]
    assert "sample:runbooks/corrupt-export.md" in told.out
    assert "corrupt" in told.out


def test_an_empty_home_holds_nothing_in_quarantine(tmp_path: Path) -> None:
    told, as_json = together(tmp_path, ("documents", "quarantine"), ("documents", "quarantine", "--json"))
    assert (told.code, told.out.strip()) == (0, "Nothing is in quarantine.")
    assert (as_json.code, json.loads(as_json.out)) == (0, [])


@at_soak("two whole runs")
def test_what_was_held_back_goes_through_after_its_cause_was_mended(demo: Demo, tmp_path: Path) -> None:
    """A file was too large for its setting. With another one it is observed, parsed, chunked and found."""
    home = demo.copy(tmp_path)
    inbox = tmp_path / "inbox" / "2026-11-04"
    inbox.mkdir(parents=True)
    (inbox / "long.md").write_text("# The long ledger\n\n" + "Weighed and stamped by the night shift. " * 60)
    (inbox / "short.md").write_text("# The short ledger\n\nNothing was weighed.\n")
    source = {
        "ASSAY_EVENTS": "",
        "ASSAY_SOURCES": json.dumps([{"name": "ledgers", "uri": f"{tmp_path}/inbox/{{day}}"}]),
    }
    strict = assay(home, "demo", ASSAY_MAX_FILE_BYTES="500", ASSAY_CANARIES="", **source)
    assert strict.code == 0, strict
    [row] = [one for one in held_back(home) if one["source"] == "ledgers"]
    assert (row["document_id"], row["stage"], row["reason"]) == ("ledgers:long.md", "bronze", "too_large")

    retried = assay(home, "documents", "retry", ASSAY_CANARIES="", **source)
    assert retried.code == 0, retried
    assert "1 of 1 are held back no longer, 0 are." in retried.out
    assert "Left alone, for their source is not configured here: sample" in retried.out
    assert {one["source"] for one in held_back(home)} == {"sample"}
    found = assay(home, "search", "stamped by the night shift", "--mode", "lexical", "--json", **source)
    assert json.loads(found.out)["hits"][0]["document_id"] == "ledgers:long.md"


def held_back(home: Path) -> list[dict[str, str]]:
    return json.loads(assay(home, "documents", "quarantine", "--json").out)


def test_an_empty_quarantine_is_said_to_be_empty_and_nothing_is_run(tmp_path: Path) -> None:
    told = assay(tmp_path, "documents", "retry")
    assert (told.code, told.out.strip()) == (0, "Nothing is in quarantine that could be tried again.")
