"""The asset graph in a real browser: every asset with its checks, and no sign-up pop-up in front of it."""

import html
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_runs import CHECKOUT, Demo

from assets.definitions import defs

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
WINDOW = "2400,1600"
GRAPH = "/assets/release/serving?view=lineage&lineageScope=upstream&lineageDepth=8"
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
    """The address of Dagster's web server over the demo's home; its process group is killed afterwards."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    port = _free_port()
    command = [
        str(Path(sys.executable).with_name("dagster-webserver")), "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port),
    ]  # fmt: skip
    environment = {**os.environ, "DAGSTER_HOME": str(dagster_home), "ASSAY_HOME": str(dagster_home.parent)}
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_SECONDS
        while not _answers(address):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/server_info", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


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
    names = sorted(key.path[-1] for key in defs.resolve_asset_graph().get_all_asset_keys())
    assert sorted(line for line in lines if line in set(names) and line != "serving") == [
        name for name in names if name != "serving"
    ]
    assert lines.count("serving") >= 2, "in the graph and in the page's title"


def test_every_check_of_the_demo_is_shown_as_passed(page: str) -> None:
    graph = defs.resolve_asset_graph()
    counted = sorted(
        len(graph.get_check_keys_for_assets({key}))
        for key in graph.get_all_asset_keys()
        if graph.get_check_keys_for_assets({key})
    )
    passed = [(int(one), int(of)) for one, of in re.findall(r"^(\d+) / (\d+) Passed$", page, re.MULTILINE)]
    assert sorted(passed) == [(count, count) for count in counted]


def test_no_pop_up_asks_to_sign_up(page: str) -> None:
    assert "Nearest Neighbors" in page, "the page did not load"
    assert [said for said in POP_UP if said.lower() in page.lower()] == []
