"""One search over one version of a table: the dense and the lexical leg, their union, and equal texts collapsed."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from assay.errors import ModelError
from assay.retrieval import filters, fusion
from assay.retrieval.hits import Hit, Place

SearchMode = Literal["hybrid", "dense", "lexical"]
Vector = npt.NDArray[np.float32]

# Candidates of the 4-bit index read again with full vectors, per candidate asked for: 1 makes the distances exact, and
# as a leg asks for 100 to find 10, more brings no recall (.91 on 100k random vectors with 1, 2, 4 and 8).
REFINE_FACTOR = 1
# When collapsing left too few hits the legs are read again, this many times deeper.
_DEEPEN = 4

# The legs read what ranks; what a hit shows is read for the best few, which takes a quarter off a search.
_RANKED_COLUMNS = ["chunk_id", "text_hash"]
_HIT_COLUMNS = [
    *_RANKED_COLUMNS,
    *("document_id", "tenant", "uri", "title", "heading_path", "page", "start", "end", "text"),
]


@dataclass(frozen=True)
class Request:
    """What to search for; `where` is the prefilter, made for `principals`."""

    query: str
    k: int
    mode: SearchMode
    where: str
    principals: tuple[str, ...]


@dataclass(frozen=True)
class _Candidate:
    row: Mapping[str, Any]
    score: float
    score_parts: Mapping[str, float]


class Stopwatch:
    """Milliseconds by step; a step that comes again adds up."""

    def __init__(self) -> None:
        self._began = self._last = time.perf_counter()
        self.timings_ms: dict[str, float] = {}

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.timings_ms[step] = round(self.timings_ms.get(step, 0.0) + 1000 * (now - self._last), 3)
        self._last = now

    def total(self) -> dict[str, float]:
        return self.timings_ms | {"total": round(1000 * (time.perf_counter() - self._began), 3)}


def find(
    table: Any, rows: int, release_id: str, request: Request, vector: Vector | None, watch: Stopwatch
) -> tuple[Hit, ...]:
    """The hits in a table of `rows` rows; `vector` is the embedded query, None for a lexical search."""
    depth = min(max(fusion.LEG_DEPTH, request.k), rows)
    ranked: dict[str, _Candidate] = {}
    while depth:
        candidates, exhausted = _candidates(table, request, vector, depth, watch)
        ranked = _best_by_text(candidates)
        if len(ranked) >= request.k or exhausted or depth >= rows:
            break
        depth = min(depth * _DEEPEN, rows)
    best = list(ranked.values())[: request.k]
    rows_by_text = _rows_by_text(table, request.where, best)
    watch.lap("read")
    return tuple(_hit(candidate, release_id, rows_by_text) for candidate in best)


def _candidates(
    table: Any, request: Request, vector: Vector | None, depth: int, watch: Stopwatch
) -> tuple[list[_Candidate], bool]:
    """Candidates from best to worst, and whether no deeper search could bring another."""
    dense: list[dict[str, Any]] = []
    lexical: list[dict[str, Any]] = []
    if request.mode != "lexical":
        dense = _dense_leg(table, _fitting(table, vector), request.where, depth)
        watch.lap("dense")
    if request.mode != "dense":
        columns = [*_RANKED_COLUMNS, "vector"] if request.mode == "hybrid" else _RANKED_COLUMNS
        lexical = _lexical_leg(table, request.query, columns, request.where, depth)
        watch.lap("lexical")
    rows = {row["chunk_id"]: row for row in [*lexical, *dense]}
    cosine = {row["chunk_id"]: 1.0 - row["_distance"] for row in dense}
    bm25 = {row["chunk_id"]: row["_score"] for row in lexical}
    if request.mode == "hybrid":
        unmeasured = [chunk_id for chunk_id in bm25 if chunk_id not in cosine]
        if unmeasured:
            vectors = np.array([rows[chunk_id]["vector"] for chunk_id in unmeasured], dtype=np.float32)
            measured = fusion.exact_cosine(vectors, _fitting(table, vector))
            cosine |= dict(zip(unmeasured, measured.tolist(), strict=True))
        bm25 = {chunk_id: bm25.get(chunk_id, 0.0) for chunk_id in rows}
    ranked = _ranked(rows, request.mode, cosine, bm25)
    watch.lap("fuse")
    return ranked, len(dense) < depth and len(lexical) < depth


def _dense_leg(table: Any, vector: Vector, where: str, depth: int) -> list[dict[str, Any]]:
    query = table.search(vector, vector_column_name="vector", query_type="vector").distance_type("cosine")
    query = query.refine_factor(REFINE_FACTOR).where(where, prefilter=True)
    return query.select([*_RANKED_COLUMNS, "_distance"]).limit(depth).to_arrow().to_pylist()


def _lexical_leg(table: Any, text: str, columns: Sequence[str], where: str, depth: int) -> list[dict[str, Any]]:
    from lancedb.query import MatchQuery

    # A plain string would be parsed as a query language; a MatchQuery takes every character as text.
    match: Any = MatchQuery  # its defaults are pydantic's, which pyright does not see
    query = table.search(match(text, "context_text"), query_type="fts").where(where, prefilter=True)
    return query.select([*columns, "_score"]).limit(depth).to_arrow().to_pylist()


def _fitting(table: Any, vector: Vector | None) -> Vector:
    dimension = int(table.schema.field("vector").type.list_size)
    if vector is None or vector.shape != (dimension,):
        found = "none" if vector is None else f"one of shape {vector.shape}"
        raise ModelError(
            f"The release needs a query vector of {dimension} floats and got {found}. Nothing was searched. "
            "Check `ASSAY_EMBEDDING_MODEL` with `assay doctor`."
        )
    return vector


def _ranked(
    rows: Mapping[str, Mapping[str, Any]], mode: SearchMode, cosine: Mapping[str, float], bm25: Mapping[str, float]
) -> list[_Candidate]:
    chunk_ids = list(rows)
    legs = {"cosine": cosine} if mode == "dense" else {"bm25": bm25}
    if mode == "hybrid":
        legs = {"cosine": cosine, "bm25": bm25}
    columns = {name: np.array([leg[chunk_id] for chunk_id in chunk_ids]) for name, leg in legs.items()}
    scores = fusion.fuse(columns["cosine"], columns["bm25"]) if mode == "hybrid" else next(iter(columns.values()))
    return [
        _Candidate(rows[chunk_ids[at]], float(scores[at]), {name: leg[chunk_ids[at]] for name, leg in legs.items()})
        for at in fusion.ranking(scores, chunk_ids)
    ]


def _best_by_text(candidates: Iterable[_Candidate]) -> dict[str, _Candidate]:
    """The best candidate of each text, in order."""
    best: dict[str, _Candidate] = {}
    for candidate in candidates:
        best.setdefault(candidate.row["text_hash"], candidate)
    return best


def _rows_by_text(table: Any, where: str, candidates: Sequence[_Candidate]) -> dict[str, list[dict[str, Any]]]:
    """Every permitted row with the text of a candidate: the legs hold only those that were near enough to the top."""
    if not candidates:
        return {}
    same_text = filters.with_texts(where, [candidate.row["text_hash"] for candidate in candidates])
    found = table.search().where(same_text).select(_HIT_COLUMNS).to_arrow().to_pylist()
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(found, key=lambda row: (row["document_id"], row["start"])):
        rows.setdefault(row["text_hash"], []).append(row)
    return rows


def _hit(candidate: _Candidate, release_id: str, rows_by_text: Mapping[str, Sequence[Mapping[str, Any]]]) -> Hit:
    same_text = rows_by_text[candidate.row["text_hash"]]
    row = next(row for row in same_text if row["chunk_id"] == candidate.row["chunk_id"])
    own = _place(row)
    return Hit(
        text=row["text"],
        score=candidate.score,
        score_parts=candidate.score_parts,
        document_id=row["document_id"],
        chunk_id=row["chunk_id"],
        uri=row["uri"],
        title=row["title"],
        heading_path=tuple(row["heading_path"]),
        page=row["page"],
        start=row["start"],
        end=row["end"],
        release=release_id,
        tenant=row["tenant"],
        places=(own, *(place for place in map(_place, same_text) if place != own)),
    )


def _place(row: Mapping[str, Any]) -> Place:
    return Place(row["document_id"], row["uri"], row["start"], row["end"])
