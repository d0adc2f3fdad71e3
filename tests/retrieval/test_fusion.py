import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.retrieval.fusion import exact_cosine, fuse, ranking

cosines = st.floats(-1, 1, width=32)
scores = st.floats(0, 40, width=32)


def oracle(candidates: list[tuple[float, float]]) -> list[float]:
    """The formula as the specification writes it, one candidate at a time."""
    best_cosine = max(cosine for cosine, _ in candidates) + 1
    best_bm25 = max(bm25 for _, bm25 in candidates)
    return [
        0.75 * ((cosine + 1) / best_cosine if best_cosine > 0 else 0)
        + 0.25 * (bm25 / best_bm25 if best_bm25 > 0 else 0)
        for cosine, bm25 in candidates
    ]


@given(candidates=st.lists(st.tuples(cosines, scores), min_size=1, max_size=40))
def test_fuse_is_the_formula(candidates):
    fused = fuse([cosine for cosine, _ in candidates], [bm25 for _, bm25 in candidates])

    assert fused.tolist() == pytest.approx(oracle(candidates), abs=1e-12)
    assert all(0 <= score <= 1 for score in fused)


def test_a_leg_without_any_score_adds_nothing():
    assert fuse([0.5, -1.0], [0.0, 0.0]).tolist() == [0.75, 0.0]
    assert fuse([-1.0, -1.0], [2.0, 1.0]).tolist() == [0.25, 0.125]
    assert fuse([], []).shape == (0,)


def test_exact_cosine_needs_no_normalized_vectors():
    vectors = np.array([[3.0, 0.0], [0.0, 2.0], [-1.0, -1.0]], dtype=np.float32)
    assert exact_cosine(vectors, [5.0, 0.0]).tolist() == pytest.approx([1.0, 0.0, -math.sqrt(0.5)])


@given(pairs=st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5]), st.text("ab", min_size=1, max_size=3))))
def test_ranking_is_by_score_then_chunk_id(pairs):
    order = ranking(np.array([score for score, _ in pairs]), [chunk_id for _, chunk_id in pairs])
    assert [(-pairs[at][0], pairs[at][1]) for at in order] == sorted((-score, chunk_id) for score, chunk_id in pairs)
