"""The three days of the sample as one run, and the same run again: what Dagster recorded and what was written."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest
from command_runs import CHECKOUT, UNREAD_SCANS, Demo

from assay.documents.bronze import FEED
from assay.documents.gold import CHUNKS
from assay.documents.manifests import MANIFESTS
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE
from assay.lake import Lake
from assay.quality.quarantine import QUARANTINE
from assay.retrieval.serving import read_history, read_pointer
from assay.schema import Table
from assets.automation import documents_job
from assets.definitions import defs

DAYS = [date(2026, 11, 1) + timedelta(days=number) for number in range(3)]
GRAPH = defs.resolve_asset_graph()
KEYS = sorted(documents_job.selection.resolve(GRAPH))
CHECKS = {key for key in GRAPH.asset_check_keys if key.asset_key in KEYS}
# The broken file on the second day, scans on the third, and how many chunks and different texts the last day's documents
# make: a scan makes one, and two documents are hidden as duplicates.
QUARANTINED = {DAYS[1]: 1, DAYS[2]: UNREAD_SCANS}
HIDDEN = 2
CHUNK_COUNT, TEXT_COUNT = 386 - UNREAD_SCANS, 380 - UNREAD_SCANS


@dataclass(frozen=True)
class DayOfSample:
    """A row of the table in samples/README.md."""

    edited: int
    added: int
    moved: int
    deleted: int
    documents: int


def days_of_sample() -> dict[date, DayOfSample]:
    """The table of what changes on which day, counted."""
    told = (CHECKOUT / "samples" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (2026-11-\d\d) \| (.*) \| (.*) \| (.*) \| (.*) \| (\d+) \|$", told, re.MULTILINE)
    return {
        date.fromisoformat(day): DayOfSample(
            edited.count("`") // 2,
            int(documents) if added == "all" else added.count("`") // 2,
            moved.count("`") // 2,
            deleted.count("`") // 2,
            int(documents),
        )
        for day, edited, added, moved, deleted, documents in rows
    }


@dataclass(frozen=True)
class Recorded:
    """What Dagster recorded of one run: its tags, and the numbers by asset and partition."""

    run: dg.DagsterRun
    numbers: dict[str, dict[date, dict[str, Any]]]
    checks: list[dg.AssetCheckEvaluation]


@pytest.fixture(scope="module")
def recorded(demo: Demo) -> tuple[Recorded, Recorded]:
    """The first run and the second."""
    with dg.DagsterInstance.from_config(str(demo.home / "dagster")) as instance:
        first, again = reversed(instance.get_runs(dg.RunsFilter(job_name=documents_job.name)))
        return _recorded(instance, first), _recorded(instance, again)


def _recorded(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Recorded:
    numbers: dict[str, dict[date, dict[str, Any]]] = {}
    for key in KEYS:
        for record in instance.fetch_materializations(key, limit=100).records:
            made = record.asset_materialization
            if record.run_id == run.run_id and made and made.partition:
                values = {name: value.value for name, value in made.metadata.items()}
                days = numbers.setdefault(key.to_user_string(), {})
                assert date.fromisoformat(made.partition) not in days, "one materialization per partition"
                days[date.fromisoformat(made.partition)] = values
    evaluations = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    checks = [one.dagster_event.asset_check_evaluation_data for one in evaluations if one.dagster_event]
    return Recorded(run, numbers, checks)


def test_the_table_of_the_sample_is_read() -> None:
    assert list(days_of_sample()) == DAYS
    assert days_of_sample()[DAYS[1]] == DayOfSample(edited=5, added=6, moved=0, deleted=2, documents=36)


def test_three_days_are_one_run(recorded: tuple[Recorded, Recorded]) -> None:
    run = recorded[0].run
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert run.tags["dagster/asset_partition_range_start"] == DAYS[0].isoformat()
    assert run.tags["dagster/asset_partition_range_end"] == DAYS[-1].isoformat()


@pytest.mark.parametrize("key", KEYS, ids=dg.AssetKey.to_user_string)
def test_every_asset_is_materialized_once_for_every_day(recorded: tuple[Recorded, Recorded], key: dg.AssetKey) -> None:
    assert sorted(recorded[0].numbers[key.to_user_string()]) == DAYS


@pytest.mark.parametrize("day", DAYS, ids=date.isoformat)
def test_a_day_shows_its_own_numbers(recorded: tuple[Recorded, Recorded], day: date) -> None:
    told = days_of_sample()[day]
    taken, quarantined = told.added + told.edited + told.moved, QUARANTINED.get(day, 0)
    numbers = recorded[0].numbers

    manifest = numbers["bronze/manifests"][day]
    assert (manifest["files"], manifest["refused"]) == (told.documents, 0)
    folder = CHECKOUT / "samples" / "inbox" / day.isoformat()
    assert manifest["size_bytes"] == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    feed = numbers["bronze/documents"][day]
    changes = {name: feed.get(name, 0) for name in ("added", "edited", "repermitted", "moved", "deleted")}
    assert changes == {
        "added": told.added, "edited": told.edited, "repermitted": 0, "moved": told.moved, "deleted": told.deleted,
    }  # fmt: skip

    for stage in ("silver/documents", "silver/quarantined_documents"):
        texts = numbers[stage][day]
        assert (texts["taken"], texts["emitted"], texts["quarantined"]) == (taken, taken - quarantined, quarantined)
        assert (texts["parsed"], texts["reused"]) == (taken - told.moved, told.moved)

    # A sample of what the whole run held back.
    held_back = numbers["silver/quarantined_documents"][day]["held_back"]
    assert "| sample:runbooks/corrupt-export.md | corrupt |" in held_back


def test_what_stands_after_the_run_is_told_of_its_last_day_alone(recorded: tuple[Recorded, Recorded]) -> None:
    numbers = {stage: days[DAYS[-1]] for stage, days in recorded[0].numbers.items()}
    unread = sum(QUARANTINED.values())
    current = days_of_sample()[DAYS[-1]].documents - unread
    gone = sum(one.deleted + one.moved for one in days_of_sample().values())

    state = numbers["silver/document_state"]
    assert (state["current"], state["tombstones"], state["without_text"]) == (current, gone, unread)
    assert state["dagster/row_count"] == current

    chunks = numbers["gold/chunks"]
    did = (chunks["current"], chunks["duplicates"], chunks["chunked"], chunks["kept"], chunks["removed"])
    assert did == (current, HIDDEN, current - HIDDEN, 0, 0)
    assert chunks["chunks"] == chunks["dagster/row_count"] == CHUNK_COUNT
    assert chunks["sample"].startswith("| document_id |")
    assert "| sample:" in chunks["sample"]

    vectors = numbers["gold/embeddings"]
    assert (vectors["inserted"], vectors["updated"], vectors["deleted"]) == (CHUNK_COUNT, 0, 0)
    assert vectors["dagster/row_count"] == CHUNK_COUNT
    assert numbers["gold/index_maintenance"]["unindexed_rows"] == 0

    release = numbers["release/serving"]
    # Of the first release only the head moves here: it serves once the golden questions were asked too.
    assert (release["published"], release["serving"]) == (False, "nothing")
    assert (release["canaries"], release["canaries_answered"], release["failed_rules"]) == (24, 24, [])
    promotion = numbers["release/promotion"]
    assert (promotion["promoted"], promotion["serving"]) == (True, release["release"])
    for stage in (
        "silver/document_state",
        "gold/chunks",
        "gold/embeddings",
        "gold/index_maintenance",
        "release/serving",
    ):
        earlier = recorded[0].numbers[stage][DAYS[0]].keys() & {"current", "chunks", "fragments", "canaries"}
        assert not earlier, f"{stage} tells of the first day what stands after the last"


def test_what_changed_is_told_of_the_day_that_brought_it(recorded: tuple[Recorded, Recorded]) -> None:
    """A document counts under the day of the version that stands; a text under the day that needed it first."""
    numbers = recorded[0].numbers
    added = {day: numbers["silver/document_state"][day].get("added", 0) for day in DAYS}
    assert sum(added.values()) == days_of_sample()[DAYS[-1]].documents - sum(QUARANTINED.values())
    assert all(added.values())
    vectors = [numbers["gold/embeddings"][day] for day in DAYS]
    embedded, reused = (sum(one.get(name, 0) for one in vectors) for name in ("embedded", "reused"))
    assert (embedded, embedded + reused) == (TEXT_COUNT, CHUNK_COUNT)
    assert all(one["embedded"] for one in vectors)


@pytest.mark.parametrize("key", KEYS, ids=dg.AssetKey.to_user_string)
def test_every_stage_says_how_long_it_took(recorded: tuple[Recorded, Recorded], key: dg.AssetKey) -> None:
    assert any(one.get("seconds", 0) > 0 for one in recorded[0].numbers[key.to_user_string()].values())


def test_days_link_to_their_source_and_to_what_was_judged_of_them(
    demo: Demo, recorded: tuple[Recorded, Recorded]
) -> None:
    numbers = recorded[0].numbers
    for day in DAYS:
        manifest = numbers["bronze/manifests"][day]
        assert manifest["source: sample"] == str(CHECKOUT / "samples" / "inbox" / day.isoformat())
        for stage in ("bronze/manifests", "bronze/documents", "silver/documents", "quality/volumes"):
            page = numbers[stage][day]["data docs: sample"].removeprefix("http://127.0.0.1:3001/")
            assert (demo.home / "data_docs" / page).is_file()


@pytest.mark.parametrize("number", [0, 1], ids=["first", "again"])
def test_every_check_was_evaluated_once_and_passed(recorded: tuple[Recorded, Recorded], number: int) -> None:
    checks = recorded[number].checks
    assert sorted(str(one.asset_check_key) for one in checks) == sorted(map(str, CHECKS))
    assert [one.check_name for one in checks if not one.passed] == []


def test_checks_say_what_they_saw(recorded: tuple[Recorded, Recorded]) -> None:
    by_name = {(one.asset_key.to_user_string(), one.check_name): one for one in recorded[0].checks}
    conserved = str(by_name["silver/documents", "documents_are_conserved"].metadata["seen"].value)
    assert "sample 2026-11-01: 32 taken in = 32 emitted + 0 quarantined; 0 lost, 0 doubled" in conserved
    assert "sample 2026-11-02: 11 taken in = 10 emitted + 1 quarantined; 0 lost, 0 doubled" in conserved
    assert by_name["bronze/documents", "op_is_known"].metadata["evaluated"].value == 89
    assert "| yes | canary_questions_are_answered | 24 of 24" in str(
        by_name["release/serving", "fast_gate_passed"].metadata["rules"].value
    )


def test_the_same_run_again_writes_not_one_byte(demo: Demo) -> None:
    first, again = demo.stored
    assert {name for name in first.keys() | again.keys() if first.get(name) != again.get(name)} == set()
    assert {name.split("/")[0] for name in first} == {"lake", "vectors", "blobs", "releases"}


def test_the_same_run_again_says_that_nothing_changed(recorded: tuple[Recorded, Recorded]) -> None:
    first, again = (one.numbers for one in recorded)
    for day in DAYS:
        for stage in ("bronze/manifests", "bronze/documents"):
            timeless = [
                {name: value for name, value in one[stage][day].items() if name != "seconds"} for one in (first, again)
            ]
            assert timeless[0] == timeless[1]
        # Whether a scan can be read by now is asked on every run.
        assert again["silver/documents"][day]["parsed"] == (UNREAD_SCANS if day == DAYS[-1] else 0)
        assert again["silver/documents"][day]["emitted"] == first["silver/documents"][day]["emitted"]
    last = {stage: days[DAYS[-1]] for stage, days in again.items()}
    state = last["silver/document_state"]
    assert (state["added"], state["changed"], state["moved"], state["deleted"]) == (0, 0, 0, 0)
    assert (last["gold/chunks"]["chunked"], last["gold/chunks"]["removed"]) == (0, 0)
    did = ("embedded", "reused", "inserted", "updated", "deleted", "documents_replaced", "documents_removed")
    assert {name: last["gold/embeddings"][name] for name in did} == dict.fromkeys(did, 0)
    assert last["release/serving"]["published"] is False
    assert last["gold/ingestion_daily"]["unchanged"] is True


@pytest.mark.parametrize("table", [MANIFESTS, FEED, DOCUMENTS, QUARANTINE, STATE, CHUNKS], ids=lambda table: table.name)
def test_tables_hold_what_was_counted(demo: Demo, table: Table) -> None:
    told = days_of_sample().values()
    changes = sum(one.added + one.edited + one.moved for one in told)
    expected = {
        MANIFESTS.name: sum(one.documents for one in told),
        FEED.name: changes + sum(one.deleted + one.moved for one in told),
        DOCUMENTS.name: changes - sum(QUARANTINED.values()),
        QUARANTINE.name: sum(QUARANTINED.values()),
        STATE.name: 75,  # "the union of all three days is 75 distinct paths"
        CHUNKS.name: CHUNK_COUNT,
    }
    assert Lake(demo.home / "lake").read(table).num_rows == expected[table.name]


def test_one_release_was_published(demo: Demo) -> None:
    history = read_history(demo.home / "releases")
    assert history == [read_pointer(demo.home / "releases")]
