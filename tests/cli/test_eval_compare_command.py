"""`assay eval compare`: what it prints of two files of scores, how it ends, and which line it refuses."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from command_runs import USUAL_COLUMNS, Ran, stored_files, together
from release_records import configuration_of, record_of

from assay.cli import app
from assay.errors import NotReady
from assay.evaluation.gate import GatePolicy
from assay.evaluation.gate.recorded_arms import RECORD_FILE

KEYS = ["metric", "n", "coverage", "candidate", "baseline", "difference", "lower", "upper", "verdict"]
SCORES = [1.0] * 160 + [0.0] * 40


def written(path: Path, scores: Sequence[float]) -> Path:
    lines = [
        {
            "item_id": f"q{at}",
            "cluster": f"d{at}",
            "metric": "correct",
            "score": score,
            "status": "OK",
            "slices": ["es"],
        }
        for at, score in enumerate(scores)
    ]
    random.Random(len(scores)).shuffle(lines)
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compare") / "home"


@pytest.fixture(scope="module")
def runs(home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    folder = tmp_path_factory.mktemp("scores")
    same, worse = written(folder / "same.jsonl", SCORES), written(folder / "worse.jsonl", [0.0] * 40 + SCORES[40:])
    few = written(folder / "few.jsonl", SCORES[:20])
    broken = folder / "broken.jsonl"
    broken.write_text(same.read_text().replace('"status": "OK"', '"status": "FINE"', 3))
    strict, misspelt = folder / "strict.toml", folder / "misspelt.toml"
    strict.write_text('name = "strict"\n[metrics.correct]\nfloor = 0.9\n')
    misspelt.write_text("margn = 0.1\n")
    calls = {
        "passes": (same, same, "--json"),
        "fails": (worse, same, "--json"),
        "few": (few, few, "--json"),
        "strict": (same, same, "--policy", strict),
        "broken": (same, broken, "--json"),
        "misspelt": (same, same, "--policy", misspelt),
    }
    ran = together(
        home, *(("eval", "compare", *map(str, arguments)) for arguments in calls.values()), COLUMNS=str(USUAL_COLUMNS)
    )
    return dict(zip(calls, ran, strict=True))


@pytest.mark.parametrize(
    ("name", "code", "verdict", "reasons"),
    [
        ("passes", 0, "PASS", []),
        ("fails", 1, "FAIL", ["non_inferiority", "slices"]),
        ("few", 2, "INCONCLUSIVE", ["non_inferiority"]),
    ],
)
def test_json_is_one_document_with_the_keys_of_the_contract(
    runs: dict[str, Ran], name: str, code: int, verdict: str, reasons: list[str]
) -> None:
    assert (runs[name].code, runs[name].err) == (code, "")
    said = json.loads(runs[name].out)
    assert list(said) == ["verdict", "reasons", "metrics"]
    assert (said["verdict"], said["reasons"]) == (verdict, reasons)
    [row] = said["metrics"]
    assert list(row) == KEYS
    assert row["lower"] <= row["difference"] <= row["upper"]


def arm_of(folder: Path, *, evaluation_set: str | None, **policy: object) -> str:
    """A file of scores, and the gate's record beside it where it names an evaluation set."""
    folder.mkdir()
    if evaluation_set is not None:
        rules = GatePolicy.model_validate({"name": "strict", **policy})
        record = record_of(configuration_of(folder), policy=rules, evaluation_set=evaluation_set)
        (folder / RECORD_FILE).write_text(record.to_json())
    return str(written(folder / "scores.jsonl", SCORES))


@pytest.mark.parametrize(
    ("theirs", "verdict", "said"),
    [
        ("a", "PASS", "Both arms: evaluation set a."),
        ("b", "INCONCLUSIVE", "The evaluation sets differ: a and b."),
        (None, "INCONCLUSIVE", "The provenance of the baseline is not given."),
    ],
)
def test_recorded_arms_are_compared_on_one_evaluation_set_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], theirs: str | None, verdict: str, said: str
) -> None:
    ours = arm_of(tmp_path / "new", evaluation_set="a", budgets={"p95_ms": 1.0})
    baseline = arm_of(tmp_path / "old", evaluation_set=theirs)
    code = app(["eval", "compare", ours, baseline, "--recorded"], standalone_mode=False)
    out = capsys.readouterr().out
    assert code == {"PASS": 0, "INCONCLUSIVE": 2}[verdict]
    assert said in out
    assert f"{verdict} under the policy `strict`" in out


def test_recorded_arms_are_judged_by_all_that_the_candidates_policy_says_but_budgets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = {"budgets": {"p95_ms": 1.0}, "metrics": {"correct": {"floor": 0.9}}}
    ours, theirs = (arm_of(tmp_path / name, evaluation_set="a", **policy) for name in ("new", "old"))
    assert app(["eval", "compare", ours, theirs, "--recorded"], standalone_mode=False) == 1
    assert "the floor is 0.9" in capsys.readouterr().out
    assert app(["eval", "compare", ours, theirs], standalone_mode=False) == 0


def test_without_a_record_of_the_candidate_nothing_is_compared(tmp_path: Path) -> None:
    ours, theirs = (arm_of(tmp_path / name, evaluation_set=of) for name, of in (("new", None), ("old", "a")))
    with pytest.raises(NotReady, match=r"decision\.json`.*Nothing was compared.*`assay release gate`"):
        app(["eval", "compare", ours, theirs, "--recorded"], standalone_mode=False)


def test_a_person_sees_every_step_and_what_decided(runs: dict[str, Ran], home: Path) -> None:
    ran = runs["strict"]
    assert (ran.code, ran.err) == (1, "")
    for rule in (
        "0 comparable",
        "1 coverage",
        "1 errors",
        "3 floors",
        "4 non_inferiority",
        "5 slices",
        "6 judge",
        "7 budgets",
    ):
        assert f"\n{rule} " in ran.out
    assert "correct: Mean 0.8000 of 200 items, surely above 0.7496; the floor is 0.9." in ran.out
    assert "FAIL under the policy `strict`, decided by `floors`." in ran.out
    assert stored_files(home) == {}


def test_the_table_fits_a_usual_terminal(runs: dict[str, Ran]) -> None:
    row = next(line for line in runs["strict"].out.splitlines() if line.strip().startswith("correct"))
    assert row.split() == ["correct", "200", "0.800", "0.800", "+0.000", "[-0.015,", "+0.015]", "FAIL"]


def test_what_cannot_be_judged_ends_with_3_and_says_why(runs: dict[str, Ran]) -> None:
    for name, said in (
        ("broken", "Line 1 of `"),
        ("misspelt", "`margn`: Extra inputs are not permitted"),
    ):
        assert (runs[name].code, runs[name].out) == (3, ""), name
        assert said in runs[name].err
        assert "`assay eval compare CANDIDATE.jsonl BASELINE.jsonl" in runs[name].err
