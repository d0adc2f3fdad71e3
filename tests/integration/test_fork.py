"""A fork as docs/fork.md makes it: another name, other people's documents, no events; and it loads, runs and is tested.

At ASSAY_TEST_SCALE=ci a choice of its tests is run, at soak all of them.
"""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from forked_checkout import CHECKOUT, DEADLINE_SECONDS, OURS, THEIRS, Fork, commands_under, fork
from scale import AT_CI, at_ci

pytestmark = [
    at_ci("forks the checkout"),
    pytest.mark.skipif(
        not (CHECKOUT / ".git").exists() or not shutil.which("git"), reason="what is forked is a git checkout"
    ),
    pytest.mark.skipif(not shutil.which("perl"), reason="docs/fork.md renames with perl"),
]

# What a fork breaks first: where modules lie, what they are called, what settings and rows are, what the gate says. Some
# 10 s of CPU; the definitions are loaded by `dg check defs`.
CHOSEN = (
    "tests/test_layout.py",
    "tests/test_settings.py",
    "tests/test_schema.py",
    "tests/evaluation/test_gate_decision.py",
    "tests/evaluation/test_gate_item_scores.py",
)
# As it is renamed: they keep the sample's word for it.
KEPT = ("samples/inbox/", "samples/golden/")

DOCUMENTS, PARAGRAPHS = 10, 4


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Fork:
    return fork(tmp_path_factory.mktemp("fork"))


def foreign_documents(folder: Path) -> str:
    """Fill a folder with texts that are not ours, each under a question as its heading; a question of the first one.

    Paragraphs of XQuAD where they are there, else texts of a few made-up museums.
    """
    folder.mkdir()
    shared = os.environ.get("ASSAY_SHARED_DATA")
    found = sorted(Path(shared).glob("**/xquad_en/xquad.en.json")) if shared else []
    if found:
        articles = json.loads(found[0].read_text(encoding="utf-8"))["data"][:DOCUMENTS]
        pages = [
            (paragraph["qas"][0]["question"], paragraph["context"])
            for article in articles
            for paragraph in article["paragraphs"][:PARAGRAPHS]
        ]
    else:
        pages = [museum(number) for number in range(DOCUMENTS * PARAGRAPHS)]
    for number, (question, text) in enumerate(pages):
        (folder / f"page-{number:02d}.md").write_text(f"# {question}\n\n{text}\n", encoding="utf-8")
    return pages[0][0]


def museum(number: int) -> tuple[str, str]:
    things = ("clocks", "kites", "bells", "looms", "maps", "lamps", "masks", "boats")
    towns = ("Aarhus", "Bergen", "Cork", "Delft", "Evora", "Fano", "Graz", "Hyères")
    thing, town = things[number % 8], towns[number // 8]
    question = f"When may the {thing} of the museum of {town} be seen?"
    return question, (
        f"The museum of {town} shows its {thing} from {8 + number % 3} in the morning. Its collection has {100 + number} pieces, "
        f"and the oldest of the {thing} was made in {1500 + 3 * number}. On feast days of {town} the door stays shut."
    )


def test_no_file_keeps_the_old_name_but_the_sample(forked: Fork) -> None:
    named = forked.run("git", "grep", "-lIi", OURS).stdout.splitlines()
    assert named, "the sample speaks of it"
    assert not [name for name in named if not name.startswith(KEPT)]
    paths = forked.run("git", "ls-files").stdout.splitlines()
    assert f"platform/{THEIRS}/settings.py" in paths
    assert not [name for name in paths if OURS in name.lower()]


def test_a_process_of_the_fork_finds_the_new_package_and_not_the_old_one(forked: Fork) -> None:
    found = forked.installed("python", "-c", f"import {THEIRS}.settings as s; print(s.__file__, s.Settings().home)")
    assert found.stdout.split() == [
        str(forked.root / "platform" / THEIRS / "settings.py"),
        forked.environment[f"{THEIRS.upper()}_HOME"],
    ]
    old = forked.installed("python", "-c", f"import {OURS}")
    assert old.returncode == 1
    assert old.stdout.endswith(f"ModuleNotFoundError: No module named '{OURS}'\n")


def test_the_page_puts_the_imports_into_order_and_the_linter_agrees(forked: Fork) -> None:
    _, sorts = commands_under("1. Rename it")
    own = [line for line in sorts.splitlines() if line.startswith(".venv/bin/ruff")]
    assert len(own) == 2
    done = forked.run("bash", "-euc", "\n".join([*own, ".venv/bin/ruff check .", ".venv/bin/ruff format --check ."]))
    assert done.returncode == 0, done.stdout


def test_its_definitions_load(forked: Fork, tmp_path: Path) -> None:
    shutil.copy(forked.root / "dagster.yaml", tmp_path)  # which switches Dagster's telemetry off
    checked = forked.installed("dg", "check", "defs", DAGSTER_HOME=str(tmp_path))
    assert checked.returncode == 0, checked.stdout
    assert "All definitions loaded successfully." in checked.stdout


def test_its_demo_releases_foreign_documents_under_the_policy_smoke(forked: Fork, tmp_path: Path) -> None:
    question = foreign_documents(tmp_path / "pages")
    ran = forked.installed(THEIRS, "demo", "--documents", str(tmp_path / "pages"))
    assert ran.returncode == 0, ran.stdout
    assert f"{DOCUMENTS * PARAGRAPHS} files observed, 0 refused" in ran.stdout
    assert "SMOKE" in ran.stdout
    assert OURS not in ran.stdout.lower()
    report = forked.installed(THEIRS, "eval", "report").stdout
    assert report.startswith("## PASS: ")
    assert "under the policy `smoke`" in report
    assert all(line.endswith(" · SMOKE") for line in report.splitlines() if line.startswith("#"))
    found = forked.installed(THEIRS, "search", question, "--mode", "lexical", "--k", "1", "--json")
    assert json.loads(found.stdout)["hits"][0]["document_id"].endswith(":page-00.md")


@pytest.mark.timeout(DEADLINE_SECONDS)  # all of them take longer than a test may
def test_what_is_left_of_its_tests_passes(forked: Fork) -> None:
    """Without its events: those tests are left out or skipped, and say why."""
    chosen = CHOSEN if AT_CI else ("--numprocesses", "2", "--dist", "loadfile", "--no-loadscope-reorder")
    ran = forked.installed("python", "-m", "pytest", "-p", "no:cacheprovider", *chosen)
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert f"{THEIRS.upper()}_EVENTS is empty" in ran.stdout
    assert int(re.findall(r"(\d+) passed", ran.stdout)[-1]) > 50
