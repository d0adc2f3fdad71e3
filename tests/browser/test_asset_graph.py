"""The asset graph in a real browser: every asset with its checks, and no sign-up pop-up in front of it."""

import html
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from command_runs import Demo
from dagster_processes import dagster_processes

from assay.settings import Settings
from assets.definitions import defs
from assets.releases import SERVING_KEY

BROWSER = "chromium"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not shutil.which(BROWSER) and not os.environ.get("ASSAY_REQUIRE_SERVICES"),
        reason=f"`{BROWSER}` is not on PATH: apt-get install {BROWSER}",
    ),
]

START_SECONDS = 120
# Dagster's pop-up opens a second after the page; the graph is laid out in less.
VIRTUAL_MILLISECONDS = 25_000
# Large enough that Dagster draws nodes with their names in full and what their checks said.
WINDOW = "3600,2400"
GRAPH = "/assets/release/serving?view=lineage&lineageScope=upstream&lineageDepth=8"
SHOWN = dg.AssetSelection.assets(SERVING_KEY).upstream().resolve(defs.resolve_asset_graph())
POP_UP = ("Join the Dagster community", "newsletter", "security updates", "Sign up")


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which(BROWSER)
    return found or pytest.fail(f"`{BROWSER}` is not on PATH, and ASSAY_REQUIRE_SERVICES wants every test to run")


@pytest.fixture(scope="module")
def dagster_home(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.copy(tmp_path_factory.mktemp("browser")) / "dagster"


@pytest.fixture(scope="module")
def server(chromium: str, dagster_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Dagster's web server over the demo's home."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with dagster_processes(Settings(home=dagster_home.parent), log, with_daemon=False) as dagster:
        yield dagster.address


@pytest.fixture(scope="module")
def page(chromium: str, server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a visitor reads on the page of the graph, line by line."""
    profile = tmp_path_factory.mktemp("profile")
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
        f"--user-data-dir={profile}", f"--window-size={WINDOW}", f"--virtual-time-budget={VIRTUAL_MILLISECONDS}",
        "--dump-dom", f"{server}{GRAPH}",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        document, errors = process.communicate(timeout=START_SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert process.returncode == 0, errors
    without_code = re.sub(r"<(script|style)\b.*?</\1>", "", document, flags=re.DOTALL)
    return html.unescape(re.sub(r"\s*(<[^>]*>\s*)+", "\n", without_code))


def test_the_graph_names_every_asset(page: str) -> None:
    lines = page.splitlines()
    names = sorted(key.path[-1] for key in SHOWN)
    assert sorted(line for line in lines if line in set(names) and line != "serving") == [
        name for name in names if name != "serving"
    ]
    assert lines.count("serving") >= 2, "in the graph and in the page's title"


def test_every_check_of_the_demo_is_shown_as_passed(page: str) -> None:
    graph = defs.resolve_asset_graph()
    counted = sorted(
        len(graph.get_check_keys_for_assets({key})) for key in SHOWN if graph.get_check_keys_for_assets({key})
    )
    passed = [(int(one), int(of)) for one, of in re.findall(r"^(\d+) / (\d+) Passed$", page, re.MULTILINE)]
    assert sorted(passed) == [(count, count) for count in counted]


def test_no_pop_up_asks_to_sign_up(page: str) -> None:
    assert "Nearest Neighbors" in page, "the page did not load"
    assert [said for said in POP_UP if said.lower() in page.lower()] == []
