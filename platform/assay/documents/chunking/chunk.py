"""What a chunk is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a text with its exact place: `text == whole[start:end]`, offsets in Python characters.

    `heading_path`: the headings above it, outermost first. `token_count`: content tokens of `text` by itself.
    """

    text: str
    start: int
    end: int
    heading_path: tuple[str, ...]
    token_count: int
