"""What every test starts from: no setting from outside, no state shared, no network."""

import os

import pytest

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
