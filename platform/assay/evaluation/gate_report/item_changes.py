"""Which items changed most from the baseline to the candidate."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.evaluation.gate.decision import GateDecision
from assay.evaluation.gate.item_scores import ItemScore
from assay.evaluation.gate_report.context import ItemChange

SHOWN = 20

# (item, metric) -> its score, None where it has none.
Scores = Mapping[tuple[str, str], float | None]


@dataclass(frozen=True)
class ItemTexts:
    """What an item asked and what each arm answered; empty where it is not known."""

    question: str = ""
    candidate: str = ""
    baseline: str = ""


def most_changed(
    decision: GateDecision,
    candidate: Sequence[ItemScore],
    baseline: Sequence[ItemScore],
    texts: Mapping[str, ItemTexts] = {},
    *,
    limit: int = SHOWN,
) -> tuple[ItemChange, ...]:
    """A change per item, under the metric that moved furthest: losses and gains alike, a loss before as great a gain.

    A change is measured in margins of its metric, so that scales can be compared; one of a zero-tolerance metric is greater
    than any other. A score that one arm lacks counts as 0. Metrics that do not decide are looked at only if none decides.
    Without a baseline nothing changed.
    """
    if not baseline:
        return ()
    margins = _margins(decision)
    ours, theirs = _scores(candidate, margins), _scores(baseline, margins)
    furthest: dict[str, tuple[float, str]] = {}
    for item_id, metric in sorted(ours.keys() | theirs.keys()):
        moved = _moved(ours.get((item_id, metric)), theirs.get((item_id, metric)), margins[metric])
        if abs(moved) > abs(furthest.get(item_id, (0.0, ""))[0]):
            furthest[item_id] = (moved, metric)
    first = sorted(furthest, key=lambda item_id: (-abs(furthest[item_id][0]), furthest[item_id][0] > 0, item_id))
    return tuple(
        _change(item_id, furthest[item_id][1], ours, theirs, texts.get(item_id, ItemTexts()))
        for item_id in first[:limit]
    )


def _change(item_id: str, metric: str, ours: Scores, theirs: Scores, texts: ItemTexts) -> ItemChange:
    scores = ours.get((item_id, metric)), theirs.get((item_id, metric))
    return ItemChange(item_id, texts.question, metric, *scores, texts.candidate, texts.baseline)


def _moved(candidate: float | None, baseline: float | None, margin: float | None) -> float:
    """In margins; without one, any change is infinite."""
    moved = (candidate or 0.0) - (baseline or 0.0)
    if margin is None:
        return math.copysign(math.inf, moved) if moved else 0.0
    return moved / margin


def _margins(decision: GateDecision) -> dict[str, float | None]:
    deciding = [row for row in decision.metrics if row.verdict in ("PASS", "FAIL", "INCONCLUSIVE")]
    return {row.metric: row.margin for row in deciding or decision.metrics}


def _scores(scores: Sequence[ItemScore], margins: Mapping[str, float | None]) -> Scores:
    return {
        (one.item_id, one.metric): one.score if one.status == "OK" else None for one in scores if one.metric in margins
    }
