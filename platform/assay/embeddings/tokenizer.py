"""The embedding model's own tokenizer without the model: sizes in its tokens, places in Python characters."""

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path

import tokenizers
from tokenizers import normalizers

from assay.embeddings.models import BUNDLED_MODEL, ModelFiles, resolve_model
from assay.errors import ModelError

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Tokenizer:
    """Counts and places the tokens of a text as the embedding model sees them. Safe to share between threads.

    `max_tokens`: where the model cuts its input, special tokens included. `max_content_tokens`: what is left of that
    for a text and its prompt. `fingerprint`: sha256 of the vocabulary and rules.
    """

    def __init__(self, rules: str, *, max_tokens: int, lowercase: bool = False) -> None:
        """`rules` is the content of a tokenizer.json; `lowercase` puts a lowercasing step before its normalizer."""
        self._tokenizer = tokenizers.Tokenizer.from_str(rules)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        if lowercase:
            own = self._tokenizer.normalizer
            self._tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *([own] if own else [])])
        self.max_tokens = max_tokens
        self.max_content_tokens = max_tokens - self._tokenizer.num_special_tokens_to_add(False)
        self.fingerprint = hashlib.sha256(json.dumps([rules, lowercase]).encode()).hexdigest()

    def spans(self, text: str) -> list[tuple[int, int]]:
        """`(start, end)` of every content token in characters of `text`; nothing is cut, padded or added.

        Spans are not empty, and starts and ends never decrease. Characters that the normalizer drops are covered by no
        span, and one character that makes several tokens (a Hangul syllable makes three) gives as many equal spans:
        a cut between them would lie inside that character.
        """
        encoded = self._tokenizer.encode(encodable(text), add_special_tokens=False)
        return encoded.offsets

    def count(self, text: str) -> int:
        """Number of content tokens, without a limit."""
        return len(self._tokenizer.encode(encodable(text), add_special_tokens=False))


def encodable(text: str) -> str:
    """`text` with every lone surrogate, which has no UTF-8 form, as U+FFFD: as long as before."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def default_tokenizer() -> Tokenizer:
    """The bundled model's tokenizer. Raises ModelError where the bundled model is missing or altered."""
    return tokenizer_of(resolve_model(BUNDLED_MODEL))


def tokenizer_of(model: ModelFiles) -> Tokenizer:
    """A model's tokenizer, loaded once per process.

    Models older than tokenizer.json are converted by transformers, which takes seconds and imports torch.
    """
    return _loaded(model.fingerprint, model.tokenizer_folder, model.max_tokens, model.lowercase)


@lru_cache(maxsize=8)
def _loaded(_fingerprint: str, folder: Path, max_tokens: int, lowercase: bool) -> Tokenizer:
    rules = folder / "tokenizer.json"
    text = rules.read_text(encoding="utf-8") if rules.is_file() else _converted(folder)
    return Tokenizer(text, max_tokens=max_tokens, lowercase=lowercase)


def _converted(folder: Path) -> str:
    """The tokenizer.json that transformers makes of an older tokenizer's files."""
    from transformers import AutoTokenizer

    converted = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    backend: tokenizers.Tokenizer | None = getattr(converted, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            f"The tokenizer in {folder} has no fast form, so its tokens cannot be placed in a text; nothing was "
            "embedded. Choose another model, or the bundled one with `unset ASSAY_EMBEDDING_MODEL`."
        )
    return backend.to_str()
