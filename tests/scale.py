"""How much is tested: what takes minutes waits for `ASSAY_TEST_SCALE=ci`, what takes longer still for `make soak`.

Counts of examples grow with the scale in the modules themselves: `200 if AT_CI else 40`.
"""

import os

import pytest

SCALE = os.environ.get("ASSAY_TEST_SCALE", "")
AT_CI, AT_SOAK = SCALE == "ci", SCALE == "soak"


def at_ci(what_it_costs: str) -> pytest.MarkDecorator:
    """Skips at the default scale, and says why; `make soak` runs it in the files that it names."""
    return pytest.mark.skipif(not (AT_CI or AT_SOAK), reason=f"{what_it_costs}: at ASSAY_TEST_SCALE=ci")


def at_soak(what_it_costs: str) -> pytest.MarkDecorator:
    """Skips everywhere but in `make soak`, and says why."""
    return pytest.mark.skipif(not AT_SOAK, reason=f"{what_it_costs}: `make soak` runs it")
