"""What a report shows beside the decision itself."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ItemChange:
    """One item that the two arms fared differently on; a score is None where the arm has none, a text empty if unknown."""

    item_id: str
    question: str
    metric: str
    candidate: float | None
    baseline: float | None
    candidate_answer: str
    baseline_answer: str


@dataclass(frozen=True)
class ReportContext:
    """`facts`: what was compared, as names and values. `layers`: number -> a status such as `PASS` or `SKIPPED`, after it
    a colon and a reason where there is one. `warnings`: sentences, such as of golden spans that moved. `items`: those that
    changed most, the greatest change first."""

    title: str
    facts: tuple[tuple[str, str], ...]
    layers: Mapping[int, str]
    is_smoke: bool
    warnings: tuple[str, ...]
    items: tuple[ItemChange, ...]
