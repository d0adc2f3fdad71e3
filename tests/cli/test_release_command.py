"""`assay release` as a person or a script calls it."""

import io
import json
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import pytest
from command_runs import Demo, Ran, assay
from release_records import configuration_of, pointer_of, record_of, settings_of

from assay.cli import run
from assay.evaluation.golden_set import golden_set_for
from assay.releases.four_layer_gate import policy_for
from assay.releases.gate_record import write_record
from assay.retrieval.configurations import ReleaseConfiguration, write_manifest
from assay.retrieval.serving import flip, write_head
from assay.workspace import Run, Workspace

SMOKE = {"ASSAY_GOLDEN_QUESTIONS": ""}


def candidate(passages: int) -> dict[str, str]:
    """The environment of a candidate that answers from so many passages."""
    return {**SMOKE, "ASSAY_ANSWER_PASSAGES": str(passages)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One release serves. Of four others one passed, one failed, one could not be judged and one was not built."""
    home = tmp_path_factory.mktemp("releases")
    settings = settings_of(home)
    golden, _ = golden_set_for(Workspace(settings, Run("test", datetime(2026, 11, 23, tzinfo=UTC))))
    serving = configuration_of(home)
    for passages, verdict in ((5, None), (4, "PASS"), (3, "FAIL"), (2, "INCONCLUSIVE")):
        configuration = configuration_of(home, answer_passages=passages)
        write_manifest(settings.releases_path, configuration)
        write_head(settings.releases_path, pointer_of(configuration, passages))
        if verdict:
            record = record_of(
                configuration,
                verdict,
                version=passages,
                baseline=pointer_of(serving, 5),
                policy=policy_for(settings, golden),
                evaluation_set=golden.sha256,
            )
            write_record(settings.releases_path, record)
    flip(settings.releases_path, pointer_of(serving, 5), "promote")
    return home


def command(home: Path, *arguments: str, **environment: str) -> Ran:
    """The command in this process: its messages and exit code, without a new process's second of imports."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["assay", *arguments])
        for name, value in {"ASSAY_HOME": str(home), "COLUMNS": "240", **environment}.items():
            patch.setenv(name, value)
        code = run()
    return Ran(arguments, code, out.getvalue(), err.getvalue())


def release(home: Path, passages: int) -> str:
    configuration: ReleaseConfiguration = configuration_of(home, answer_passages=passages)
    return f"{configuration.configuration_id}@{passages}"


def test_what_did_not_pass_is_refused_with_its_own_exit_code_and_the_next_command(home: Path) -> None:
    failed, untold, absent = (command(home, "release", "promote", **candidate(passages)) for passages in (3, 2, 1))
    assert (failed.code, untold.code, absent.code) == (1, 2, 2)
    assert "failed the gate by `non_inferiority`" in failed.err
    assert "report.md" in failed.err
    assert "could not be told good or bad" in untold.err
    assert "`assay release gate`" in untold.err
    assert "not kept up to date" in absent.err
    assert json.loads(command(home, "release", "list", "--json", **SMOKE).out)["serving"] == release(home, 5)


def test_promote_and_rollback_say_what_serves_and_how_long_it_took(home: Path) -> None:
    listed = command(home, "release", "list", **candidate(4))
    promoted = command(home, "release", "promote", **candidate(4))
    took = r"took \d+ ms, the flip itself \d+\.\d ms"
    assert promoted.code == 0, promoted
    assert re.search(
        rf"{release(home, 4)} serves; before it, {release(home, 5)} did\. The promote {took}", promoted.out
    )
    assert listed.code == 0
    assert "PASS" in listed.out

    back = command(home, "release", "rollback", **candidate(4))
    assert back.code == 0, back
    assert re.search(rf"{release(home, 5)} serves; before it, {release(home, 4)} did\. The rollback {took}", back.out)

    told = json.loads(command(home, "release", "list", "--json", **candidate(4)).out)
    assert [(one["act"], one["release"], one["run_id"]) for one in told["history"]] == [
        ("promote", release(home, 5), "run-5"),
        ("promote", release(home, 4), "run-4"),
        ("rollback", release(home, 5), "run-5"),
    ]
    by_id = {one["release"]: one for one in told["releases"]}
    assert by_id[release(home, 4)]["gate"]["verdict"] == "PASS"
    assert "configured" in by_id[release(home, 4)]["roles"]
    assert any(role.startswith("retained until ") for role in by_id[release(home, 4)]["roles"])


def test_an_unknown_layer_is_wrong_usage(home: Path) -> None:
    ran = command(home, "release", "gate", "--require-layers", "3,5", **SMOKE)
    assert ran.code == 3
    assert "no layer `5`" in ran.err


def test_nothing_is_judged_before_anything_was_built(tmp_path: Path) -> None:
    ran = command(tmp_path, "release", "gate", **SMOKE)
    assert ran.code == 2
    assert "`assay ingest DIR`" in ran.err


def test_the_demo_is_judged_before_it_serves_and_leads_back_to_its_run(demo: Demo) -> None:
    told = json.loads(assay(demo.home, "release", "list", "--json").out)
    (one,) = told["releases"]
    assert one["roles"] == ["serving", "configured"]
    assert one["gate"]["verdict"] == "PASS"
    assert one["gate"]["baseline"] is None
    assert not one["gate"]["smoke"]
    assert one["gate"]["run_id"] == one["run_id"] == told["history"][0]["run_id"]
    assert re.fullmatch(r"[0-9a-f-]{36}", one["run_id"])
    assert Path(one["gate"]["report"]).exists()


def test_the_demo_ends_with_its_verdict_and_judges_nothing_when_it_runs_again(demo: Demo) -> None:
    first, again = (ran.out for ran in demo.runs)
    serving = json.loads((demo.home / "releases/serving.json").read_text())["release_id"]
    assert f"{serving} promoted" in first
    for out in (first, again):
        assert "PASS without a baseline" in out
        assert f"{serving} serves." in out
    assert "no candidate: the configured" in again
    assert f"{serving} goes on serving" in again


def test_a_layer_that_is_required_and_missing_is_inconclusive(demo: Demo, tmp_path: Path) -> None:
    """From the scores that are kept: nothing is asked again, and so no model is loaded."""
    ran: Ran = assay(demo.copy(tmp_path), "release", "gate", "--require-layers", "3", "--json")
    record = json.loads(ran.out)
    assert ran.code == 2
    assert record["decision"]["verdict"] == "INCONCLUSIVE"
    assert record["layers"]["3"].startswith("SKIPPED")
