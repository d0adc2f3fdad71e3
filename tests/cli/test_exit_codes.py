"""What scripts rely on: exit codes, help, and errors that say what failed, what state is left and what to run next."""

import re
from pathlib import Path

import pytest
from command_runs import Demo, Ran, assay, stored_files, together

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


def test_help_shows_the_groups_in_the_order_of_the_contract(tmp_path: Path) -> None:
    ran = assay(tmp_path, "--help")
    assert ran.code == 0
    shown = panels(ran.out)
    assert shown["Commands"] == [name for name in FIRST if name in shown["Commands"]]
    assert shown["More"] == [name for name in MORE if name in shown["More"]]
    assert {"demo", "ingest", "search", "documents"} <= set(shown["Commands"])
    assert "doctor" in shown["More"]


WRONG_USE = {
    "unknown command": ("serach", "key"),
    "unknown option": ("search", "key", "--modus", "dense"),
    "unknown mode": ("search", "key", "--mode", "fuzzy"),
    "unknown reranker": ("search", "key", "--rerank", "magic"),
    "not a date": ("ingest", ".", "--as-of", "yesterday"),
    "before the first partition": ("ingest", ".", "--as-of", "2020-01-01"),
}


@pytest.fixture(scope="module")
def wrong_use(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    home = tmp_path_factory.mktemp("wrong") / "home"
    ran = dict(zip(WRONG_USE, together(home, *WRONG_USE.values()), strict=True))
    assert not stored_files(home), "a command that was used wrongly wrote something"
    return ran


@pytest.mark.parametrize("what", WRONG_USE)
def test_wrong_use_ends_with_3_and_a_message(wrong_use: dict[str, Ran], what: str) -> None:
    ran = wrong_use[what]
    assert (ran.code, ran.out) == (3, "")
    assert "Traceback" not in ran.err
    assert "`assay " in ran.err or "`export " in ran.err, "the next command is named"


def test_a_misspelt_setting_ends_with_3_and_names_the_right_one(tmp_path: Path) -> None:
    ran = assay(tmp_path, "ingest", ".", ASSAY_CHUNK_SIZE_TOKEN="100")
    assert (ran.code, ran.out) == (3, "")
    assert "`ASSAY_CHUNK_SIZE_TOKEN` is not a setting. Did you mean `ASSAY_CHUNK_SIZE_TOKENS`?" in ran.err
    assert "Nothing was run." in ran.err


def test_a_setting_that_does_not_fit_ends_with_3(tmp_path: Path) -> None:
    ran = assay(tmp_path, "search", "key", ASSAY_CHUNK_SIZE_TOKENS="few")
    assert (ran.code, ran.out) == (3, "")
    assert "`ASSAY_CHUNK_SIZE_TOKENS` does not fit" in ran.err


def test_nothing_released_ends_with_2_and_the_way_to_a_release(tmp_path: Path) -> None:
    ran = assay(tmp_path, "search", "key", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("NotReady: Nothing was released yet")
    assert "`make demo`" in ran.err


def test_an_unknown_document_ends_with_2(demo: Demo) -> None:
    ran = assay(demo.home, "documents", "show", "sample:no.md", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "No document `sample:no.md` was ever seen" in ran.err
    assert "`assay search TEXT`" in ran.err


def test_a_blocking_check_that_fails_ends_with_1_and_stops_what_comes_after(demo: Demo, tmp_path: Path) -> None:
    home, reports = demo.copy(tmp_path), tmp_path / "reports"
    reports.mkdir()
    for name in ("one.md", "two.md"):
        (reports / name).write_text(GARBLED)
    (reports / "fine.md").write_text("# Fine\n\nThis report can be read by everybody.")
    before = stored_files(home)

    ran = assay(home, "ingest", str(reports), "--as-of", "2026-11-04")

    assert ran.code == 1
    assert "check failed silver/documents: text_is_not_garbled" in ran.out
    assert [line for line in ran.out.splitlines() if "did not run" in line and "silver/document_state" in line]
    assert [line for line in ran.out.splitlines() if "did not run" in line and "release/serving" in line]
    assert "3 files observed" in ran.out
    assert "added 0, changed 0, deleted 0, quarantined 2, embedded 0, reused 0" in ran.out
    after = stored_files(home)
    untouched = ("vectors/", "releases/", "lake/gold/", "lake/silver/document_state/")
    assert {name for name in after if name.startswith(untouched) and after[name] != before.get(name)} == set()
    assert {name for name in after.keys() - before.keys() if name.startswith("lake/silver/quarantined_documents/")}
