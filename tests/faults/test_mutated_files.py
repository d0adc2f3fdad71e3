"""A slice of the soak of damaged files: each is answered once, by a document or by a reason that damage has."""

from collections import Counter

import pytest
from mutated_files import mutated_files
from sound_files import seed_files

from assay.documents.parsing import ParserPool, parse_here
from assay.errors import DocumentRejected

# Every format two to eight times; the soak takes 2,000.
FILES = 60
SEED = 1


def test_damaged_files_cost_themselves_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without tesseract a picture that can be decoded is `ocr_unavailable`: what OCR reads is the soak's to see.
    monkeypatch.setenv("PATH", "/nonexistent")
    files = list(mutated_files(FILES, SEED, seed_files()))
    with ParserPool() as pool:
        answers = list(pool.parse_many((file.name, file.data, file.name) for file in files))
    assert Counter(name for name, _ in answers) == Counter(file.name for file in files)
    reasons = {name: answer.reason for name, answer in answers if isinstance(answer, DocumentRejected)}
    assert not {name: reason for name, reason in reasons.items() if reason in ("crashed", "timeout", "out_of_memory")}
    assert 10 < len(reasons) < 50, Counter(reasons.values())


def test_the_files_that_are_damaged_were_sound() -> None:
    for kind, [data] in seed_files().items():
        if kind not in ("png", "jpeg", "tiff", "webp"):  # these need tesseract to be read
            assert parse_here(data, f"a.{kind}").text


def test_a_seed_gives_the_same_files_again() -> None:
    seeds = seed_files()
    assert list(mutated_files(26, 7, seeds)) == list(mutated_files(26, 7, seeds))
    assert list(mutated_files(26, 7, seeds)) != list(mutated_files(26, 8, seeds))
