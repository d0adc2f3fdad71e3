"""`assay ingest` of a folder: new, edited, found empty, and emptied on purpose."""

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
        "added": 3, "changed": 0, "deleted": 0, "quarantined": 0, "embedded": 4, "reused": 0,
    }  # fmt: skip
    assert "3 files observed, 0 refused" in ingests.first.out
    assert "3 of 3 canary questions answered" in ingests.first.out, "one was made from a heading of each"


def test_an_edit_costs_what_it_changed(ingests: Ingests) -> None:
    assert ingests.edited.code == 0, ingests.edited
    assert counts(ingests.edited) == {
        "added": 1, "changed": 1, "deleted": 1, "quarantined": 1, "embedded": 2, "reused": 1,
    }  # fmt: skip


def test_an_empty_folder_deletes_nothing(ingests: Ingests) -> None:
    assert ingests.empty.code == 1
    assert not any(counts(ingests.empty).values())
    assert "check failed bronze/manifests: every_source_could_be_observed" in ingests.empty.out
    assert re.search(r"run `assay ingest \S+/handbook --allow-mass-delete`", ingests.empty.out)
    found = ingests.found_while_empty
    assert found.code == 0, found
    assert [hit["text"].endswith("or with two suitcases.") for hit in json.loads(found.out)["hits"]] == [True]


def test_an_empty_folder_that_is_meant_so_deletes_everything(ingests: Ingests) -> None:
    assert ingests.emptied.code == 0, ingests.emptied
    assert counts(ingests.emptied) == {
        "added": 0, "changed": 0, "deleted": 3, "quarantined": 0, "embedded": 0, "reused": 0,
    }  # fmt: skip
    searcher = Searcher.open(Settings(home=ingests.home))
    assert searcher.search("suitcases", mode="lexical") == []


def test_stderr_is_empty_where_nothing_went_wrong(ingests: Ingests) -> None:
    assert [ran.err for ran in (ingests.first, ingests.edited, ingests.empty, ingests.emptied)] == [""] * 4
