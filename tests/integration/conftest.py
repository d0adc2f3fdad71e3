"""The demo that these tests look at."""

import pytest
from command_runs import Demo, demo_of_session


@pytest.fixture(scope="session")
def demo(request: pytest.FixtureRequest) -> Demo:
    return demo_of_session(request)
