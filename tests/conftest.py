"""What every test starts from: no setting from outside, no state shared, no network."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values

if TYPE_CHECKING:
    from document_runs import HashingEncoder, Pipeline

    from assay.workspace import Workspace

# Names the suite itself reads; every other `ASSAY_` name of the caller's would change what the tests see.
_HARNESS_NAMES = frozenset({"ASSAY_TEST_SCALE", "ASSAY_REQUIRE_SERVICES", "ASSAY_SHARED_DATA"})

# A fork that has no use for events tests what it uses: the documents.
HAS_EVENTS = os.environ.get("ASSAY_EVENTS", dotenv_values(".env").get("ASSAY_EVENTS")) != ""
collect_ignore = [] if HAS_EVENTS else ["events", "features", "cli/test_features_command.py"]

# At import, because test modules are imported before any fixture runs; huggingface_hub reads its own then too.
for _name in [name for name in os.environ if name.upper().startswith("ASSAY_") and name not in _HARNESS_NAMES]:
    del os.environ[_name]
os.environ["HF_HUB_OFFLINE"] = "1"
# Three processes share two cores: threads of one model would wait for each other, spinning, whenever another process runs.
os.environ.setdefault("OMP_NUM_THREADS", "1")
if not HAS_EVENTS:
    os.environ["ASSAY_EVENTS"] = ""


def pytest_report_header() -> str:
    return "" if HAS_EVENTS else "ASSAY_EVENTS is empty: tests of the events half are left out"


@pytest.fixture(autouse=True, scope="session")
def _throwaway_home(tmp_path_factory: pytest.TempPathFactory):
    """Whoever forgets to name a home gets one of the test session, never the checkout's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A folder with a folder for every day; `document_runs.put(inbox / "2026-11-01", {...})` fills one."""
    return tmp_path / "inbox"


@pytest.fixture
def encoder() -> Iterator["HashingEncoder"]:
    """Stages run with quick stand-ins for the judge, the parser processes and the embedding model, which is given."""
    from document_runs import stand_ins

    with stand_ins() as encoder:
        yield encoder


@pytest.fixture
def pipeline(tmp_path: Path, inbox: Path, encoder: "HashingEncoder") -> "Pipeline":
    """Every document stage over the source `docs` in `inbox`, with the quick stand-ins of `encoder`."""
    from document_runs import Pipeline

    from assay.settings import SourceSettings

    return Pipeline.at(tmp_path / "home", SourceSettings(name="docs", uri=f"{inbox}/{{day}}"))


@pytest.fixture
def workspace(pipeline: "Pipeline") -> "Workspace":
    """Settings, lake and run of `pipeline`."""
    return pipeline.workspace()


# The demo, which many tests look at, is made beside a long file that does not wait for it; then the longest first, so
# that no process is left alone with one of them at the end. The rest comes in its own order.
FIRST = (
    "assets/test_range_run.py",
    "faults/test_killed_daemon_run.py",
    "faults/test_killed_runs.py",
    "integration/test_backfills.py",
    "integration/test_fork.py",
    "assets/test_blocked_day.py",
    "documents/test_invariants.py",
    "documents/test_volumes.py",
    "test_marts.py",
    "retrieval/test_deny_list.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    places = {folder / name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(FIRST)))
    if not HAS_EVENTS:
        for item in items:
            if item.get_closest_marker("events"):
                item.add_marker(pytest.mark.skip(reason="ASSAY_EVENTS is empty: the events half is switched off"))
