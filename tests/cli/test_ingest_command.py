"""`assay ingest` of a folder: new, edited, found without most of its files, and cleared on purpose."""

import json
import re

from command_runs import Ingests, Ran

from assay.retrieval import Searcher
from assay.settings import Settings


def counts(ran: Ran) -> dict[str, int]:
    """The line of counts, by name."""
    (line,) = [line for line in ran.out.splitlines() if line.startswith("added ")]
    return {name: int(count) for name, count in re.findall(r"([a-z]+) (\d+)", line)}


def test_a_new_folder_is_taken_in(ingests: Ingests) -> None:
    assert ingests.first.code == 0, ingests.first
    assert counts(ingests.first) == {
        "added": 7, "changed": 0, "moved": 0, "deleted": 0, "quarantined": 0, "embedded": 8, "reused": 0,
    }  # fmt: skip
    assert "7 files observed, 0 refused" in ingests.first.out
    assert "7 of 7 canary questions answered" in ingests.first.out, "one was made from a heading of each"


def test_an_edit_costs_what_it_changed(ingests: Ingests) -> None:
    assert ingests.edited.code == 0, ingests.edited
    assert counts(ingests.edited) == {
        "added": 1, "changed": 1, "moved": 1, "deleted": 1, "quarantined": 1, "embedded": 2, "reused": 2,
    }  # fmt: skip
    assert "feed: 2 added, 1 edited, 0 re-permitted, 1 moved, 1 deleted" in ingests.edited.out


def test_a_folder_that_lacks_most_of_its_files_deletes_nothing(ingests: Ingests) -> None:
    assert ingests.lacking.code == 1
    assert not any(counts(ingests.lacking).values())
    assert "check failed bronze/manifests: every_source_could_be_observed" in ingests.lacking.out
    assert "lacks 7 (88%, 0 moved ones not counted)" in ingests.lacking.out
    assert re.search(r"run `assay ingest \S+/handbook --as-of 2026-11-04 --allow-mass-delete`", ingests.lacking.out)
    found = ingests.found_while_lacking
    assert found.code == 0, found
    assert [hit["text"].endswith("or with two suitcases.") for hit in json.loads(found.out)["hits"]] == [True]


def test_a_folder_that_was_meant_to_lose_them_does(ingests: Ingests) -> None:
    assert ingests.cleared.code == 0, ingests.cleared
    assert counts(ingests.cleared) == {
        "added": 0, "changed": 0, "moved": 0, "deleted": 6, "quarantined": 0, "embedded": 0, "reused": 0,
    }  # fmt: skip
    searcher = Searcher.open(Settings(home=ingests.home))
    assert searcher.search("suitcases", mode="lexical") == []


def test_stderr_is_empty_where_nothing_went_wrong(ingests: Ingests) -> None:
    assert [ran.err for ran in (ingests.first, ingests.edited, ingests.lacking, ingests.cleared)] == [""] * 4
