"""Item scores for the gate's tests: one arm from plain numbers."""

from collections.abc import Sequence

from assay.evaluation.gate import ItemScore
from assay.evaluation.gate.item_scores import Status

QUALITY = "correct"


def arm(
    scores: Sequence[float],
    *,
    metric: str = QUALITY,
    per_cluster: int = 1,
    slices: Sequence[Sequence[str]] | None = None,
    statuses: dict[int, Status] | None = None,
) -> list[ItemScore]:
    """An item per score, `q0` first; the items that `statuses` names have no score."""
    statuses = statuses or {}
    return [
        ItemScore(
            item_id=f"q{at}",
            cluster=f"document {at // per_cluster}",
            metric=metric,
            score=None if at in statuses else float(score),
            status=statuses.get(at, "OK"),
            slices=tuple(slices[at]) if slices else (),
        )
        for at, score in enumerate(scores)
    ]
