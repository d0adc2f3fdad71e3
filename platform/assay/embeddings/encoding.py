"""Texts to vectors, each computed once: what the cache lacks is encoded, and only then is the model loaded."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from assay.embeddings.cache import Vector, VectorCache
from assay.embeddings.models import ModelFiles, resolve_model
from assay.embeddings.tokenizer import encodable, tokenizer_of
from assay.errors import ModelError, StorageError
from assay.settings import PrecisionName, Settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Kind = Literal["document", "query"]
Progress = Callable[[int, int], None]

DEFAULT_BATCH_SIZE = 64
# What a kill may cost: some 20 s of encoding on two cores. A commit costs .07 s.
_COMMIT_EVERY_TEXTS = 512
# Seen off by: 1.2e-7 and .004. bf16 keeps 8 bits of a number, so what it normalised is normalised again in float32.
_NORM_TOLERANCE: dict[PrecisionName, float] = {"fp32": 1e-4, "bf16": 1e-2}


@dataclass(frozen=True)
class Embedded:
    """Vectors and what they cost.

    `vectors`: float32, shape (texts, dimension), a row per text in the order given, L2-normalised.
    `is_new`: shape (texts,), which texts had to be computed; a text given twice is computed once and reused once.
    `truncated`: how many of the computed ones were longer than the model reads, whose rest is not in their vector.
    """

    vectors: NDArray[np.float32]
    is_new: NDArray[np.bool_]
    truncated: int
    seconds: float

    @property
    def computed(self) -> int:
        return int(self.is_new.sum())

    @property
    def reused(self) -> int:
        return len(self.is_new) - self.computed


@dataclass(frozen=True)
class Embedder:
    """A model with its cache. Safe to share between threads, which take turns at the model.

    The same text in a batch of other lengths is padded otherwise and comes out up to 2.3e-7 apart per number
    (measured: 200 texts, batches of 1, 7, 32 and 64). The cache makes it one vector: the first that was committed is
    the one that everybody gets.
    """

    model: ModelFiles
    cache: VectorCache
    batch_size: int = DEFAULT_BATCH_SIZE

    @classmethod
    def open(cls, settings: Settings) -> "Embedder":
        """The embedder that settings name. Raises ModelError where its model is missing or altered."""
        return cls(
            model=resolve_model(settings.embedding_model, settings.embedding_precision),
            cache=VectorCache(settings.vector_cache_path),
            batch_size=settings.embedding_batch_size,
        )

    def embed(self, texts: Sequence[str], *, kind: Kind = "document", progress: Progress | None = None) -> Embedded:
        """Vectors of `texts`, from the cache where it has them.

        `progress(done, total)` is called after each batch and counts the texts that had to be computed. What was
        computed is committed every 512 texts, so that a killed run goes on where it was. Raises ModelError for a model
        that is not what its files say or gives unusable vectors, StorageError for an unusable cache.
        """
        began = time.monotonic()
        prompt = self._prompt(kind)
        keys = [vector_key(text, prompt=prompt) for text in texts]
        text_of = dict(zip(keys, texts, strict=True))
        missing = self.cache.missing(self.model.fingerprint, keys)
        truncated = self._compute({key: text_of[key] for key in missing}, prompt, progress) if missing else 0
        first_place = {key: place for place, key in reversed(list(enumerate(keys)))}
        is_new = np.zeros(len(keys), dtype=np.bool_)
        is_new[[first_place[key] for key in missing]] = True
        return Embedded(
            vectors=self._cached(keys),
            is_new=is_new,
            truncated=truncated,
            seconds=time.monotonic() - began,
        )

    def embed_query(self, text: str, *, remember: bool) -> Vector:
        """The vector of one question, shape (dimension,).

        Looked up in the cache, but kept there only with `remember` (canary and golden questions): what users ask is
        not stored, and is answered without a usable cache too. Raises as `embed` does.
        """
        prompt = self._prompt("query")
        key = vector_key(text, prompt=prompt)
        if remember:
            return self.embed([text], kind="query").vectors[0]
        try:
            known = self.cache.get_many(self.model.fingerprint, [key])
        except StorageError:  # SQLite cannot even read it on a full disk, which must not stop what serves
            known = {}
        return known[key] if known else self._encode([text], prompt)[0]

    def _prompt(self, kind: Kind) -> str:
        return self.model.query_prompt if kind == "query" else self.model.document_prompt

    def _compute(self, text_of: dict[str, str], prompt: str, progress: Progress | None) -> int:
        """Encode and commit texts by key, and return how many were truncated.

        Texts of like length share a batch, or the short ones would be padded to the longest; the longest come first,
        so that too large a batch fails at once.
        """
        tokenizer = tokenizer_of(self.model)
        length_of = {key: tokenizer.count(prompt + text) for key, text in text_of.items()}
        by_length = sorted(text_of, key=lambda key: (-length_of[key], key))
        done = 0
        for group in _slices(by_length, _COMMIT_EVERY_TEXTS):
            vectors: dict[str, Vector] = {}
            for batch in _slices(group, self.batch_size):
                vectors.update(zip(batch, self._encode([text_of[key] for key in batch], prompt), strict=True))
                done += len(batch)
                if progress is not None:
                    progress(done, len(text_of))
            self.cache.put_many(self.model.fingerprint, vectors)
        return sum(length > tokenizer.max_content_tokens for length in length_of.values())

    def _cached(self, keys: Sequence[str]) -> NDArray[np.float32]:
        rows = np.empty((len(keys), self.model.dimension), dtype=np.float32)
        for start, group in enumerate(_slices(keys, _COMMIT_EVERY_TEXTS)):
            found = self.cache.get_many(self.model.fingerprint, group)
            if not found.keys() >= set(group):
                raise StorageError(
                    f"The vector cache {self.cache.path} lost vectors while it was used; was it deleted? The index "
                    "stands. Run the same command again: what is missing is computed again, see `assay doctor`."
                )
            for offset, key in enumerate(group):
                rows[start * _COMMIT_EVERY_TEXTS + offset] = found[key]
        return rows

    def _encode(self, texts: list[str], prompt: str) -> NDArray[np.float32]:
        return encode(self.model, texts, prompt=prompt, batch_size=self.batch_size)


def encode(
    model: ModelFiles, texts: Sequence[str], *, prompt: str = "", batch_size: int = DEFAULT_BATCH_SIZE
) -> NDArray[np.float32]:
    """Vectors of `texts` without a cache: float32, shape (texts, dimension), L2-normalised. Raises ModelError.

    Whether bf16 is faster than fp32 is up to the processor; where it has no such arithmetic, bf16 works and is slower.
    """
    encoder, turn = _loaded_encoder(model)
    with turn:
        # Prompts go beside the text: some models leave their tokens out of the pooling.
        vectors = encoder.encode(
            [encodable(text) for text in texts],
            prompt=prompt,
            batch_size=batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
    return _unit_vectors(np.asarray(vectors, dtype=np.float32), (len(texts), model.dimension), model)


def text_hash(text: str) -> str:
    """sha256 of a text in UTF-8, as hex; a lone surrogate counts as itself."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def vector_key(text: str, *, prompt: str) -> str:
    """Under what a text's vector is cached: `text_hash(text)`, or with a prompt a hash of both.

    The prompt is hashed apart, because "a: " before "b" gives another vector than the plain text "a: b" where the model
    leaves its prompt out of the pooling.
    """
    return text_hash(text) if not prompt else text_hash(f"{text_hash(prompt)}\x00{text}")


def _slices(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _unit_vectors(vectors: NDArray[np.float32], shape: tuple[int, int], model: ModelFiles) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if vectors.shape != shape or not np.all(np.abs(norms - 1) <= _NORM_TOLERANCE[model.precision]):
        raise ModelError(
            f"The model {model.name!r} gave vectors that are not finite unit vectors of {model.dimension} numbers. "
            "None of this batch was kept; the vectors committed before stand. Check it with `assay doctor`."
        )
    return vectors if model.precision == "fp32" else vectors / norms


_loading = Lock()


def _loaded_encoder(model: ModelFiles) -> tuple["SentenceTransformer", Lock]:
    """The encoder and the lock under which it is used: fast tokenizers refuse a second thread ("Already borrowed")."""
    with _loading:
        return _load_encoder(model.folder, model.fingerprint, model.dimension, model.max_tokens, model.precision)


@lru_cache(maxsize=2)  # a serving model and a candidate
def _load_encoder(
    folder: Path, _fingerprint: str, dimension: int, max_tokens: int, precision: PrecisionName
) -> tuple["SentenceTransformer", Lock]:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        encoder = SentenceTransformer(str(folder), local_files_only=True)
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
    actual = (encoder.get_embedding_dimension(), encoder.max_seq_length)
    if actual != (dimension, max_tokens):
        raise ModelError(
            f"The model in {folder} loads with (dimension, longest input) {actual}, but its files say "
            f"{(dimension, max_tokens)}. Nothing was embedded. Choose another model, or the bundled one with "
            "`unset ASSAY_EMBEDDING_MODEL`."
        )
    # All modules: loading by `model_kwargs={"dtype": ...}` leaves a Dense module in float32, which refuses its input then.
    return encoder.bfloat16() if precision == "bf16" else encoder, Lock()
