"""Precision: bf16 is the same model in coarser arithmetic, another fingerprint, and another cached vector."""

from pathlib import Path

import numpy as np
import pytest
from scale import at_ci

from assay.documents.chunk_rows import configured_chunker
from assay.embeddings import BUNDLED_MODEL, Embedder, VectorCache, encoding, resolve_model, tokenizer_of
from assay.embeddings.encoding import encode
from assay.errors import ModelError
from assay.settings import Settings

TEXTS = [
    "The cat sat quietly on the warm windowsill.",
    "A feline rested calmly on the sunny window ledge.",
    "Quarterly revenue grew by twelve percent in Europe.",
    "Naïve café: 你好 한국어 😀",
    "word " * 300,
    "",
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    return Settings(_env_file=None, home=home, embedding_precision="bf16")


@at_ci("loads the model twice")
def test_the_arithmetic_really_is_bf16_and_the_vectors_are_unit_float32(settings: Settings) -> None:
    import torch

    embedder = Embedder.open(settings)
    coarse = embedder.embed(TEXTS).vectors
    exact = encode(resolve_model(BUNDLED_MODEL), TEXTS)
    loaded, _ = encoding._loaded_encoder(embedder.model)

    # Assigning a converted network to `auto_model` is ignored in silence: asked of what computes, and seen in the result.
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.bfloat16}
    assert {parameter.dtype for parameter in loaded[0].model.parameters()} == {torch.bfloat16}
    assert (coarse.dtype, coarse.shape) == (np.float32, (6, 384))
    assert np.allclose(np.linalg.norm(coarse, axis=1), 1, atol=1e-6)
    cosines = np.sum(coarse * exact, axis=1)
    assert cosines.min() > 0.999
    assert np.abs(coarse - exact).max() > 1e-4, "nothing was rounded"
    assert coarse[0] @ coarse[1] > coarse[0] @ coarse[2] + 0.3


def test_both_precisions_are_kept_side_by_side(settings: Settings, tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "vectors.sqlite")
    fp32, bf16 = (Embedder(resolve_model(BUNDLED_MODEL, one), cache) for one in ("fp32", "bf16"))
    first, second = fp32.embed(TEXTS[:2]), bf16.embed(TEXTS[:2])

    assert (first.computed, second.computed) == (2, 2)
    assert (fp32.embed(TEXTS[:2]).computed, bf16.embed(TEXTS[:2]).computed) == (0, 0)
    assert np.array_equal(fp32.embed(TEXTS[:2]).vectors, first.vectors)
    assert np.array_equal(bf16.embed(TEXTS[:2]).vectors, second.vectors)
    assert not np.array_equal(first.vectors, second.vectors)


def test_precision_is_part_of_the_models_identity_and_not_of_its_tokenizer(settings: Settings) -> None:
    fp32, bf16 = resolve_model(BUNDLED_MODEL), Embedder.open(settings).model

    assert (fp32.precision, bf16.precision) == ("fp32", "bf16")
    assert fp32.fingerprint != bf16.fingerprint
    assert resolve_model(BUNDLED_MODEL, "fp32") == fp32
    assert tokenizer_of(fp32).fingerprint == tokenizer_of(bf16).fingerprint


def test_the_chunker_changes_with_the_precision_only_where_vectors_decide(settings: Settings) -> None:
    def chunker(strategy: str, precision: str) -> str:
        return configured_chunker(
            settings.model_copy(update={"chunk_strategy": strategy, "embedding_precision": precision})
        )

    for strategy in ("structure", "recursive", "fixed"):
        assert chunker(strategy, "fp32") == chunker(strategy, "bf16")
    assert chunker("semantic", "fp32") != chunker("semantic", "bf16")


@pytest.mark.parametrize(("precision", "length"), [("fp32", 1.001), ("bf16", 1.02), ("bf16", float("nan"))])
def test_vectors_that_are_no_unit_vectors_are_refused(
    precision: str, length: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Faulty:
        def encode(self, texts: list[str], **_: object) -> np.ndarray:
            return np.tile(np.eye(384, dtype=np.float32)[:1] * np.float32(length), (len(texts), 1))

    from threading import Lock

    monkeypatch.setattr(encoding, "_loaded_encoder", lambda _: (Faulty(), Lock()))
    with pytest.raises(ModelError, match="not finite unit vectors"):
        encode(resolve_model(BUNDLED_MODEL, precision), ["a"])  # pyright: ignore[reportArgumentType]
