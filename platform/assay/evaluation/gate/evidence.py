"""What the gate is told beside the scores. Whatever is not given is reported as not known; nothing stands in for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Provenance:
    """What an arm was measured on and with. `judge` and `judge_prompt`: hashes, None where no judge was asked."""

    evaluation_set: str
    judge: str | None = None
    judge_prompt: str | None = None


@dataclass(frozen=True)
class JudgeEvidence:
    """How a judge agreed with people, on `labels` items, and with itself, asked twice.

    `kappa_lower`: the lower 95% bound of Cohen's kappa. `self_agreement`: a share, None when it was not measured.
    """

    judge: str
    judge_prompt: str
    labels: int
    kappa: float
    kappa_lower: float
    true_positive_rate: float
    true_negative_rate: float
    self_agreement: float | None = None


@dataclass(frozen=True)
class Operations:
    """What a query of the candidate takes; None where it was not measured."""

    p95_ms: float | None = None
    p99_ms: float | None = None
    usd_per_1k_queries: float | None = None


@dataclass(frozen=True)
class GateEvidence:
    """All of it; a plain comparison of two files has none."""

    candidate: Provenance | None = None
    baseline: Provenance | None = None
    judge: JudgeEvidence | None = None
    operations: Operations | None = None
