"""What a judge is, and what it is asked about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray


class Judge(Protocol):
    """A model that reads a prompt and replies.

    `identity`: model and endpoint, readable, without a secret. `prompt_hash`: of the prompts it is asked with.
    """

    @property
    def identity(self) -> str: ...

    @property
    def prompt_hash(self) -> str: ...

    def complete(self, prompt: str) -> str:
        """The reply to `prompt`. Raises JudgeError for an item without one, ConfigurationError where none can come."""
        ...


@dataclass(frozen=True)
class JudgedItem:
    """A question as a release answered it. `contexts`: the passages the answer was made of, best first.

    `reference`: the right answer; None where there is none, as for a question that cannot be answered.
    """

    item_id: str
    cluster: str | None
    slices: tuple[str, ...]
    question: str
    answer: str
    contexts: tuple[str, ...]
    reference: str | None
    abstained: bool


# Texts -> their vectors, shape (texts, dimension), of any length.
Embed = Callable[[Sequence[str]], NDArray[Any]]
