"""Which documents are canonical, and which are duplicates of which: a pure function of the current documents.

In the order of their ids a document is a duplicate of the first canonical one within the threshold, else it is canonical
itself. So nothing chains: every duplicate is within the threshold of the very document that is found in its place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from assay.documents.duplicates.scopes import Audience, Candidate
from assay.documents.duplicates.signatures import BandKeys, Signatures, band_keys, least_estimate

Kind = Literal["exact", "near"]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Duplicate:
    """A document that is hidden behind its canonical one; `jaccard` of their shingles, 1 where the texts are equal."""

    document: Candidate
    canonical: Candidate
    kind: Kind
    jaccard: float


@dataclass(frozen=True)
class Likeness:
    """What is known of the texts. `signatures`: a row per text of `places`; `compared`: the Jaccard similarity of pairs.

    Texts without a signature are duplicates of equal texts only. A pair that was never compared is no duplicate, unless
    `guess`: then its estimate counts.
    """

    threshold: float
    places: Mapping[str, int]
    signatures: Signatures
    compared: Mapping[Pair, float]
    guess: bool = False


@dataclass
class Found:
    """The duplicates, the pairs of texts that had to be compared for them, and which of those never were."""

    duplicates: list[Duplicate] = field(default_factory=list[Duplicate])
    looked_at: set[Pair] = field(default_factory=set[Pair])
    missing: set[Pair] = field(default_factory=set[Pair])


def pair_of(one: str, other: str) -> Pair:
    """Two text hashes as the key of their comparison."""
    return (one, other) if one < other else (other, one)


def find_duplicates(documents: Sequence[Candidate], likeness: Likeness | None) -> Found:
    """The duplicates among `documents`, which are in the order of their ids; without a `likeness` only equal texts."""
    by_audience: dict[Audience, list[Candidate]] = {}
    for document in documents:
        by_audience.setdefault(document.audience, []).append(document)
    found = Found()
    for group in by_audience.values():
        _find_in(group, likeness, found)
    found.duplicates.sort(key=lambda one: one.document.document_id)
    return found


def _find_in(documents: Iterable[Candidate], likeness: Likeness | None, found: Found) -> None:
    """Equal texts are one: what the first of them is a duplicate of, the others are as well."""
    first: dict[str, Candidate] = {}
    later = [one for one in documents if first.setdefault(one.text_hash, one) is not one]
    near = {one.document.text_hash: one for one in _near(list(first.values()), likeness, found)} if likeness else {}
    found.duplicates.extend(near.values())
    for document in later:
        if hidden := near.get(document.text_hash):
            found.duplicates.append(Duplicate(document, hidden.canonical, "near", hidden.jaccard))
        else:
            found.duplicates.append(Duplicate(document, first[document.text_hash], "exact", 1.0))


def _near(documents: Sequence[Candidate], likeness: Likeness, found: Found) -> Iterator[Duplicate]:
    """The near duplicates among documents with different texts, in the order of their ids."""
    signed = [one for one in documents if one.text_hash in likeness.places]
    signatures = likeness.signatures[[likeness.places[one.text_hash] for one in signed]]
    keys = band_keys(signatures, likeness.threshold)
    least = least_estimate(likeness.threshold)
    buckets: list[dict[int, list[int]]] = [{} for _ in range(keys.shape[1])]
    for place in _sharing_a_band(keys):
        own = keys[place].tolist()
        close = sorted({one for bucket, key in zip(buckets, own, strict=True) for one in bucket.get(key, ())})
        estimates = (signatures[close] == signatures[place]).mean(axis=1).tolist()
        for other, estimate in zip(close, estimates, strict=True):
            if estimate < least:
                continue
            pair = pair_of(signed[place].text_hash, signed[other].text_hash)
            found.looked_at.add(pair)
            if pair not in likeness.compared:
                found.missing.add(pair)
            alike = likeness.compared.get(pair, estimate if likeness.guess else 0.0)
            if alike >= likeness.threshold:
                yield Duplicate(signed[place], signed[other], "near", alike)
                break
        else:
            for bucket, key in zip(buckets, own, strict=True):
                bucket.setdefault(key, []).append(place)


def _sharing_a_band(keys: BandKeys) -> list[int]:
    """The rows that share a key with another in some column, ascending: the others cannot be anybody's duplicate."""
    shared = np.zeros(len(keys), np.bool_)
    for column in keys.T:
        _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
        shared |= counts[inverse] > 1
    return np.flatnonzero(shared).tolist()
