"""What parsing gives: a document's text with the place of every page and table in it."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from assay.errors import RejectionReason

_LINE_END = re.compile(r"\r\n?")


@dataclass(frozen=True, slots=True)
class Page:
    """A page (1-based) is `text[start:end]`; the pages of a document follow each other without a gap."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Word:
    """A word that was read from an image: it stands at `text[start:end]`, `confidence` is the engine's, from 0 to 1."""

    page: int
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class RefusedPage:
    """A page of which nothing is used while the others are. `reason` is one of `errors.REJECTION_REASONS`."""

    page: int
    reason: RejectionReason
    detail: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table found on a page: it stands at `text[start:end]`, `rows` are its cells, `confidence` is from 0 to 1."""

    page: int
    start: int
    end: int
    rows: tuple[tuple[str, ...], ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document as text: Unicode NFC, `\\n` line ends, no NUL, with something to read in it.

    `media_type` is what the content is, whatever its name says; `parser` is `name@version`; `encoding` is the
    character encoding of the bytes, None for formats that are not text. `words` are those that were read from images.
    """

    text: str
    title: str
    media_type: str
    pages: tuple[Page, ...]
    tables: tuple[Table, ...]
    parser: str
    encoding: str | None
    words: tuple[Word, ...] = ()
    refused_pages: tuple[RefusedPage, ...] = ()


def normalize_text(text: str) -> str:
    """Unicode NFC with `\\n` line ends."""
    return unicodedata.normalize("NFC", _LINE_END.sub("\n", text))


def has_words(text: str) -> bool:
    """Whether anything can be read: spaces, control and invisible format characters (zero-width, BOM) do not count."""
    return any(not character.isspace() and unicodedata.category(character) not in ("Cc", "Cf") for character in text)


def stem_of(name: str) -> str:
    """The file name without folder and suffix: the title of a document that declares none."""
    return PurePosixPath(name.replace("\\", "/")).stem or "untitled"
