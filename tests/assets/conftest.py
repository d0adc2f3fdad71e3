"""The demo that these tests look at, and the switch that renews the snapshot."""

import pytest
from command_runs import Demo, demo_of_session


def pytest_addoption(parser: pytest.Parser) -> None:
    """Known to pytest when it is started with this folder: `python -m pytest tests/assets --update-snapshots`."""
    parser.addoption("--update-snapshots", action="store_true", help="Write definitions.snapshot.txt anew.")


@pytest.fixture(scope="session")
def demo(request: pytest.FixtureRequest) -> Demo:
    return demo_of_session(request)
