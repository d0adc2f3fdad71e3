"""What `semantic` promises beyond every strategy: cuts where the subject changes, stable against the vectors' noise."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from scale import at_ci

from assay.documents.chunking import chunk_text
from assay.embeddings.tokenizer import default_tokenizer

SUBJECTS = ("harbour", "baking", "orchids", "accounts")
DIMENSION = 384


def subject_vectors(sentences: Sequence[str]) -> np.ndarray:
    """One direction for each subject that a sentence names."""
    rows = np.full((len(sentences), DIMENSION), 1e-3, np.float32)
    for row, sentence in zip(rows, sentences, strict=True):
        row[[at for at, subject in enumerate(SUBJECTS) if subject in sentence]] = 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def about(subject: str, sentences: int) -> str:
    return " ".join(f"Sentence {number} says a few words on {subject}." for number in range(sentences))


def test_a_text_is_cut_where_its_subject_changes_and_nowhere_else_where_it_would_fit() -> None:
    parts = [about(subject, 8) for subject in SUBJECTS]
    assert [chunk.text for chunk in chunk_text(" ".join(parts), strategy="semantic", embed=subject_vectors)] == parts
    one = about("harbour", 16)
    assert [chunk.text for chunk in chunk_text(one, strategy="semantic", embed=subject_vectors)] == [one]


def test_a_text_too_long_for_a_chunk_is_cut_at_the_change_within_reach() -> None:
    text = " ".join(about(subject, 14) for subject in SUBJECTS)
    chunks = chunk_text(text, strategy="semantic", embed=subject_vectors)
    assert [sum(subject in chunk.text for subject in SUBJECTS) for chunk in chunks] == [1] * len(chunks)


def test_a_change_too_near_to_the_last_one_makes_no_crumb() -> None:
    text = " ".join([about("harbour", 9), about("baking", 1), about("harbour", 9)])
    assert min(chunk.token_count for chunk in chunk_text(text, strategy="semantic", embed=subject_vectors)) >= 50


def test_sentences_are_embedded_whole_and_none_is_longer_than_a_chunk() -> None:
    seen: list[str] = []

    def embed(sentences: Sequence[str]) -> np.ndarray:
        seen.extend(sentences)
        return subject_vectors(sentences)

    text = f"One is short. Two, e.g. this one, is not!\n\nA paragraph without an end\n\n{'word ' * 500}"
    chunk_text(text, strategy="semantic", size=100, embed=embed)
    assert seen[:3] == ["One is short.", "Two, e.g. this one, is not!", "A paragraph without an end"]
    assert max(map(default_tokenizer().count, seen)) <= 100
    assert "".join(seen).replace(" ", "") == "".join(text.split())


@pytest.mark.parametrize("seed", range(12))
def test_noise_of_a_millionth_moves_no_boundary(seed: int) -> None:
    """Random vectors come near to each other by chance, repeated sentences tie exactly: neither may decide by noise."""
    chance, numbers = random.Random(seed), np.random.default_rng(seed)
    pool = [f"Sentence {number} has {'some ' * chance.randint(1, 12)}words." for number in range(40)]
    text = " ".join(chance.choice(pool[: chance.choice((2, 5, 40))]) for _ in range(400))
    rows = {sentence: numbers.normal(size=DIMENSION) + 0.7 for sentence in pool}

    def embed(sentences: Sequence[str]) -> np.ndarray:
        exact = np.stack([rows[sentence] / np.linalg.norm(rows[sentence]) for sentence in sentences])
        return (exact + noise * numbers.choice([-1, 1], exact.shape)).astype(np.float32)

    noise = 0.0
    before = chunk_text(text, strategy="semantic", embed=embed)
    noise = 1e-6
    assert len(before) > 20
    assert all(chunk_text(text, strategy="semantic", embed=embed) == before for _ in range(3))


def test_an_edit_changes_the_chunks_around_it_alone() -> None:
    chance = random.Random(5)
    sentences = [f"Sentence {number} says a word on {chance.choice(SUBJECTS)}." for number in range(400)]
    before = {chunk.text for chunk in chunk_text(" ".join(sentences), strategy="semantic", embed=subject_vectors)}
    costs = []
    for edited in range(20, 400, 40):
        changed = [*sentences]
        changed[edited] = "An edit puts some other words here, on baking."
        after = chunk_text(" ".join(changed), strategy="semantic", embed=subject_vectors)
        costs.append(sum(chunk.text not in before for chunk in after))
    assert len(before) > 25
    assert max(costs) <= 6


@at_ci("encodes with the real model")
def test_the_bundled_model_is_the_default() -> None:
    cakes = (
        "Sift the flour twice before you fold in the butter. Beat the eggs with sugar until they are pale and thick. "
        "Bake the sponge for half an hour in a moderate oven. Let the cake cool before you spread the cream. "
    )
    ships = (
        "The freighter left the harbour at the morning tide. Her captain had ordered the anchor chain to be replaced. "
        "A pilot steered the ship between the sandbanks. Off the coast the crew hoisted the signal flags."
    )
    chunks = chunk_text(cakes + ships, strategy="semantic", size=120)
    assert [chunk.text for chunk in chunks] == [cakes.strip(), ships]
