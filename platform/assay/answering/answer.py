"""What an answer is: words that are all quoted, where each quote stands, or an abstention with its reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.retrieval.hits import Hit


@dataclass(frozen=True)
class Citation:
    """Where a quote stands: `quote` is `[start:end]` of the document's silver text, and lies inside the chunk."""

    chunk_id: str
    document_id: str
    uri: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True)
class Answer:
    """An answer with its citations, or an abstention: no text, no citation, and the reason.

    `answerer`, `prompt`: the ids of what made it.
    """

    question: str
    text: str
    citations: tuple[Citation, ...]
    abstained: bool
    reason: str | None
    answerer: str
    prompt: str


# A question and the passages that may answer it, best first; nothing else is known to it.
Answerer = Callable[[str, Sequence[Hit]], Answer]
