"""`assay demo` as a newcomer sees it, twice."""

import re
import shlex

import pytest
from command_runs import ASSAY, CHECKOUT, UNREAD_SCANS, Demo, assay

from assay.events.simulator import read_scenario, simulate


def watched(processes: dict[str, set[str]]) -> dict[str, set[str]]:
    """The launching process and the command itself, by what they are; workers must not import anything heavy."""
    by_kind = {"assets.launch": set(), "assay demo": set(), "other": set()}
    for command, imported in processes.items():
        by_kind[next((kind for kind in by_kind if kind in command), "other")] |= imported
    return by_kind


def test_every_stage_says_what_it_did(demo: Demo) -> None:
    out = demo.runs[0].out
    for said in (
        "138 files observed, 0 refused",
        "feed: 74 added, 9 edited, 0 re-permitted, 1 moved, 4 deleted",
        f"{83 - UNREAD_SCANS} texts (83 parsed now, 1 known), {1 + UNREAD_SCANS} quarantined",
        f"{69 - UNREAD_SCANS} added, 0 changed, 0 moved, 0 deleted; {69 - UNREAD_SCANS} stand, 5 tombstones",
        "1 exact and 1 near duplicates hidden",
        f"{386 - UNREAD_SCANS} chunks; {67 - UNREAD_SCANS} documents chunked, 0 kept, 0 removed",
        f"{380 - UNREAD_SCANS} embedded, 6 reused; {386 - UNREAD_SCANS} in, 0 updated, 0 out",
        "24 of 24 canary questions answered",
    ):
        assert said in out
    assert "did not run" not in out
    assert "Nothing changed" not in out


@pytest.mark.events
def test_every_stage_of_the_events_says_what_it_did(demo: Demo) -> None:
    """As many of everything as the simulator knows that there are."""
    simulation = simulate(read_scenario(demo.scenario))
    truth, records, out = simulation.truth(), simulation.log.num_rows, demo.runs[0].out
    quarantined = sum(truth.quarantined.values())
    for said in (
        f"{records} records in the log, {records} new",
        f"{records - quarantined} typed, {quarantined} quarantined; ",
        f"{truth.events.num_rows:,} events, every retry counted once",
        f"{truth.viewer_sessions.num_rows:,} sessions of viewers",
        f"{truth.billable_impressions.num_rows:,} impressions to bill",
        f"{truth.expected_invoice.num_rows:,} lines of invoices",
        f"{truth.impression_labels.num_rows:,} impressions with a label: disputed or not",
    ):
        assert said in out


@pytest.mark.parametrize("number", [0, 1], ids=["first", "again"])
def test_it_ends_with_an_answered_question_and_two_commands(demo: Demo, number: int) -> None:
    out = demo.runs[number].out
    answer = out[out.index("What happens if I dispute") : out.index("Two commands to try next:")]
    assert "1. sample:ads/billing-faq.md [" in answer
    assert "A closed invoice is never rewritten." in answer
    assert re.search(r"^release [0-9a-f]{12}@\d+: open", answer, re.MULTILINE)
    commands = out[out.index("Two commands to try next:") :].splitlines()[1:]
    assert len(commands) == 2
    assert demo.runs[number].err == ""


def test_the_command_to_try_next_can_be_run_as_it_is_printed(demo: Demo) -> None:
    """On a terminal of 80 columns, and without one."""
    out = demo.runs[1].out
    command, make = out[out.index("Two commands to try next:") :].splitlines()[1:]
    program, *arguments = shlex.split(command, comments=True)
    assert (CHECKOUT / program).resolve() == ASSAY.resolve()
    searched = assay(demo.home, *arguments)
    assert searched.code == 0
    assert "1. sample:ads/billing-faq.md [" in searched.out
    assert shlex.split(make, comments=True) == ["make", "dev"]


def test_the_second_run_does_nothing(demo: Demo) -> None:
    out = demo.runs[1].out
    assert "Nothing changed since the last run" in out
    assert "0 embedded, 0 reused" in out


@pytest.mark.events
def test_the_second_run_does_nothing_to_the_events_either(demo: Demo) -> None:
    out = demo.runs[1].out
    assert " records in the log, 0 new" in out
    assert "Nothing changed in the log: no event was typed, no mart or feature built." in out


def test_the_second_run_imports_neither_torch_nor_great_expectations(demo: Demo) -> None:
    first, again = (watched(processes) for processes in demo.processes)
    assert first["assets.launch"] == {"torch", "great_expectations"}, "the watcher sees imports"
    assert again["assets.launch"] == again["other"] == set()


def test_neither_run_searches_with_torch(demo: Demo) -> None:
    """The demo's question was embedded by the gate; its vector is known."""
    assert [watched(processes)["assay demo"] for processes in demo.processes] == [set(), set()]


def test_parser_processes_stay_light(demo: Demo) -> None:
    workers = {command: imported for command, imported in demo.processes[0].items() if "parsing.worker" in command}
    assert len(workers) >= 2
    assert set().union(*workers.values()) == set()
