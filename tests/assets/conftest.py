"""The demo's home for the assets' tests, copies of it to launch runs in, and the switch that renews the snapshot."""

from pathlib import Path

import pytest
from command_runs import CHECKOUT, Demo, demo_of_session
from launched_homes import LaunchedHome


def pytest_addoption(parser: pytest.Parser) -> None:
    """Known to pytest when it is started with this folder: `python -m pytest tests/assets --update-snapshots`."""
    parser.addoption("--update-snapshots", action="store_true", help="Write definitions.snapshot.txt anew.")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return demo_of_session(tmp_path_factory)


@pytest.fixture
def used_home(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LaunchedHome:
    """A copy of the demo's home, which the settings and Dagster of this process name."""
    home = demo.copy(tmp_path)
    monkeypatch.chdir(CHECKOUT)
    monkeypatch.setenv("ASSAY_HOME", str(home))
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    return LaunchedHome(home)
