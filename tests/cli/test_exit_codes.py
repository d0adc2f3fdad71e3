"""What scripts rely on: exit codes, help, and errors that say what failed, what state is left and what to run next."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from command_runs import Demo, Ran, assay, stored_files
from scale import at_ci

# DESIGN's commands. The first eight are shown in this order, the rest under "More".
FIRST = ["demo", "ingest", "search", "ask", "documents", "eval", "release", "features"]
MORE = ["stream", "billing", "llm", "costs", "keys", "doctor"]
GARBLED = "# Report\n\n" + "\N{REPLACEMENT CHARACTER}" * 80


def panels(help_text: str) -> dict[str, list[str]]:
    """Panel title -> the commands in it, in order."""
    found: dict[str, list[str]] = {}
    panel: list[str] = []
    for line in help_text.splitlines():
        if title := re.match(r"╭─ (.+?) ─+╮", line):
            panel = found.setdefault(title[1], [])
        elif command := re.match(r"│ ([a-z][a-z-]*) ", line):
            panel.append(command[1])
    return found


@dataclass(frozen=True)
class Refusal:
    """A command that must not run in an empty home: its exit code, and what it must say."""

    code: int
    arguments: tuple[str, ...]
    said: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)


REFUSALS = {
    "unknown command": Refusal(3, ("serach", "key"), ("serach", "`assay --help`")),
    "unknown option": Refusal(3, ("search", "key", "--modus", "dense"), ("--modus", "`assay --help`")),
    "unknown mode": Refusal(3, ("search", "key", "--mode", "fuzzy"), ("hybrid, dense, lexical", "`assay search TEXT`")),
    "unknown reranker": Refusal(3, ("search", "key", "--rerank", "magic"), ("`assay search TEXT --rerank none`",)),
    "not a date": Refusal(3, ("ingest", "tests", "--as-of", "yesterday"), ("yesterday", "`assay --help`")),
    "before the first partition": Refusal(
        3, ("ingest", "tests", "--as-of", "2020-01-01"), ("Nothing was run.", "`export ASSAY_FIRST_DAY=2020-01-01`")
    ),
    "a folder whose path rules it would leave behind": Refusal(
        3, ("ingest", "samples/inbox/2026-11-03"), ("overlaps source `sample`", "Nothing was run.", "`assay demo`")
    ),
    "misspelt setting": Refusal(
        3,
        ("ingest", "tests"),
        ("`ASSAY_CHUNK_SIZE_TOKEN` is not a setting. Did you mean `ASSAY_CHUNK_SIZE_TOKENS`?", "Nothing was run."),
        {"ASSAY_CHUNK_SIZE_TOKEN": "100"},
    ),
    "setting that does not fit": Refusal(
        3, ("search", "key"), ("`ASSAY_CHUNK_SIZE_TOKENS` does not fit",), {"ASSAY_CHUNK_SIZE_TOKENS": "few"}
    ),
    "nothing released": Refusal(2, ("search", "key", "--json"), ("NotReady: Nothing was released yet", "`make demo`")),
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    home = tmp_path_factory.mktemp("empty") / "home"
    with ThreadPoolExecutor(2) as pool:
        begun = {
            what: pool.submit(assay, home, *refusal.arguments, **refusal.settings) for what, refusal in REFUSALS.items()
        }
        ran = {what: one.result() for what, one in begun.items()}
    assert not stored_files(home), "a command that was refused wrote something"
    return ran


@pytest.mark.parametrize("what", REFUSALS)
def test_a_refusal_has_its_code_and_says_what_to_do(refused: dict[str, Ran], what: str) -> None:
    ran, expected = refused[what], REFUSALS[what]
    assert (ran.code, ran.out) == (expected.code, "")
    assert [said for said in expected.said if said not in ran.err] == []
    assert "Traceback" not in ran.err


def test_help_shows_the_groups_in_the_order_of_the_contract(tmp_path: Path) -> None:
    ran = assay(tmp_path, "--help")
    assert ran.code == 0
    shown = panels(ran.out)
    assert shown["Commands"] == [name for name in FIRST if name in shown["Commands"]]
    assert shown["More"] == [name for name in MORE if name in shown["More"]]
    assert {"demo", "ingest", "search", "documents"} <= set(shown["Commands"])
    assert "doctor" in shown["More"]


def test_an_unknown_document_ends_with_2(demo: Demo) -> None:
    ran = assay(demo.home, "documents", "show", "sample:no.md", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "No document `sample:no.md` was ever seen" in ran.err
    assert "`assay search TEXT`" in ran.err


@at_ci("a run by Dagster, half a minute of CPU")
def test_a_day_that_is_held_back_ends_with_1_and_reaches_neither_gold_nor_the_release(
    demo: Demo, tmp_path: Path
) -> None:
    home, reports = demo.copy(tmp_path), tmp_path / "reports"
    reports.mkdir()
    for name in ("one.md", "two.md"):
        (reports / name).write_text(GARBLED)
    (reports / "fine.md").write_text("# Fine\n\nThis report can be read by everybody.")
    before = stored_files(home)

    ran = assay(home, "ingest", str(reports), "--as-of", "2026-11-04")

    assert ran.code == 1
    assert "check failed silver/documents: text_is_not_garbled" in ran.out
    assert re.search(
        r"silver/documents holds back 2026-11-04 of source `reports-\w+` by `text_is_not_garbled`", ran.out
    )
    assert "3 files observed" in ran.out
    assert "added 0, changed 0, moved 0, deleted 0, quarantined 2, embedded 0, reused 0" in ran.out
    after = stored_files(home)
    untouched = (
        "vectors/",
        "releases/",
        "lake/gold/chunks/",
        "lake/gold/document_inventory/",
        "lake/silver/document_state/",
    )
    assert {name for name in after if name.startswith(untouched) and after[name] != before.get(name)} == set()
    assert {name for name in after.keys() - before.keys() if name.startswith("lake/silver/quarantined_documents/")}
