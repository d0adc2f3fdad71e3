"""The policy that docs/fork.md tells a fork to begin with: the sample's, without the floor for decoys that it does not have."""

from pathlib import Path

from release_records import scores_of

from assay.evaluation.gate import GatePolicy, compare, read_policy

CHECKOUT = Path(__file__).resolve().parents[2]
DECOYS = '[metrics."decoys/avoided"]'


def test_a_first_release_without_decoys_passes_by_the_policy_of_the_page_and_by_neither_of_the_others(
    tmp_path: Path,
) -> None:
    assert f"Delete `{DECOYS}` with its two lines" in (CHECKOUT / "docs/fork.md").read_text()
    sample = CHECKOUT / "samples/golden/policy.toml"
    before, _, after = sample.read_text().partition(f"{DECOYS}\n")
    own = tmp_path / "policy.toml"
    own.write_text(before + "\n".join(after.split("\n")[2:]))
    metrics = ("deterministic.permitted", *read_policy(own).metrics)
    scores = [one for metric in metrics for one in scores_of(1.0, metric=metric)]
    policies = (read_policy(own), read_policy(sample), GatePolicy())
    assert [compare(scores, [], policy).verdict for policy in policies] == ["PASS", "INCONCLUSIVE", "INCONCLUSIVE"]
