"""A promotion or rollback is killed at every commit it makes: one whole release serves, and the next command mends the rest."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from commit_boundaries import Boundary
from killed_promotion import BOUNDARIES
from release_records import configuration_of, pointer_of, record_of, settings_of
from scale import AT_CI

from assay.errors import NotReady
from assay.evaluation.golden_set import golden_set_for
from assay.releases.four_layer_gate import policy_for
from assay.releases.gate_record import write_record
from assay.releases.promotion import promote, rollback
from assay.retrieval import ServingPointer, read_pointer
from assay.retrieval.configurations import write_manifest
from assay.retrieval.serving import flip, read_acts, write_head
from assay.settings import Settings
from assay.workspace import Run, Workspace

CHECKOUT = Path(__file__).resolve().parents[2]
# A rollback commits what a promotion does: all eight kills at scale, without it one of a rollback.
CASES = [
    (act, one)
    for act in ("promote", "rollback")
    for one in BOUNDARIES
    if act == "promote" or one is BOUNDARIES[1] or AT_CI
]

pytestmark = pytest.mark.faults


@dataclass(frozen=True)
class Killed:
    """A home in which an act was killed, and what should serve before and after it."""

    settings: Settings
    code: int
    before: ServingPointer
    after: ServingPointer
    served: ServingPointer | None
    acts: list[str]


def workspace_of(settings: Settings) -> Workspace:
    return Workspace(settings, Run("test", datetime(2026, 11, 23, tzinfo=UTC)))


def prepared(home: Path, act: str) -> tuple[Settings, ServingPointer, ServingPointer]:
    """One release serves; another passed the gate, or served before it. Settings, what serves, what the act makes serve."""
    settings = settings_of(home, answer_passages=3)
    path = settings.releases_path
    one, other = configuration_of(home, answer_passages=5), configuration_of(home, answer_passages=3)
    for configuration in (one, other):
        write_manifest(path, configuration)
        write_head(path, pointer_of(configuration))
    workspace = workspace_of(settings)
    golden, _ = golden_set_for(workspace)
    record = record_of(
        other, baseline=pointer_of(one), policy=policy_for(settings, golden), evaluation_set=golden.sha256
    )
    write_record(path, record)
    flip(path, pointer_of(one), "promote")
    if act == "promote":
        return settings, pointer_of(one), pointer_of(other)
    flip(path, pointer_of(other), "promote")
    return settings, pointer_of(other), pointer_of(one)


def kill(home: Path, act: str, boundary: str) -> Killed:
    settings, before, after = prepared(home, act)
    tests = [str(CHECKOUT / "tests"), str(CHECKOUT / "tests/faults")]
    ended = subprocess.run(
        [sys.executable, Path(__file__).with_name("killed_promotion.py"), act, "--boundary", boundary],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(tests),
            "ASSAY_HOME": str(home),
            "ASSAY_ANSWER_PASSAGES": "3",
            "ASSAY_GOLDEN_QUESTIONS": "",
        },
        start_new_session=True,
        capture_output=True,
        timeout=120,
    )
    acts = [one.act for one in read_acts(settings.releases_path)]
    return Killed(settings, ended.returncode, before, after, read_pointer(settings.releases_path), acts)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Killed]:
    """Every act killed at every boundary, two at a time, for each waits for its imports."""
    folder = tmp_path_factory.mktemp("killed")
    cases = [(act, one.name) for act, one in CASES]
    with ThreadPoolExecutor(2) as pool:
        ran = [pool.submit(kill, folder / f"{number}", *case) for number, case in enumerate(cases)]
        return {case: one.result() for case, one in zip(cases, ran, strict=True)}


@pytest.mark.parametrize(("act", "boundary"), CASES, ids=[f"{act} {one.name}" for act, one in CASES])
def test_one_whole_release_serves_and_the_next_command_mends_the_history(
    killed: dict[tuple[str, str], Killed], act: str, boundary: Boundary
) -> None:
    found, is_released = killed[act, boundary.name], boundary.is_released
    assert found.code == -signal.SIGKILL
    assert found.served == (found.after if is_released else found.before)

    # Whoever is next: the same command again, which finds the act done, or does it.
    settings = found.settings
    if act == "promote" and is_released:
        with pytest.raises(NotReady, match="serves already"):
            promote(workspace_of(settings))
    elif act == "promote":
        promote(workspace_of(settings))
    elif is_released:  # a second rollback would go back further, and there is nothing
        with pytest.raises(NotReady, match="nothing to roll back to"):
            rollback(settings)
    else:
        rollback(settings)

    acts = read_acts(settings.releases_path)
    assert read_pointer(settings.releases_path) == acts[-1].pointer == found.after
    assert [one.act for one in acts] == (
        ["promote", "promote"] if act == "promote" else ["promote", "promote", "rollback"]
    )
    assert not [path for path in settings.releases_path.iterdir() if path.name.startswith(".") and is_released]
