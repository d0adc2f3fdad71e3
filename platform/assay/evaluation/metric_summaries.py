"""Item scores in one line per metric: no mean without how many items it is of."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from assay.evaluation.gate.item_scores import ItemScore
from assay.evaluation.gate.policy import GatePolicy, Role
from assay.evaluation.golden_questions import GoldenQuestion
from assay.evaluation.golden_scores import ABSTENTION

_LAYERS: Mapping[Role, int] = {"zero_tolerance": 1, "deciding": 2, "advisory": 2, "judged": 3}


@dataclass(frozen=True)
class MetricSummary:
    """`ok` of the `expected` items have a score, whose mean this is; None without any. `statuses`: how many had which."""

    metric: str
    layer: int
    mean: float | None
    ok: int
    expected: int
    statuses: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class AbstentionSummary:
    """Of `abstained` abstentions and `unanswerable` questions, `right` are both; a ratio is None where it is of nothing."""

    right: int
    abstained: int
    unanswerable: int

    @property
    def precision(self) -> float | None:
        """The share of the abstentions that were right: refusing everything makes it small."""
        return self.right / self.abstained if self.abstained else None

    @property
    def recall(self) -> float | None:
        """The share of the questions without an answer on which it abstained: answering everything makes it 0."""
        return self.right / self.unanswerable if self.unanswerable else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"precision": self.precision, "recall": self.recall}


def metric_summaries(scores: Iterable[ItemScore]) -> tuple[MetricSummary, ...]:
    """One per metric, by layer, then in the order in which the metrics come."""
    by_metric: dict[str, list[ItemScore]] = {}
    for one in scores:
        by_metric.setdefault(one.metric, []).append(one)
    return tuple(sorted((_summary(*item) for item in by_metric.items()), key=lambda one: one.layer))


def abstention_summary(scores: Iterable[ItemScore], questions: Iterable[GoldenQuestion]) -> AbstentionSummary:
    """How abstentions and questions without an answer met, over the items with a score."""
    answerable = {one.id: one.answerable for one in questions}
    scored = [(answerable[one.item_id], one.score) for one in scores if one.metric == ABSTENTION and one.status == "OK"]
    unanswerable = [score for can_be_answered, score in scored if not can_be_answered]
    right = sum(score == 1 for score in unanswerable)
    wrong = sum(score == 0 for can_be_answered, score in scored if can_be_answered)
    return AbstentionSummary(right, right + wrong, len(unanswerable))


def _summary(metric: str, scores: Sequence[ItemScore]) -> MetricSummary:
    values = [one.score for one in scores if one.status == "OK" and one.score is not None]
    statuses: dict[str, int] = {}
    for one in scores:
        statuses[one.status] = statuses.get(one.status, 0) + 1
    return MetricSummary(
        metric=metric,
        layer=_LAYERS[GatePolicy().role_of(metric)],
        mean=math.fsum(values) / len(values) if values else None,
        ok=len(values),
        expected=sum(not one.status.startswith(("NOT_APPLICABLE", "SKIPPED")) for one in scores),
        statuses=statuses,
    )
