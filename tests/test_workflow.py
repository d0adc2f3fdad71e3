"""The workflow by which a fork gates its pull requests: its steps run as a runner runs them, with commands that only end."""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from assay.cli import app
from assay.evaluation.gate.recorded_arms import RECORD_FILE

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "gate.yml"
RELEASE = "0123456789ab@3"
ALWAYS = "${{ !cancelled() }}"


def workflow() -> dict[Any, Any]:
    return yaml.safe_load(WORKFLOW.read_text())


def steps(job: str) -> list[dict[str, Any]]:
    return workflow()["jobs"][job]["steps"]


def every_step() -> list[dict[str, Any]]:
    return [step for job in workflow()["jobs"] for step in steps(job)]


def scripts() -> list[str]:
    return [step["run"] for step in every_step() if "run" in step]


def test_actions_are_pinned_to_a_major_version_and_python_is_the_tested_one() -> None:
    used = [step["uses"] for step in every_step() if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", one) for one in used)
    pythons = [step["with"] for step in every_step() if "setup-python" in step.get("uses", "")]
    assert [(one["python-version"], one["cache"]) for one in pythons] == [("3.11", "pip")] * len(workflow()["jobs"])
    for one in pythons:
        assert all((ROOT / name).is_file() for name in one["cache-dependency-path"].split())


def test_the_token_may_write_nothing() -> None:
    assert set(workflow()["permissions"].values()) == {"read"}
    assert not [job for job in workflow()["jobs"].values() if "permissions" in job]
    assert "pull_request_target" not in WORKFLOW.read_text()


def test_every_command_exists_with_its_options() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    makes = [name for script in scripts() for name in re.findall(r"\bmake ([a-z-]+)", script)]
    assert set(makes) == {"lint", "test", "setup"} <= targets
    calls = [call for script in scripts() for call in re.findall(r"\.venv/bin/assay ([^|>\n]*)", script)]
    assert len(calls) == 4
    for call in calls:
        command, rest = typer.main.get_command(app), call.split()
        while rest and hasattr(command, "commands"):
            command = command.commands[rest.pop(0)]
        options = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        assert {word for word in rest if word.startswith("--")} <= options, call


def test_the_record_of_what_was_asked_is_kept_beside_the_scores_and_compared(tmp_path: Path) -> None:
    [kept] = [step["with"] for step in every_step() if step.get("with", {}).get("name") == "scores"]
    assert kept["path"].split() == ["scores/scores.jsonl", f"scores/{RECORD_FILE}"]
    [compared] = [line for script in scripts() for line in script.splitlines() if "eval compare" in line]
    assert "--recorded" in compared
    assert "--policy" not in compared, "the candidate's record names the policy"
    judged(tmp_path)
    assert (tmp_path / "scores" / RECORD_FILE).is_file()
    assert (tmp_path / "scores" / "scores.jsonl").is_file()


@dataclass
class Runner:
    """A runner's own rules: `bash -e -o pipefail`, steps without a condition only while nothing has failed."""

    folder: Path
    commands: dict[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def run(self, job: str) -> bool:
        """Whether the job is green."""
        for name, script in self.commands.items():
            place = self.folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"#!/bin/sh\n{script}\n")
            place.chmod(0o755)
        for step in steps(job):
            assert step.get("if") in (None, ALWAYS), "a condition that this runner does not know"
            assert "continue-on-error" not in step
            if "run" in step and (not self.failed or step.get("if") == ALWAYS):
                self._step(step)
        return not self.failed

    def _step(self, step: dict[str, Any]) -> None:
        output = self.folder / "output"
        output.write_text("")
        given = {name: self._value(value) for name, value in step.get("env", {}).items()}
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env={
                "PATH": f"{self.folder}:/usr/bin:/bin",
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
                **given,
            },
            capture_output=True,
            text=True,
        )
        (self.folder / "log").open("a").write(ran.stdout + ran.stderr)
        if "id" in step:
            self.outputs[step["id"]] = dict(line.split("=", 1) for line in output.read_text().splitlines())
        if ran.returncode:
            self.failed.append(step.get("name", step["run"]))

    def _value(self, text: str) -> str:
        found = re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}", text)
        return self.outputs.get(found[1], {}).get(found[2], "") if found else text


def judged(
    folder: Path, *, demo: int = 0, gate: int = 0, compare: int = 0, scores: bool = True, main: str = "7"
) -> Runner:
    """The gate's job after its commands ended so. `main`: the id of main's last green run, empty where there is none."""
    evaluation = f".assay/releases/evaluations/{RELEASE}"
    made = f"mkdir -p {evaluation}; touch {evaluation}/scores.jsonl {evaluation}/{RECORD_FILE}" if scores else "true"
    assay = f"""case "$1 $2" in
  "demo ") {made}; exit {demo};;
  "release gate") exit {gate};;
  "eval report") echo "# the report"; exit 0;;
  "eval compare") mkdir report; echo "# the comparison" > report/report.md; exit {compare};;
esac
exit 64"""
    gh = f"""case "$1 $2" in
  "run list") echo {main};;
  "run download") [ "$3" = 7 ] && mkdir baseline && touch baseline/scores.jsonl;;
esac"""
    runner = Runner(folder, {".venv/bin/assay": assay, "gh": gh, "make": "exit 0"})
    runner.run("gate")
    return runner


@pytest.mark.parametrize(
    ("ends", "green"),
    [
        ({}, True),
        ({"main": ""}, True),
        ({"demo": 1, "gate": 1}, False),
        ({"gate": 1}, False),
        ({"gate": 2}, False),
        ({"gate": 3}, False),
        ({"gate": 134}, False),
        ({"compare": 1}, False),
        ({"compare": 2}, False),
        ({"compare": 3}, False),
        ({"gate": 2, "main": ""}, False),
        ({"demo": 2}, False),
        ({"demo": 1, "gate": 2, "scores": False}, False),
        ({"main": "8"}, False),  # main's scores are no longer kept: nothing was compared
    ],
    ids=str,
)
def test_only_a_pass_of_both_comparisons_is_green(tmp_path: Path, ends: dict[str, Any], green: bool) -> None:
    runner = judged(tmp_path, **ends)
    assert (runner.failed == []) == green, (tmp_path / "log").read_text()
    log = (tmp_path / "log").read_text()
    verdict = {1: "FAIL", 2: "INCONCLUSIVE"}.get(max(ends.get("gate", 0), ends.get("compare", 0)))
    if verdict:
        assert f"::error title={verdict}::" in log
    assert "# the report" in (tmp_path / "summary.md").read_text()
    if green and ends.get("main") != "":
        assert "# the comparison" in (tmp_path / "summary.md").read_text()


def test_without_scores_of_main_the_summary_says_that_nothing_was_compared(tmp_path: Path) -> None:
    runner = judged(tmp_path, main="", compare=1)
    assert not runner.failed
    assert "the floors alone decide" in (tmp_path / "summary.md").read_text()
