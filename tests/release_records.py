"""Releases, verdicts and measurements made by hand, for the tests of what is done with them."""

from dataclasses import replace
from functools import cache
from pathlib import Path

from assay.evaluation.gate import GateDecision, GatePolicy, ItemScore, Operations, Provenance, compare
from assay.releases.gate_record import GateRecord
from assay.releases.layers import layers_of
from assay.releases.measured_release import AnsweredQuestion, FoundPlace, MeasuredRelease
from assay.retrieval import ServingPointer
from assay.retrieval.configurations import ReleaseConfiguration, configured_release
from assay.settings import Settings

EVALUATION_SET = "e" * 64
POLICY = GatePolicy()


def settings_of(home: Path, **knobs: object) -> Settings:
    return Settings(_env_file=None, home=home, golden_questions=None, **knobs)  # pyright: ignore[reportCallIssue]


def configuration_of(home: Path, **knobs: object) -> ReleaseConfiguration:
    return configured_release(settings_of(home, **knobs))


def pointer_of(configuration: ReleaseConfiguration, version: int = 1) -> ServingPointer:
    return ServingPointer(
        release_id=f"{configuration.configuration_id}@{version}",
        table=configuration.table,
        version=version,
        model=configuration.model,
        fingerprint=configuration.fingerprint,
        chunker=configuration.chunker,
        configuration=configuration.configuration_id,
        published_at=f"2026-11-22T00:00:{version:02}.000000+00:00",
        run_id=f"run-{version}",
    )


def scores_of(value: float, *, items: int = 100, metric: str = "passages/ndcg@10") -> list[ItemScore]:
    return [ItemScore(f"q{number}", f"doc{number}", metric, value) for number in range(items)]


@cache
def decision_of(verdict: str) -> GateDecision:
    """A real decision of the gate with that verdict: everything as before, everything lost, too few items to tell."""
    cases = {"PASS": (1.0, 100), "FAIL": (0.0, 100), "INCONCLUSIVE": (1.0, 10)}
    value, items = cases[verdict]
    decision = compare(scores_of(value, items=items), scores_of(1.0, items=items), POLICY)
    assert decision.verdict == verdict
    return decision


def record_of(
    configuration: ReleaseConfiguration,
    verdict: str = "PASS",
    *,
    version: int = 1,
    baseline: ServingPointer | None = None,
    minute: int = 0,
    policy: GatePolicy = POLICY,
    evaluation_set: str = EVALUATION_SET,
) -> GateRecord:
    decision = decision_of(verdict)
    return GateRecord(
        candidate=pointer_of(configuration, version),
        baseline=baseline,
        configuration=configuration,
        inputs="i" * 64,
        evaluation_set=evaluation_set,
        golden="smoke",
        is_smoke=True,
        policy=policy,
        decision=decision,
        layers=layers_of(decision, policy),
        shadow=None,
        candidate_operations=Operations(p95_ms=20.0, p99_ms=30.0, usd_per_1k_queries=0.0),
        baseline_operations=None,
        run_id="run",
        decided_at=f"2026-11-23T10:{minute:02}:00.000000+00:00",
        warnings=("Question `q1` moved.",),
    )


def measured_of(release_id: str, found: dict[str, list[tuple[str, int, int]]], *, key: str = "k") -> MeasuredRelease:
    """A release that found these places, question by question, in 10, 11, 12 ... ms."""
    answered = tuple(
        AnsweredQuestion(
            item, f"What is {item}?", "It is.", False, 10.0 + at, tuple(FoundPlace(*one) for one in places)
        )
        for at, (item, places) in enumerate(sorted(found.items()))
    )
    return MeasuredRelease(release_id, key, Provenance(EVALUATION_SET), Operations(p95_ms=20.0), answered)


def with_scores(measured: MeasuredRelease, scores: list[ItemScore]) -> MeasuredRelease:
    return replace(measured, scores=tuple(scores))
