"""Texts into chunks: exact places in the text, sizes in the embedding model's own tokens.

    for chunk in chunk_text(text):
        assert chunk.text == text[chunk.start : chunk.end]

`structure` follows Markdown headings and blocks, `recursive` separators, `semantic` the embeddings of sentences; `fixed`
counts tokens.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from assay.documents.chunking.chunk import Chunk
from assay.documents.chunking.fixed import fixed_chunks
from assay.documents.chunking.recursive import recursive_chunks
from assay.documents.chunking.semantic import Embed, Vectors, semantic_chunks
from assay.documents.chunking.structure import structure_chunks
from assay.documents.chunking.tokens import TokenCounter, TokenizedText
from assay.errors import ConfigurationError

__all__ = [
    "CHUNKER_VERSION",
    "SPECIAL_TOKENS",
    "STRATEGIES",
    "Chunk",
    "Embed",
    "TokenCounter",
    "chunk_text",
    "chunker_id",
]

# To be raised whenever a boundary or a heading path changes: chunks of another version are chunked again.
CHUNKER_VERSION = 2
# A model's input begins and ends with one, so a text has `max_tokens` less these.
SPECIAL_TOKENS = 2
DEFAULT_SIZE_TOKENS = 200

_OVERLAPPING: Mapping[str, Callable[[TokenizedText, int], list[Chunk]]] = {
    "recursive": recursive_chunks,
    "fixed": fixed_chunks,
}
STRATEGIES = ("structure", "recursive", "semantic", "fixed")


def chunk_text(
    text: str,
    *,
    strategy: str = "structure",
    size: int = DEFAULT_SIZE_TOKENS,
    overlap: int = 0,
    encoder: TokenCounter | None = None,
    embed: Embed | None = None,
) -> list[Chunk]:
    """Cut a text into chunks, in order, that together hold every character that is not white space.

    `size` and `overlap` count tokens of `encoder`, by default the bundled embedding model's tokenizer. No chunk holds
    more than `size` tokens, nor more than the model reads, save a single character of more tokens than that; nor more
    than 32 characters per token of `size`, so that spaces and control characters without tokens are cut too.
    `structure` and `semantic` ignore `overlap`: their chunks end where something ended. Only `structure` gives heading
    paths, and table headers, whose tokens count among those of `size`. No chunk is empty or white space alone; the empty
    text has none. `embed` gives the sentence vectors for `semantic`, by default the bundled model.

    Raises ConfigurationError for an unknown strategy, a size under 1, or an overlap that is negative or not under it,
    and ModelError where the bundled model is asked for and missing or altered.
    """
    _check(strategy, size, overlap)
    if encoder is None:
        from assay.embeddings.tokenizer import default_tokenizer

        encoder = default_tokenizer()
    limit = max(encoder.max_tokens - SPECIAL_TOKENS, 1)
    tokenized = TokenizedText(text, encoder, min(size, limit))
    if strategy == "structure":
        return structure_chunks(tokenized)
    if strategy == "semantic":
        return semantic_chunks(tokenized, embed or _bundled_vectors)
    return _OVERLAPPING[strategy](tokenized, min(overlap, tokenized.size - 1))


def chunker_id(strategy: str, size: int, overlap: int, encoder_fingerprint: str) -> str:
    """The name of a way to chunk: equal names mean equal boundaries, e.g. `structure-200-0-v2-1f0c9d2e`.

    The last part is a hash of the whole, with the fingerprint of what decides the boundaries: of the tokenizer, or for
    `semantic` of the model. A strategy that takes no overlap is named with 0.
    """
    _check(strategy, size, overlap)
    name = f"{strategy}-{size}-{overlap if strategy in _OVERLAPPING else 0}-v{CHUNKER_VERSION}"
    return f"{name}-{hashlib.sha256(f'{name}-{encoder_fingerprint}'.encode()).hexdigest()[:8]}"


def _bundled_vectors(sentences: Sequence[str]) -> Vectors:
    from assay.embeddings.encoding import encode
    from assay.embeddings.models import BUNDLED_MODEL, resolve_model

    return encode(resolve_model(BUNDLED_MODEL), sentences)


def _check(strategy: str, size: int, overlap: int) -> None:
    if strategy not in STRATEGIES:
        raise ConfigurationError(
            f"`{strategy}` is not a chunking strategy; nothing was chunked. "
            f"There are {', '.join(f'`{name}`' for name in STRATEGIES)}: `export ASSAY_CHUNK_STRATEGY=structure`."
        )
    if size < 1:
        raise ConfigurationError(
            f"A chunk of {size} tokens holds nothing; nothing was chunked. `export ASSAY_CHUNK_SIZE_TOKENS=200`."
        )
    if not 0 <= overlap < size:
        raise ConfigurationError(
            f"An overlap of {overlap} tokens does not fit chunks of {size}: it is 0 or more and less than the size; "
            "nothing was chunked. `export ASSAY_CHUNK_OVERLAP_TOKENS=0`."
        )
