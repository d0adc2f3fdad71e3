"""`assay eval compare`: what it prints of two files of scores, how it ends, and which line it refuses."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from command_runs import USUAL_COLUMNS, Ran, stored_files, together

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
