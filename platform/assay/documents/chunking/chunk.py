"""What a chunk is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a text with its exact place: `text == whole[start:end]`, offsets in Python characters.

    `heading_path`: the headings above it, outermost first. `token_count`: content tokens of `text` by itself.
    `table_header`: of a chunk that begins among the rows of a table, the header row and the rule below it, as far as
    they fit in half a chunk; else None. Like the headings it is context, not text.
    """

    text: str
    start: int
    end: int
    heading_path: tuple[str, ...]
    token_count: int
    table_header: str | None = None
