"""Measures of one ranking against graded judgments, as trec_eval computes them. Pure functions.

`ranking`: document ids from best to worst, none twice. `grades`: document id -> judged grade; a document that is not
in it, or has a grade of 0 or less, is not relevant. Each measure lies in [0, 1], and is 0 for an empty ranking and where
no document is relevant. trec_eval sorts a run by its scores and breaks ties by document id; here the order given counts.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

Grades = Mapping[str, int]


def ndcg_at(ranking: Sequence[str], grades: Grades, k: int) -> float:
    """`trec_eval/ndcg_cut`: sum of grade / log2(rank + 1) over the first `k`, by that of the best possible ranking.

    The grade itself is the gain (Järvelin and Kekäläinen 2002, https://doi.org/10.1145/582415.582418), not 2**grade - 1.
    """
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
    best = _discounted(ideal[:k])
    return _discounted(max(grades.get(one, 0), 0) for one in ranking[:k]) / best if best else 0.0


def recall_at(ranking: Sequence[str], grades: Grades, k: int) -> float:
    """`trec_eval/recall`: the share of all relevant documents that is among the first `k`."""
    relevant = _relevant(grades)
    return len(relevant.intersection(ranking[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranking: Sequence[str], grades: Grades) -> float:
    """`trec_eval/recip_rank`: 1 / rank of the first relevant document, with no other cut than the ranking's own end."""
    relevant = _relevant(grades)
    return next((1 / rank for rank, one in enumerate(ranking, start=1) if one in relevant), 0.0)


def _discounted(gains: Iterable[int]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _relevant(grades: Grades) -> set[str]:
    return {document for document, grade in grades.items() if grade > 0}
