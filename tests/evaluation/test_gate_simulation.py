"""What the gate's bounds promise, counted: how often they hold, accuse the innocent, and prove that nothing was lost.

Independent 0/1 items are counted exactly, over every outcome that can occur; the rest is simulated with fixed seeds.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from gate_scores import arm
from scale import AT_CI
from scipy import stats

from assay.evaluation.gate import GatePolicy, compare
from assay.evaluation.gate.bounds import Difference, paired_difference
from assay.evaluation.gate.decision import Verdict

RUNS = 1_500 if AT_CI else 300
# Of RUNS simulations, three standard errors of a share of 95% and of 5%.
NOISE = 3 * (0.95 * 0.05 / RUNS) ** 0.5
MARGIN = GatePolicy().margin


@dataclass(frozen=True)
class Counted:
    """Shares of all runs. `below`, `above`: in which the bound held; `inside`: in which both did."""

    passed: float
    failed: float
    below: float
    above: float
    inside: float


def verdict_of(found: Difference) -> Verdict:
    if found.lower > -MARGIN:
        return "PASS"
    sure = found.upper < -MARGIN or (found.upper < 0 and found.mean <= -MARGIN / 2)
    return "FAIL" if sure else "INCONCLUSIVE"


def counted(differences: list[Difference], weights: list[float], truth: float) -> Counted:
    weight = np.array(weights) / sum(weights)
    verdicts = np.array([verdict_of(one) for one in differences])
    below = np.array([one.lower <= truth + 1e-9 for one in differences])
    above = np.array([one.upper >= truth - 1e-9 for one in differences])
    shares = (verdicts == "PASS", verdicts == "FAIL", below, above, below & above)
    return Counted(*(float(weight[mask].sum()) for mask in shares))


def exactly(items: int, gains: float, losses: float, likely: float = 1e-5) -> Counted:
    """Independent items of 0 and 1, of which shares of `gains` and `losses` differ."""
    found, weights = [], []
    for lost in np.flatnonzero(stats.binom.pmf(np.arange(items + 1), items, losses) > likely):
        share = stats.binom.pmf(lost, items, losses)
        gained = share * stats.binom.pmf(np.arange(items - lost + 1), items - lost, gains / (1 - losses))
        for won in np.flatnonzero(gained > likely):
            candidate = np.repeat([1.0, 0.0, 1.0], [won, lost, items - won - lost])
            baseline = np.repeat([0.0, 1.0, 1.0], [won, lost, items - won - lost])
            found.append(paired_difference(candidate, baseline, np.arange(items), 1.0))
            weights.append(gained[won])
    return counted(found, weights, gains - losses)


def simulated(draw, truth: float) -> Counted:
    """`draw(random)` gives candidate, baseline and clusters."""
    random = np.random.default_rng(20_241_100)
    found = [paired_difference(*draw(random), 1.0) for _ in range(RUNS)]
    return counted(found, [1.0] * RUNS, truth)


def clustered_binary(items: int, per_cluster: int, alike: float, gains: float, losses: float):
    """All items of a cluster share its fate with probability `alike`, else each has its own."""

    def draw(random):
        clusters = items // per_cluster
        fates = [losses, 1 - losses - gains, gains]
        common = np.repeat(random.choice(3, clusters, p=fates), per_cluster)
        own = random.choice(3, items, p=fates)
        fate = np.where(np.repeat(random.random(clusters) < alike, per_cluster), common, own)
        tie = (random.random(items) < 0.8).astype(float)
        candidate, baseline = (
            np.select([fate == 0, fate == 2], [0.0, 1.0], tie),
            np.select([fate == 0, fate == 2], [1.0, 0.0], tie),
        )
        return candidate, baseline, np.repeat(np.arange(clusters), per_cluster)

    return draw


def graded(items: int, spread: float, per_cluster: int = 1, alike: float = 0.0, mean: float = 0.0, equal: float = 0.0):
    """Normal differences, a share `alike` of whose variance is the cluster's; a share `equal` of them is 0."""

    def draw(random):
        clusters = items // per_cluster
        common = np.repeat(random.standard_normal(clusters), per_cluster)
        change = mean + spread * (alike**0.5 * common + (1 - alike) ** 0.5 * random.standard_normal(items))
        change = np.where(random.random(items) < equal, 0.0, change)
        baseline = np.full(items, 0.5)
        return baseline + change, baseline, np.repeat(np.arange(clusters), per_cluster)

    return draw


@pytest.mark.parametrize(("items", "power"), [(100, 0.47), (200, 0.72), (400, 0.93)])
def test_power_with_nothing_changed_and_a_tenth_of_the_items_discordant(items, power):
    """`power`: of the plain normal bound, which at a pure loss of the margin passes 12% of the time, not 5%."""
    found = exactly(items, 0.05, 0.05)
    assert power - 0.04 < found.passed < power + 0.01
    assert found.failed < 0.01
    assert 0.93 <= found.inside <= 0.97


@pytest.mark.parametrize(("gains", "losses"), [(0.0, 0.05), (0.005, 0.055), (0.02, 0.07), (0.05, 0.10)])
@pytest.mark.parametrize("items", [100, 200])
def test_a_loss_of_the_margin_passes_in_one_of_twenty(items, gains, losses):
    found = exactly(items, gains, losses, likely=1e-4)
    assert found.passed <= 0.055
    assert found.below >= 0.94


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(clustered_binary(400, 4, 0.3, 0.05, 0.05), id="0/1, four a cluster"),
        pytest.param(clustered_binary(400, 4, 1.0, 0.05, 0.05), id="0/1, clusters of copies"),
        pytest.param(graded(80, 0.2), id="graded, t"),
        pytest.param(graded(200, 0.3), id="graded, BCa"),
        pytest.param(graded(200, 0.5, equal=0.8), id="graded, most items equal"),
        pytest.param(graded(320, 0.3, per_cluster=4, alike=0.5), id="graded, four a cluster, t"),
        pytest.param(graded(480, 0.3, per_cluster=4, alike=0.5), id="graded, four a cluster, BCa"),
    ],
)
def test_with_nothing_changed_the_interval_holds_and_hardly_anything_fails(draw):
    found = simulated(draw, 0.0)
    assert 0.93 - NOISE <= found.inside <= 0.97 + NOISE
    assert found.failed <= 0.01 + NOISE


def test_clustered_losses_of_the_margin_pass_in_one_of_twenty():
    for draw in (clustered_binary(400, 4, 0.5, 0.02, 0.07), graded(400, 0.3, per_cluster=4, alike=0.5, mean=-MARGIN)):
        assert simulated(draw, -MARGIN).passed <= 0.05 + NOISE


def test_items_that_are_alike_prove_less():
    alone, alike = (simulated(clustered_binary(400, 4, share, 0.05, 0.05), 0.0).passed for share in (0.0, 1.0))
    assert alone > 0.85
    assert alike < 0.55


def test_taking_clustered_items_for_independent_would_pass_too_much():
    draw = clustered_binary(400, 4, 1.0, 0.02, 0.07)

    def independent(random):
        candidate, baseline, _ = draw(random)
        return candidate, baseline, np.arange(len(candidate))

    assert simulated(independent, -MARGIN).passed > 0.10
    assert simulated(draw, -MARGIN).passed <= 0.05 + NOISE


def test_of_whole_decisions_with_nothing_changed_few_fail():
    """Four metrics that decide and five slices: the error of FAIL over all that is looked at."""
    random = np.random.default_rng(11)
    items, runs = 200, 100 if AT_CI else 30
    slices = [[f"s{at % 5}"] for at in range(items)]
    failed = 0
    for _ in range(runs):
        candidate, baseline = [], []
        for metric in ("a", "b", "c", "d"):
            before = (random.random(items) < 0.8).astype(float)
            swapped = random.random(items) < 0.1
            after = np.where(swapped, random.random(items) < 0.8, before).astype(float)
            candidate += arm(after, metric=metric, slices=slices)
            baseline += arm(before, metric=metric, slices=slices)
        failed += compare(candidate, baseline).verdict == "FAIL"
    assert stats.binomtest(failed, runs, 0.05, alternative="greater").pvalue > 0.001
