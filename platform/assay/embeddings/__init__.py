"""Embedding models, their identity, their tokenizer, and every vector computed once."""

from assay.embeddings.cache import Vector, VectorCache
from assay.embeddings.encoding import Embedded, Embedder, text_hash, vector_key
from assay.embeddings.models import BUNDLED_MODEL, ModelFiles, resolve_model
from assay.embeddings.tokenizer import Tokenizer, default_tokenizer, tokenizer_of

__all__ = [
    "BUNDLED_MODEL",
    "Embedded",
    "Embedder",
    "ModelFiles",
    "Tokenizer",
    "Vector",
    "VectorCache",
    "default_tokenizer",
    "resolve_model",
    "text_hash",
    "tokenizer_of",
    "vector_key",
]
