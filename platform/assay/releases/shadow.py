"""The shadow comparison: how differently the candidate answers the golden questions from what serves, good or bad.

The gate says whether the candidate is worse. This says how much a migration changes at all: a candidate may be as good and
find other passages, and users would notice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.evaluation.gate import GateDecision, MetricRow
from assay.releases.measured_release import FoundPlace, MeasuredRelease, places_of

SHADOW_HITS = 10
NDCG = "passages/ndcg@10"


@dataclass(frozen=True)
class Latency:
    """Milliseconds of a search."""

    median: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Shadow:
    """Candidate beside serving release on the same questions.

    `overlap_at_10`: the mean share of the first ten hits of either that overlap, in the characters of a document, with one
    of the other's; chunks of two chunkers have no ids in common, the text they are cut from has. `documents_at_10`: the same
    of the documents found. `ndcg`: the gate's own row, with its bounds; None where no question has a passage to rank.
    """

    questions: int
    overlap_at_10: float
    documents_at_10: float
    ndcg: MetricRow | None
    candidate: Latency
    baseline: Latency
    candidate_usd_per_1k_queries: float | None
    baseline_usd_per_1k_queries: float | None


def shadow_of(candidate: MeasuredRelease, baseline: MeasuredRelease, decision: GateDecision) -> Shadow:
    """Compare two arms that were asked the same questions by the real searcher, each in its own version of its table."""
    ours, theirs = places_of(candidate), places_of(baseline)
    both = [(ours[item][:SHADOW_HITS], theirs[item][:SHADOW_HITS]) for item in sorted(ours.keys() & theirs.keys())]
    return Shadow(
        questions=len(both),
        overlap_at_10=_mean([_overlap(*pair) for pair in both]),
        documents_at_10=_mean([_documents_overlap(*pair) for pair in both]),
        ndcg=next((row for row in decision.metrics if row.metric == NDCG), None),
        candidate=_latency(candidate),
        baseline=_latency(baseline),
        candidate_usd_per_1k_queries=candidate.operations.usd_per_1k_queries,
        baseline_usd_per_1k_queries=baseline.operations.usd_per_1k_queries,
    )


def _overlap(ours: Sequence[FoundPlace], theirs: Sequence[FoundPlace]) -> float:
    """Of all hits of both, the share that has a counterpart; two empty results are the same."""
    shared = sum(any(_meet(one, other) for other in theirs) for one in ours)
    shared += sum(any(_meet(one, other) for other in ours) for one in theirs)
    return shared / (len(ours) + len(theirs)) if ours or theirs else 1.0


def _documents_overlap(ours: Sequence[FoundPlace], theirs: Sequence[FoundPlace]) -> float:
    left, right = {one.document_id for one in ours}, {one.document_id for one in theirs}
    return 2 * len(left & right) / (len(left) + len(right)) if left or right else 1.0


def _meet(one: FoundPlace, other: FoundPlace) -> bool:
    return one.document_id == other.document_id and one.start < other.end and other.start < one.end


def _latency(measured: MeasuredRelease) -> Latency:
    taken = [one.search_ms for one in measured.answered] or [0.0]
    median, p95, p99 = (float(value) for value in np.quantile(taken, (0.5, 0.95, 0.99)))
    return Latency(median, p95, p99)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 1.0
