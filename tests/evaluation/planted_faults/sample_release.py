"""A release of the sample's documents in parts, each of which a fault can take the place of, asked every golden question.

What is built is real: a LanceDB table, the searcher over it, the answerer, the evaluation and the gate with the sample's policy.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from assay.answering import Answerer, open_answerer
from assay.documents.chunk_rows import CHUNKS
from assay.embeddings import Embedder, Vector, VectorCache
from assay.evaluation.current_documents import unavailable_documents
from assay.evaluation.gate import GateDecision, GateEvidence, GatePolicy, compare
from assay.evaluation.golden_scores import Asked
from assay.evaluation.golden_set import GoldenSet, golden_set_for
from assay.evaluation.release_evaluation import Ask, ReleaseEvaluation, asker, evaluate_release
from assay.releases.four_layer_gate import policy_for
from assay.retrieval import ChunkIndex, QueryModel, Searcher, ServingPointer
from assay.retrieval.configurations import ReleaseConfiguration, configured_release
from assay.settings import Settings
from assay.workspace import Run, Workspace

pc: Any = pyarrow.compute

RUN = Run("f" * 32, datetime(2026, 11, 4, tzinfo=UTC))
PUBLISHED_AT = "2026-11-04T00:00:00+00:00"


class CacheInMemory(VectorCache):
    """The vectors of a home's cache, each read from the file once; what is computed goes into the file as ever."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._known: dict[tuple[str, str], Vector] = {}

    def get_many(self, fingerprint: str, hashes: Iterable[str]) -> dict[str, Vector]:
        wanted = list(dict.fromkeys(hashes))
        unread = [one for one in wanted if (fingerprint, one) not in self._known]
        if unread:
            found = super().get_many(fingerprint, unread)
            self._known |= {(fingerprint, one): vector for one, vector in found.items()}
        return {one: self._known[fingerprint, one] for one in wanted if (fingerprint, one) in self._known}

    def missing(self, fingerprint: str, hashes: Iterable[str]) -> list[str]:
        wanted = list(dict.fromkeys(hashes))
        there = self.get_many(fingerprint, wanted)
        return [one for one in wanted if one not in there]


@dataclass(frozen=True)
class Sample:
    """What releases of the sample are made of and judged by. `rows`: gold/chunks and a `vector` for each."""

    workspace: Workspace
    golden: GoldenSet
    unavailable: tuple[str, ...]
    policy: GatePolicy
    configuration: ReleaseConfiguration
    embedder: Embedder
    rows: pa.Table

    @classmethod
    def of(cls, home: Path) -> "Sample":
        """The sample as a demo left it in `home`."""
        settings = Settings(home=home)
        workspace = Workspace(settings, RUN)
        golden, _ = golden_set_for(workspace)
        opened = Embedder.open(settings)
        embedder = replace(opened, cache=CacheInMemory(settings.vector_cache_path))
        configuration = configured_release(settings)
        chunks = workspace.lake.read(CHUNKS, where={"chunker": configuration.chunker})
        return cls(
            workspace,
            golden,
            unavailable_documents(workspace),
            policy_for(settings, golden),
            configuration,
            embedder,
            with_vectors(chunks, embedder.embed(chunks["context_text"].to_pylist()).vectors),
        )

    def kept(self, keep: Callable[[Mapping[str, Any]], bool]) -> pa.Table:
        """The rows that `keep` says yes to, by all columns but their texts and vectors."""
        columns = [name for name in self.rows.column_names if name not in ("vector", "context_text")]
        return self.rows.filter(pa.array([keep(row) for row in self.rows.select(columns).to_pylist()]))

    def searcher(self, folder: Path, rows: pa.Table, *, commits: int = 1) -> Searcher:
        """A searcher over a table of `rows` in `folder`, written in so many commits and maintained as after each run."""
        table, dimension = self.configuration.table, self.embedder.model.dimension
        index = ChunkIndex.open(folder / "vectors", table, dimension, create=True)
        documents = list(dict.fromkeys(rows["document_id"].to_pylist()))
        bound = pc.max(rows["document_version"]).as_py()
        for part in range(commits):
            of_commit = documents[part::commits]
            mine = rows.filter(pc.is_in(rows["document_id"], pa.array(of_commit)))
            index.replace_documents(mine, of_commit, version_bound=bound)
        index.maintain(())
        return self.searcher_of(folder, index)

    def searcher_of(self, folder: Path, index: ChunkIndex) -> Searcher:
        """A searcher over the newest version of a table, as the configuration's release."""
        configuration = self.configuration
        pointer = ServingPointer(
            release_id=f"{configuration.configuration_id}@{index.version}",
            table=index.name,
            version=index.version,
            model=configuration.model,
            fingerprint=configuration.fingerprint,
            chunker=configuration.chunker,
            configuration=configuration.configuration_id,
            published_at=PUBLISHED_AT,
        )
        model = QueryModel(configuration.fingerprint, lambda text: self.embedder.embed_query(text, remember=True))
        return Searcher(folder / "vectors", folder / "releases", lambda _: model, release=pointer)

    def answerer(self) -> Answerer:
        return open_answerer(self.configuration.settings(self.workspace.settings), self.embedder)

    def ask(self, searcher: Searcher, answerer: Answerer | None = None) -> Ask:
        """How a release of the sample's configuration is asked."""
        return asker(searcher, answerer or self.answerer(), self.configuration, self.embedder)

    def evaluated(self, ask: Ask) -> ReleaseEvaluation:
        """Every golden question asked and scored, without a judge."""
        return evaluate_release(self.golden, ask, embedder=self.embedder, unavailable=self.unavailable)

    def release(self, folder: Path, rows: pa.Table | None = None, **how: Any) -> ReleaseEvaluation:
        """A release of `rows`, by default the sample's own, evaluated."""
        return self.evaluated(self.ask(self.searcher(folder, self.rows if rows is None else rows, **how)))

    def decision(self, candidate: ReleaseEvaluation, baseline: ReleaseEvaluation) -> GateDecision:
        """What the gate says by the sample's policy."""
        evidence = GateEvidence(candidate.provenance, baseline.provenance, operations=candidate.operations)
        return compare(candidate.scores, baseline.scores, self.policy, evidence=evidence)


def with_vectors(chunks: pa.Table, vectors: np.ndarray) -> pa.Table:
    """Rows of gold/chunks with a vector each, as the index takes them."""
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    column = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    if "vector" in chunks.column_names:
        chunks = chunks.drop_columns(["vector"])
    return chunks.append_column("vector", column)


def vectors_of(rows: pa.Table) -> np.ndarray:
    """Shape (rows, dimension)."""
    column = rows["vector"].combine_chunks()
    return column.flatten().to_numpy().reshape(rows.num_rows, -1)


def reanswered(baseline: ReleaseEvaluation, change: Callable[[Asked], Asked]) -> Ask:
    """Asked as the baseline was, with what `change` makes of its answers: the searches are the same and are not repeated."""
    known = {one.question.id: one for one in baseline.asked}
    return lambda question: change(known[question.id])
