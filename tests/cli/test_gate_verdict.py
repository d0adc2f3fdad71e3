"""With what a run ends whose gate said no, or could not tell."""

from typing import Any

import pytest

from assay.cli.gate_verdict import exit_code
from assay.cli.launching import PipelineResult


def check(name: str, severity: str = "ERROR", **seen: str) -> dict[str, Any]:
    return {"asset": "release/evaluation", "name": name, "passed": False, "severity": severity, "seen": seen}


def result(*checks: dict[str, Any], success: bool = False, errors: tuple[str, ...] = ()) -> PipelineResult:
    return PipelineResult("run", success, {}, list(checks), list(errors), {})


FAILED = check("four_layer_gate_passed", verdict="FAIL")
UNTOLD = check("four_layer_gate_passed", verdict="INCONCLUSIVE")
OTHER = check("fast_gate_passed")


@pytest.mark.parametrize(
    ("ran", "code"),
    [
        ([result(success=True)], 0),
        ([result(check("volumes", "WARN"), success=True)], 0),
        ([result(FAILED)], 1),
        ([result(UNTOLD)], 2),
        ([result(UNTOLD), result(success=True)], 2),
        ([result(UNTOLD, OTHER)], 1),
        ([result(UNTOLD), result(OTHER)], 1),
        ([result(UNTOLD, errors=("A step raised.",))], 1),
        ([result(errors=("A step raised.",))], 1),
    ],
)
def test_only_a_gate_that_could_not_tell_ends_with_2(ran: list[PipelineResult], code: int) -> None:
    assert exit_code(*ran) == code
