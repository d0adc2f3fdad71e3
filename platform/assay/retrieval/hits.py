"""What a search answers with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """One place at which a hit's text stands; `start` and `end` are characters of the document's silver text."""

    document_id: str
    uri: str
    start: int
    end: int


@dataclass(frozen=True)
class Hit:
    """A chunk that was found. `places`: everywhere the same text stands and the caller may see it, this one first."""

    text: str
    score: float
    score_parts: Mapping[str, float]
    document_id: str
    chunk_id: str
    uri: str
    title: str
    heading_path: tuple[str, ...]
    page: int
    start: int
    end: int
    release: str
    tenant: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class SearchResult:
    """Hits from best to worst, the release that gave them, and milliseconds by step."""

    query: str
    release: str
    timings_ms: Mapping[str, float]
    hits: tuple[Hit, ...]

    def to_json(self) -> dict[str, Any]:
        """What `assay search --json` prints."""
        columns = ("text", "score", "document_id", "uri", "page", "start", "end")
        return {
            "query": self.query,
            "release": self.release,
            "timings_ms": dict(self.timings_ms),
            "hits": [
                {name: getattr(hit, name) for name in columns}
                | {"score_parts": dict(hit.score_parts), "heading_path": list(hit.heading_path)}
                for hit in self.hits
            ],
        }
