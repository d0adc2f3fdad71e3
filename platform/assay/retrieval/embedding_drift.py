"""Drift of the index: do the vectors of a table's newest version lie where those lay that serve?

The fast gate asks whether the index is right. This asks whether it is still the same kind of index: a source that was
swapped, a parser that garbles, a language that was never there move the vectors and break no invariant. It warns only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.documents.chunk_rows import CHUNKS
from assay.embeddings.drift import Vectors, centroid_cosine, discrepancy_test, dispersion, neighbour_overlap
from assay.quality.rules import Rule
from assay.retrieval import engine
from assay.retrieval.canaries import canaries_for
from assay.retrieval.filters import one_of
from assay.retrieval.live_stages import Live, find_live
from assay.retrieval.reconcile import open_index
from assay.retrieval.serving import RETAINED_RELEASES, ServingPointer, read_history, read_pointer
from assay.workspace import Workspace

# Rows of either version that are compared. Drawn by the chunk's id, which is a hash: what stands in both is in both samples.
SAMPLED_ROWS = 1000
NEIGHBOURS = 10
LEAST_CENTROID_COSINE = 0.95
LEAST_DISPERSION, MOST_DISPERSION = 0.9, 1.1
LEAST_P_VALUE = 0.01
LEAST_NEIGHBOUR_OVERLAP = 0.5

RULES = (
    "centroid_is_usual",
    "dispersion_is_usual",
    "vectors_are_distributed_as_usual",
    "canary_neighbours_are_usual",
)


@dataclass(frozen=True)
class VectorSample:
    """Of one version of a table: sampled vectors, shape (rows, dimension), and per question the documents nearest to it."""

    vectors: Vectors
    neighbours: tuple[tuple[str, ...], ...]


def drift_of_live(workspace: Workspace) -> list[tuple[str, tuple[Rule, ...]]]:
    """Every live table with its verdicts, that of what serves first; each against the release that served before it."""
    return [(one.configuration.table, _drift_of(one)) for one in find_live(workspace).by_table]


def _drift_of(live: Live) -> tuple[Rule, ...]:
    settings = live.workspace.settings
    index = open_index(live.workspace, live.embedder)
    baseline = served_before(settings.releases_path, index.name, index.version)
    if baseline is None:
        return _alike(True, "nothing served before")
    if baseline.fingerprint != live.configuration.fingerprint:
        return _alike(
            False,
            f"invalid: {baseline.release_id} was embedded by another model ({baseline.fingerprint[:12]}, this one is "
            f"{live.configuration.fingerprint[:12]}), whose vectors cannot be compared",
        )
    questions = _questions(live)
    newest = read_sample(engine.open_table(settings.vectors_path, index.name, index.version), questions)
    with engine.storage_errors(f"reading release {baseline.release_id}"):
        table = engine.open_table(settings.vectors_path, baseline.table, baseline.version)
        before = read_sample(table, questions)
    if not len(newest.vectors) or not len(before.vectors):
        return _alike(
            False, f"invalid: there are no vectors in {index.name if len(before.vectors) else baseline.table}"
        )
    return drift_rules(newest, before, baseline.release_id)


def drift_rules(newest: VectorSample, before: VectorSample, release_id: str) -> tuple[Rule, ...]:
    """The verdicts on two samples of the same model, by the names of `RULES`."""
    cosine = centroid_cosine(newest.vectors, before.vectors)
    ratio = dispersion(newest.vectors) / max(dispersion(before.vectors), 1e-9)
    test = discrepancy_test(newest.vectors, before.vectors)
    overlap = neighbour_overlap(newest.neighbours, before.neighbours)
    said = (
        (cosine >= LEAST_CENTROID_COSINE, f"cosine {cosine:.4f}"),
        (LEAST_DISPERSION <= ratio <= MOST_DISPERSION, f"{ratio:.3f} times as wide"),
        (
            test.p_value >= LEAST_P_VALUE,
            f"MMD² {test.mmd2:.5f}, p = {test.p_value:.3f}, {len(newest.vectors)} and {len(before.vectors)} vectors",
        ),
        (
            overlap >= LEAST_NEIGHBOUR_OVERLAP,
            f"{overlap:.0%} of the nearest {NEIGHBOURS}, {len(newest.neighbours)} questions",
        ),
    )
    return tuple(
        Rule(name, passed, f"{detail}, against {release_id}", int(not passed))
        for name, (passed, detail) in zip(RULES, said, strict=True)
    )


def served_before(releases_path: Path, table: str, version: int) -> ServingPointer | None:
    """The last release that served and is another version than this; None where there is none."""
    serving = read_pointer(releases_path)
    served = [*read_history(releases_path)[-RETAINED_RELEASES:], *([serving] if serving else [])]
    return next((one for one in reversed(served) if (one.table, one.version) != (table, version)), None)


def read_sample(table: Any, questions: Sequence[Vectors]) -> VectorSample:
    """What is compared of one version of a table: its first rows by chunk id, and the exact neighbours of each question."""
    ids = sorted(table.search().select(["chunk_id"]).to_arrow()["chunk_id"].to_pylist())[:SAMPLED_ROWS]
    rows = table.search().where(one_of("chunk_id", ids)).select(["chunk_id", "vector"]).to_arrow().sort_by("chunk_id")
    flat = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    found = [
        table.search(vector, vector_column_name="vector", query_type="vector")
        .distance_type("cosine")
        .bypass_vector_index()
        .select(["document_id", "_distance"])
        .limit(NEIGHBOURS)
        .to_list()
        for vector in questions
    ]
    return VectorSample(
        flat.reshape(rows.num_rows, -1), tuple(tuple(row["document_id"] for row in one) for one in found)
    )


def _questions(live: Live) -> list[Vectors]:
    """The canary questions' vectors, which the fast gate keeps in the cache."""
    columns = ["document_id", "allowed_principals", "title", "heading_path"]
    chunks = live.workspace.lake.read(CHUNKS, where={"chunker": live.configuration.chunker}, columns=columns)
    asked = canaries_for(chunks, live.workspace.settings.canaries).canaries
    return [live.embedder.embed_query(one.question, remember=True) for one in asked]


def _alike(passed: bool, detail: str) -> tuple[Rule, ...]:
    return tuple(Rule(name, passed, detail, int(not passed)) for name in RULES)
