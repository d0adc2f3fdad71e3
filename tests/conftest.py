"""What every test starts from: no setting from outside, no state shared, no network."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from document_runs import HashingEncoder, Pipeline

    from assay.workspace import Workspace

# Names the suite itself reads; every other `ASSAY_` name of the caller's would change what the tests see.
_HARNESS_NAMES = frozenset({"ASSAY_TEST_SCALE", "ASSAY_REQUIRE_SERVICES", "ASSAY_SHARED_DATA"})

# At import, because test modules are imported before any fixture runs; huggingface_hub reads its own then too.
for _name in [name for name in os.environ if name.upper().startswith("ASSAY_") and name not in _HARNESS_NAMES]:
    del os.environ[_name]
os.environ["HF_HUB_OFFLINE"] = "1"


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
