"""The runs of `assay` that the command line's tests look at."""

import pytest
from command_runs import Demo, Ingests, demo_of_session, ingests_of_session


@pytest.fixture(scope="session")
def demo(request: pytest.FixtureRequest) -> Demo:
    return demo_of_session(request)


@pytest.fixture(scope="session")
def ingests(request: pytest.FixtureRequest) -> Ingests:
    return ingests_of_session(request)
