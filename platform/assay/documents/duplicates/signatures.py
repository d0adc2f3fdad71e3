"""MinHash signatures: how alike two texts are, told by 512 bytes of each, and where to look for those that are.

Signatures are rensa's R-MinHash over all shingles of a text. Banding is Leskovec, Rajaraman, Ullman, Mining of Massive
Datasets, 3.4: of `bands` bands of `rows` hashes each, two texts of Jaccard similarity s share at least one with the
chance 1 - (1 - s^rows)^bands.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from assay.documents.duplicates.shingles import SHINGLING
from assay.quality.duplicate_suites import SIGNATURE_BYTES

Signatures: TypeAlias = NDArray[np.uint32]  # (texts, HASHES)
BandKeys: TypeAlias = NDArray[np.uint64]  # (texts, bands)

HASHES = SIGNATURE_BYTES // 4
SEED = 42
# With fewer shingles two texts within the lowest threshold differ in hardly more than punctuation, and in so few words
# punctuation says something: `-5` and `5`. Such texts are compared as they are.
MIN_SHINGLES = 10
# Of pairs that lie exactly on the threshold at most this share is never looked at; of more alike ones far fewer.
MAX_MISSED = 5e-4
# Below the threshold by more than this many standard deviations of the estimate a pair is not compared word by word:
# one in 30,000 that lie on the threshold.
ESTIMATE_DEVIATIONS = 4.0

_ODD = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


def signature_id() -> str:
    """Names all that a signature depends on: another one is computed anew."""
    return f"{SHINGLING}+rminhash@{_rminhash().ALGORITHM_VERSION}/{HASHES}/{SEED}"


def signatures_of(texts: Sequence[frozenset[str]]) -> Signatures:
    """The signature of each text's shingles: a function of the set, the same on every machine and in every run."""
    if not texts:
        return np.empty((0, HASHES), np.uint32)
    rows = _rminhash().digest_matrix_from_token_sets([list(one) for one in texts], HASHES, SEED).to_rows()
    return np.array(rows, np.uint32)


def _rminhash() -> Any:
    import rensa  # a compiled module: no type checker sees what is in it

    return cast(Any, rensa).RMinHash


def from_bytes(signatures: Sequence[bytes]) -> Signatures:
    """Stored signatures as a matrix."""
    return np.frombuffer(b"".join(signatures), "<u4").astype(np.uint32, copy=False).reshape(-1, HASHES)


def to_bytes(signature: NDArray[np.uint32]) -> bytes:
    return signature.astype("<u4", copy=False).tobytes()


def rows_per_band(threshold: float) -> int:
    """The most hashes a band can have, and so the fewest false candidates, with at most `MAX_MISSED` missed."""
    fitting = [rows for rows in range(1, HASHES + 1) if (1 - threshold**rows) ** (HASHES // rows) <= MAX_MISSED]
    return max(fitting)


def band_keys(signatures: Signatures, threshold: float) -> BandKeys:
    """A number per band of each text: texts that share one in the same column are candidates."""
    rows = rows_per_band(threshold)
    bands = HASHES // rows
    cut = signatures[:, : bands * rows].astype(np.uint64).reshape(len(signatures), bands, rows)
    keys = np.zeros(cut.shape[:2], np.uint64)
    for row in range(rows):
        keys = (keys ^ cut[:, :, row]) * _ODD
        keys ^= keys >> _SHIFT
    return keys


def least_estimate(threshold: float) -> float:
    """The share of equal hashes below which a pair is taken for less alike than `threshold`."""
    return threshold - ESTIMATE_DEVIATIONS * math.sqrt(threshold * (1 - threshold) / HASHES)
