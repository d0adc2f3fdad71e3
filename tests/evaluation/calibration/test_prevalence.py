"""The share of right answers, corrected: its intervals hold as often as they say, and the judge's verdicts make them narrower."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from scale import AT_CI
from scipy import stats

from assay.evaluation.calibration.agreement import Estimate
from assay.evaluation.calibration.prevalence import Looked, people_mean, power, ppi_mean, rogan_gladen

RUNS = 2_000 if AT_CI else 400
NOISE = 3 * (0.95 * 0.05 / RUNS) ** 0.5


@dataclass(frozen=True)
class World:
    """How many answers people label and a judge sees, the share that is right, and how well the judge tells."""

    labels: int
    others: int
    right: float
    tpr: float
    tnr: float
    per_cluster: int = 1

    def look(self, random: np.random.Generator) -> Looked:
        """Answers of a cluster share their truth and the judge's errors on it, as copies do."""
        count = (self.labels + self.others) // self.per_cluster
        people = (random.random(count) < self.right).astype(float)
        judge = (random.random(count) < np.where(people == 1, self.tpr, 1 - self.tnr)).astype(float)
        people, judge = np.repeat(people, self.per_cluster), np.repeat(judge, self.per_cluster)
        codes = np.repeat(np.arange(count), self.per_cluster)
        return Looked(people[: self.labels], judge[: self.labels], judge[self.labels :], codes)


@dataclass
class Seen:
    held: int = 0
    width: float = 0.0
    bias: float = 0.0

    def add(self, found: Estimate, truth: float) -> None:
        self.held += found.lower <= truth <= found.upper
        self.width += (found.upper - found.lower) / RUNS
        self.bias += (found.value - truth) / RUNS


def simulated(world: World) -> dict[str, Seen]:
    random = np.random.default_rng(2301)
    seen = {"people": Seen(), "ppi": Seen(), "corrected": Seen(), "raw": Seen()}
    for _ in range(RUNS):
        looked = world.look(random)
        corrected = rogan_gladen(looked)
        raw = float(np.concatenate([looked.judge, looked.judge_elsewhere]).mean())
        half = 1.96 * math.sqrt(raw * (1 - raw) / (world.labels + world.others))
        for name, found in (
            ("people", people_mean(looked)),
            ("ppi", ppi_mean(looked)),
            ("corrected", corrected or Estimate(raw, 0.0, 1.0, world.labels)),
            ("raw", Estimate(raw, raw - half, raw + half, world.labels)),
        ):
            seen[name].add(found, world.right)
    return seen


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(World(150, 450, 0.5, 0.9, 0.9), id="a good judge"),
        pytest.param(World(150, 450, 0.8, 0.9, 0.8), id="most are right"),
        pytest.param(World(120, 300, 0.6, 0.8, 0.75), id="a judge at the limit"),
        pytest.param(World(300, 900, 0.5, 0.9, 0.9, per_cluster=2), id="both arms give the same answers"),
    ],
)
def test_intervals_hold_and_ppi_is_narrower_than_people_alone(world: World) -> None:
    seen = simulated(world)
    for name in ("people", "ppi", "corrected"):
        assert 0.93 - NOISE <= seen[name].held / RUNS <= 0.97 + NOISE, name
        assert abs(seen[name].bias) < 0.01, name
    assert seen["ppi"].width < 0.95 * seen["people"].width


def test_the_judges_own_mean_is_off_and_does_not_know() -> None:
    seen = simulated(World(150, 450, 0.8, 0.9, 0.7))
    assert seen["raw"].bias == pytest.approx(0.8 * 0.9 + 0.2 * 0.3 - 0.8, abs=0.01)
    assert seen["raw"].held / RUNS < 0.85
    assert seen["ppi"].held / RUNS > 0.93 - NOISE


def test_a_judge_that_tells_nothing_costs_nothing() -> None:
    seen = simulated(World(150, 450, 0.6, 0.55, 0.5))
    assert seen["ppi"].held / RUNS > 0.93 - NOISE
    assert seen["ppi"].width == pytest.approx(seen["people"].width, rel=0.02)


def test_ppi_is_its_definition() -> None:
    looked = World(40, 90, 0.6, 0.85, 0.7).look(np.random.default_rng(3))
    weight = power(looked)
    both = np.concatenate([looked.judge, looked.judge_elsewhere])
    wanted = np.cov(looked.people, looked.judge)[0, 1] / ((1 + 40 / 90) * np.var(both))
    assert 0 < weight < 1
    assert weight == pytest.approx(wanted)
    rest = looked.people - weight * looked.judge
    value = weight * looked.judge_elsewhere.mean() + rest.mean()
    variance = weight**2 * looked.judge_elsewhere.var() / 90 + rest.var() / 40
    half = stats.t.ppf(0.975, 39) * math.sqrt(variance * 130 / 129)
    found = ppi_mean(looked)
    assert (found.value, found.lower, found.upper) == pytest.approx((value, value - half, value + half))


def test_the_weight_makes_the_interval_as_narrow_as_any() -> None:
    from assay.evaluation.calibration.prevalence import _mean

    looked = World(200, 600, 0.6, 0.85, 0.8).look(np.random.default_rng(4))
    best = ppi_mean(looked)
    widths = [(one := _mean(looked, weight)).upper - one.lower for weight in np.linspace(0, 1, 41)]
    assert best.upper - best.lower <= min(widths) * 1.001


def test_without_others_ppi_is_the_mean_of_the_labels() -> None:
    looked = World(50, 0, 0.6, 0.9, 0.9).look(np.random.default_rng(6))
    assert ppi_mean(looked) == people_mean(looked)
    assert people_mean(looked).value == looked.people.mean()


def test_labels_that_are_all_alike_leave_the_unseen() -> None:
    looked = Looked(np.ones(30), np.ones(30), np.ones(50), np.arange(80))
    assert people_mean(looked).lower == pytest.approx(1 - 3 / 30)
    assert ppi_mean(looked).lower == pytest.approx(1 - 3 / 30)


def test_rogan_gladen_undoes_known_rates() -> None:
    people = np.repeat([1.0, 0.0], [100, 50])
    judge = np.concatenate([np.repeat([1.0, 0.0], [90, 10]), np.repeat([1.0, 0.0], [10, 40])])
    elsewhere = np.repeat([1.0, 0.0], [200, 250])
    found = rogan_gladen(Looked(people, judge, elsewhere, np.arange(600)))
    assert found is not None
    assert found.value == pytest.approx((300 / 600 + 0.8 - 1) / (0.9 + 0.8 - 1))
    assert found.lower < found.value < found.upper


@pytest.mark.parametrize(
    ("people", "judge"),
    [([1.0, 1.0], [1.0, 0.0]), ([0.0, 0.0], [1.0, 0.0]), ([1.0, 0.0], [0.0, 1.0]), ([1.0, 0.0], [1.0, 1.0])],
    ids=["all right", "all wrong", "worse than a coin", "a judge that says yes to all"],
)
def test_what_cannot_be_undone_is_none(people: list[float], judge: list[float]) -> None:
    looked = Looked(np.array(people), np.array(judge), np.array([1.0]), np.arange(3))
    assert rogan_gladen(looked) is None
