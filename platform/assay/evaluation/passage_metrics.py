"""Ranking measures over golden passages as spans of characters, so that releases cut by different chunkers compare.

A question needs one or more passages; each may stand at several places. A hit covers a need when, in the same document, it
overlaps at least half of the quote's characters at any of the need's places. All measures read the ranking as `first_covered`
gives it, at one depth, lie in [0, 1] and are higher for a better ranking. Where every hit covers at most one need and no need
is covered twice they are trec_eval's, with the needs as relevant documents.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from assay.evaluation.golden_questions import GoldenPassage, GoldenPlace

# As far as a ranking is looked at: `reciprocal_rank` and `average_precision` end here too.
RANKING_DEPTH = 10
# The share of a quote's characters that must be there. A chunker may cut a quote in two; half of it is then enough to tell.
COVERED_SHARE = 0.5


class Span(Protocol):
    """Characters `[start:end]` of a document's silver text."""

    @property
    def document_id(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


def covers(span: Span, place: GoldenPlace) -> bool:
    """Whether the span holds at least half of the place's quote; a place that does not stand is covered by nothing."""
    if not place.stands or span.document_id != place.document_id:
        return False
    return overlap(span, place) >= COVERED_SHARE * (place.end - place.start)


def overlap(left: Span, right: Span) -> int:
    """How many characters both hold; 0 or less in different places of one document, which is the caller's to know."""
    return min(left.end, right.end) - max(left.start, right.start)


def first_covered(ranking: Sequence[Sequence[Span]], needs: Sequence[GoldenPassage]) -> list[int | None]:
    """For each need the 1-based rank of the first hit that covers it; None where none of the first 10 does.

    `ranking`: the hits from best to worst, each as all the places at which its text stands.
    """
    return [
        next(
            (
                rank
                for rank, spans in enumerate(ranking[:RANKING_DEPTH], start=1)
                if any(covers(span, place) for span in spans for place in need.places)
            ),
            None,
        )
        for need in needs
    ]


def ndcg_at(ranks: Sequence[int | None], k: int) -> float:
    """`passages/ndcg`: sum of 1 / log2(rank + 1) over the needs' first ranks, by that of all needs at the top, one a rank.

    Järvelin and Kekäläinen 2002, https://doi.org/10.1145/582415.582418; a need that is covered again gains nothing, as with
    alpha = 1 in Clarke et al. 2008, https://doi.org/10.1145/1390334.1390446. A hit that covers several needs at once can do
    better than one a rank, and then counts as 1.
    """
    gained = math.fsum(1 / math.log2(rank + 1) for rank in ranks if rank is not None and rank <= k)
    best = math.fsum(1 / math.log2(rank + 1) for rank in range(1, min(len(ranks), k) + 1))
    return min(1.0, gained / best)


def recall_at(ranks: Sequence[int | None], k: int) -> float:
    """`passages/recall`: the share of the needs that is covered within the first `k`; `trec_eval/recall`."""
    return sum(rank is not None and rank <= k for rank in ranks) / len(ranks)


def reciprocal_rank(ranks: Sequence[int | None]) -> float:
    """`passages/reciprocal_rank`: 1 / rank of the first hit that covers any need; `trec_eval/recip_rank` of a run of 10."""
    found = [rank for rank in ranks if rank is not None]
    return 1 / min(found) if found else 0.0


def average_precision(ranks: Sequence[int | None]) -> float:
    """`passages/average_precision`: over the needs, the mean of needs covered up to the rank by the rank at which each was
    covered first, 0 where it was not; `trec_eval/map` of a run of 10. A hit that covers several needs counts once as a hit,
    so that no precision exceeds 1."""
    covered = sorted(Counter(rank for rank in ranks if rank is not None).items())
    precisions = [needs * (hits / rank) for hits, (rank, needs) in enumerate(covered, start=1)]
    return math.fsum(precisions) / len(ranks)
