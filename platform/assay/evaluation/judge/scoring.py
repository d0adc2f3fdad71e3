"""Item scores of layer 3: every item under all four metrics, in one list that the gate reads."""

from collections.abc import Sequence

from assay.evaluation.gate.item_scores import ItemScore
from assay.evaluation.judge.interface import Embed, Judge, JudgedItem
from assay.evaluation.judge.ragas import RAGAS_METRICS, Judgement, judged
from assay.progress import track

_SKIPPED = Judgement(None, "SKIPPED")


def judge_scores(
    judge: Judge | None, items: Sequence[JudgedItem], embed: Embed, *, metrics: Sequence[str] = RAGAS_METRICS
) -> tuple[ItemScore, ...]:
    """A score of each item under each metric, items in their order. Without a judge all of them are SKIPPED.

    What the judge gave no usable verdict on stays in the list with the status that says why; nothing is asked twice.
    Raises ConfigurationError where the judge can judge nothing at all, such as a wrong key.
    """
    if judge is None:
        return tuple(_score(item, metric, _SKIPPED) for item in items for metric in metrics)
    return tuple(
        _score(item, metric, judged(judge, item, metric, embed))
        for item in track(items, "Items judged", total=len(items))
        for metric in metrics
    )


def _score(item: JudgedItem, metric: str, found: Judgement) -> ItemScore:
    return ItemScore(item.item_id, item.cluster, metric, found.score, found.status, item.slices)
