"""Which documents are duplicates, against brute force over every pair; signatures, scopes, words."""

import math
import subprocess
import sys
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import AT_CI

from assay.documents.duplicates.canonicals import Duplicate, Likeness, find_duplicates, pair_of
from assay.documents.duplicates.scopes import Audience, Candidate, scope_of
from assay.documents.duplicates.shingles import jaccard, shingles
from assay.documents.duplicates.signatures import (
    HASHES,
    MAX_MISSED,
    from_bytes,
    least_estimate,
    rows_per_band,
    signatures_of,
    to_bytes,
)
from assay.settings import DUPLICATE_SCOPE, SourceSettings

WORDS = [f"word{number}" for number in range(40)]
PUBLIC = Audience("docs", "default", ("public",), "")


def text_of(base: int, edits: tuple[int, ...]) -> str:
    """One of a few texts of 60 words, of which some are others: one edit costs five of 56 shingles."""
    words = Random(base).choices(WORDS, k=60)
    for place in edits:
        words[place] = f"edit{base}"
    return " ".join(words)


# Few texts, so that equal, near and different ones all come often, and so do documents of different audiences.
texts = st.builds(text_of, st.integers(0, 2), st.lists(st.integers(0, 59), max_size=2, unique=True).map(tuple))
audiences = st.sampled_from([PUBLIC, PUBLIC, PUBLIC, Audience("docs", "acme", ("public",), "7.4")])
collections = st.lists(st.tuples(texts, audiences), max_size=14)


def candidates_of(written: list[tuple[str, Audience]]) -> list[Candidate]:
    return [Candidate(f"docs:{place:02}", text, audience) for place, (text, audience) in enumerate(written)]


def likeness_of(documents: list[Candidate], threshold: float, *, guess: bool = False) -> Likeness:
    """Everything known of the texts, which stand for their own hashes."""
    distinct = sorted({one.text_hash for one in documents})
    sets = {text: shingles(text) for text in distinct}
    compared = {pair_of(a, b): jaccard(sets[a], sets[b]) for a in distinct for b in distinct if a < b}
    places = {text: place for place, text in enumerate(distinct)}
    return Likeness(threshold, places, signatures_of(list(sets.values())), compared, guess)


def by_brute_force(documents: list[Candidate], likeness: Likeness) -> list[tuple[str, str, str, float]]:
    """In the order of ids, each with every canonical document before it."""
    canonicals: list[Candidate] = []
    found: list[tuple[str, str, str, float]] = []
    for document in documents:
        for other in canonicals:
            alike = how_alike(document, other, likeness)
            if document.audience == other.audience and alike >= likeness.threshold:
                kind = "exact" if document.text_hash == other.text_hash else "near"
                found.append((document.document_id, other.document_id, kind, alike))
                break
        else:
            canonicals.append(document)
    return found


def how_alike(one: Candidate, other: Candidate, likeness: Likeness) -> float:
    """Their Jaccard similarity; 0 where no band of hashes is equal, or too few hashes are."""
    if one.text_hash == other.text_hash:
        return 1.0
    mine, theirs = (likeness.signatures[likeness.places[text]].tolist() for text in (one.text_hash, other.text_hash))
    rows = rows_per_band(likeness.threshold)
    starts = range(0, HASHES - rows + 1, rows)
    shares = any(mine[start : start + rows] == theirs[start : start + rows] for start in starts)
    equal = sum(a == b for a, b in zip(mine, theirs, strict=True)) / HASHES
    if not shares or equal < least_estimate(likeness.threshold):
        return 0.0
    return likeness.compared.get(pair_of(one.text_hash, other.text_hash), 0.0)


def rows_of(duplicates: list[Duplicate]) -> list[tuple[str, str, str, float]]:
    return [(one.document.document_id, one.canonical.document_id, one.kind, one.jaccard) for one in duplicates]


@given(collections, st.sampled_from([0.6, 0.8, 0.9]))
@settings(deadline=None, max_examples=400 if AT_CI else 40)
def test_duplicates_are_those_of_brute_force(written: list[tuple[str, Audience]], threshold: float) -> None:
    documents = candidates_of(written)
    likeness = likeness_of(documents, threshold)
    found = find_duplicates(documents, likeness)
    assert rows_of(found.duplicates) == by_brute_force(documents, likeness)
    assert found.missing == set()

    # A comparison that nobody made is asked for, and those that were are enough.
    known = {pair: likeness.compared[pair] for pair in found.looked_at}
    without = Likeness(threshold, likeness.places, likeness.signatures, {})
    unknown = find_duplicates(documents, without)
    assert unknown.missing == unknown.looked_at
    assert {one.kind for one in unknown.duplicates} <= {"exact"}, "an estimate hid a document"
    assert find_duplicates(documents, Likeness(threshold, likeness.places, likeness.signatures, known)) == found

    equal = by_brute_force(documents, Likeness(1.0, likeness.places, likeness.signatures, {}))
    assert rows_of(find_duplicates(documents, None).duplicates) == equal


def test_a_chain_of_edits_is_not_merged_end_to_end() -> None:
    steps = [text_of(1, tuple(range(8, 8 + edits))) for edits in (0, 2, 4, 6)]
    documents = candidates_of([(text, PUBLIC) for text in steps])
    likeness = likeness_of(documents, 0.78)
    neighbours = [jaccard(shingles(a), shingles(b)) for a, b in pairwise(steps)]
    assert min(neighbours) >= 0.78 > jaccard(shingles(steps[0]), shingles(steps[2]))
    assert [row[:2] for row in rows_of(find_duplicates(documents, likeness).duplicates)] == [
        ("docs:01", "docs:00"),
        ("docs:03", "docs:02"),
    ]


def test_a_text_without_a_signature_is_compared_as_it_is() -> None:
    documents = candidates_of([("- 5", PUBLIC), ("5", PUBLIC), ("5", PUBLIC)])
    assert shingles("- 5") == shingles("5")
    likeness = Likeness(0.9, {}, signatures_of([]), {})
    assert rows_of(find_duplicates(documents, likeness).duplicates) == [("docs:02", "docs:01", "exact", 1.0)]


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 0.95] if AT_CI else [0.5, 0.9])
def test_hardly_any_pair_on_the_threshold_is_missed(threshold: float) -> None:
    """Random pairs of sets exactly as alike as the threshold: the bands find them, and the estimate is not far off."""
    random, pairs = Random(7), 1000 if AT_CI else 400
    shared = round(200 * threshold)
    sets: list[frozenset[str]] = []
    for _ in range(pairs):
        words = [f"{random.getrandbits(64):x}" for _ in range(200)]
        split = shared + (200 - shared) // 2
        sets += [frozenset(words[:split]), frozenset(words[:shared] + words[split:])]
    signatures = signatures_of(sets)
    one, other = signatures[::2], signatures[1::2]
    estimates = (one == other).mean(axis=1)
    exact = jaccard(sets[0], sets[1])
    assert exact == pytest.approx(threshold)
    assert abs(estimates.mean() - exact) < 0.01
    rows = rows_per_band(threshold)
    bands = HASHES // rows
    equal = (one == other)[:, : bands * rows].reshape(pairs, bands, rows).all(axis=2).any(axis=1)
    missed = (~equal | (estimates < least_estimate(threshold))).mean()
    expected = pairs * MAX_MISSED
    assert missed * pairs <= expected + 4 * math.sqrt(expected) + 1


def test_signatures_are_the_same_in_every_process_and_survive_storage() -> None:
    code = "from assay.documents.duplicates.signatures import *; from assay.documents.duplicates.shingles import *; "
    code += "print(signature_id(), to_bytes(signatures_of([shingles('one two three four five six')])[0]).hex()[:32])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    identity, first = ran.stdout.split()
    assert identity == "words5@1+rminhash@2/128/42"
    assert first == "217864d3546981c47cd7d2c63c686bc6"
    signature = signatures_of([shingles("one two three four five six")])
    assert to_bytes(signature[0]).hex()[:32] == first
    assert np.array_equal(from_bytes([to_bytes(signature[0])]), signature)


def test_shingles_are_runs_of_five_words_whatever_the_punctuation_and_script() -> None:
    assert shingles("One, two: THREE four-five  six!") == {"one two three four five", "two three four five six"}
    assert shingles("Two words.") == {"two words"}
    assert shingles("--- *** ---") == shingles("") == frozenset()
    assert shingles("Año nuevo, años de paz") == {"año nuevo años de paz"}
    assert shingles("東京は晴れです") == {"東 京 は 晴 れ", "京 は 晴 れ で", "は 晴 れ で す"}
    assert jaccard(shingles("a b c d e f"), shingles("a b c d e g")) == pytest.approx(1 / 3)
    assert jaccard(frozenset(), frozenset()) == 0


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("reference/7.4/Get-Item.md", "7.4"),
        ("docs/v2/api.md", "v2"),
        ("docs/v1beta1/api.md", "v1beta1"),
        ("docs/V2/api.md", "V2"),
        ("release-1.21.0/notes.md", "1.21.0"),
        ("docs/7.4/api/v2/list.md", "7.4/v2"),
        ("guide_3.1.pdf", "3.1"),
        ("2026-11-01/report.md", ""),
        ("handbook (2).md", ""),
        ("review/vv2.md", ""),
        ("chapter10/a.mp3", ""),
        ("über/straße.md", ""),
    ],
)
def test_the_default_scope_is_the_version_that_a_path_names(path: str, scope: str) -> None:
    assert scope_of(path, DUPLICATE_SCOPE) == scope


def test_a_scope_that_is_no_regular_expression_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"`\(oops` is not a regular expression"):
        SourceSettings(name="docs", uri="docs", duplicate_scope="(oops")
