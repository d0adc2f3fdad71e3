"""The policy file: the default is what the code goes by, a partial file changes what it names, a wrong one is refused."""

import tomllib
from pathlib import Path

import pytest

from assay.errors import ConfigurationError
from assay.evaluation.gate import DEFAULT_POLICY_FILE, GatePolicy, MetricPolicy, read_policy


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text)
    return path


def test_the_default_file_says_all_that_the_code_goes_by() -> None:
    assert read_policy(DEFAULT_POLICY_FILE) == GatePolicy()
    assert set(tomllib.loads(DEFAULT_POLICY_FILE.read_text())) == set(GatePolicy.model_fields)


def test_the_example_of_a_metric_in_the_default_file_is_a_policy(tmp_path: Path) -> None:
    lines = DEFAULT_POLICY_FILE.read_text().splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("#     [metrics."))
    example = [line.removeprefix("#     ") for line in lines[start:] if line.startswith("#     ")]
    own = read_policy(written(tmp_path, "\n".join(cut_comment(line) for line in example))).of("ndcg_at_10")
    assert set(own.model_dump(exclude_none=True)) == set(MetricPolicy.model_fields)


def cut_comment(line: str) -> str:
    """`name = value    what it means`: without what it means."""
    return line.split("   ")[0].split('" judges')[0] + ('"' if '" judges' in line else "")


def test_a_partial_file_changes_only_what_it_names(tmp_path: Path) -> None:
    policy = read_policy(
        written(tmp_path, 'name = "mine"\nmargin = 0.02\n[metrics.ndcg]\nfloor = 0.4\n[budgets]\np95_ms = 80\n')
    )
    assert (policy.name, policy.margin, policy.min_coverage) == ("mine", 0.02, GatePolicy().min_coverage)
    assert (policy.of("ndcg").floor, policy.margin_of("ndcg"), policy.material_loss_of("ndcg")) == (0.4, 0.02, 0.01)
    assert (policy.budgets.p95_ms, policy.budgets.p99_ms) == (80, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("margn = 0.05", "margn"),
        ("margin = 0", "margin"),
        ("margin = nan", "margin"),
        ("min_coverage = 98", "min_coverage"),
        ("required_layers = [5]", "required_layers"),
        ("[metrics.a]\nflor = 1", "metrics.a.flor"),
        ("[metrics.a]\nrange = [1, 0]", "the range of `a` does not rise"),
        ("[metrics.a]\nrange = [0, 1]\nfloor = 60", "the floor of `a` lies outside its range"),
        ("[metrics.a]\nmaterial_loss = 0.2", "material loss of `a` is greater than its margin"),
        ("[metrics.a]\nrange = [-inf, inf]", "`metrics.a.range.0`"),
        ("[metrics.a]\nrange = [0, 1.7e308]", "`metrics.a.range.1`"),
        ("margin =", "Invalid value"),
        ("a = " + "[" * 5000, "nested too deeply"),
    ],
)
def test_a_wrong_file_is_refused_with_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as refused:
        read_policy(path)
    assert problem in str(refused.value)
    assert f"`{DEFAULT_POLICY_FILE}`" in str(refused.value)
    with pytest.raises(ConfigurationError, match="No such file"):
        read_policy(tmp_path / "missing.toml")


def test_the_first_pattern_that_fits_gives_the_role() -> None:
    policy = GatePolicy()
    assert {
        name: policy.role_of(name) for name in ("deterministic.no_pii", "proxy.support", "ragas-0.4/faithfulness", "f1")
    } == {
        "deterministic.no_pii": "zero_tolerance",
        "proxy.support": "advisory",
        "ragas-0.4/faithfulness": "judged",
        "f1": "deciding",
    }
