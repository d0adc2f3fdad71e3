"""Assay: every document stage from the manifest to the release, called as the assets call them, without Dagster."""

from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from assay.documents.bronze import days_to_derive, land_manifest, write_feed
from assay.documents.chunking import chunk_text
from assay.documents.gold import chunk_current
from assay.documents.parsing import parse_here
from assay.documents.silver import parse_day
from assay.documents.state import write_state
from assay.embeddings import Embedder, encoding
from assay.quality import outcomes
from assay.retrieval.configurations import configured_release
from assay.retrieval.deny_list import update_deny_list
from assay.retrieval.engine import open_table
from assay.retrieval.gate import release_newest
from assay.retrieval.index import ChunkIndex
from assay.retrieval.reconcile import maintain_index, reconcile_index
from assay.retrieval.serving import flip, read_head, read_pointer
from assay.settings import Settings, SourceSettings
from assay.warehouse import engine
from assay.workspace import Run, Workspace
from ingest_systems.command import CHUNK_TOKENS, Chunks, run
from ingest_systems.corpus import DAYS, read_day
from ingest_systems.meter import MODEL_BATCH_TEXTS, Meter

SOURCE = "powershell"


class AssayStages:
    def __init__(self, home: Path, model: Path, meter: Meter, batch_size: int) -> None:
        self._home, self._meter = home, meter

    def ingest(self, corpus: Path, day: str) -> None:
        self._count()
        settings, meter, today = self._settings(corpus), self._meter, date.fromisoformat(day)
        workspace = Workspace(settings, Run("benchmark", datetime.now(UTC)))
        [source] = settings.active_sources
        with meter.timed("manifests"):
            land_manifest(workspace, source, today)
        with engine() as connection:
            with meter.timed("feed"):
                for one in days_to_derive(workspace, source, [today]):
                    write_feed(workspace, connection, source, one)
            with meter.timed("deny-list"):
                update_deny_list(workspace, connection)
            with meter.timed("texts"):
                for one in days_to_derive(workspace, source, [today]):
                    parse_day(workspace, source.name, one)
            with meter.timed("state"):
                write_state(workspace, connection, today)
            with meter.timed("chunks"):
                chunk_current(workspace, connection, today)
        embedder = Embedder.open(settings)
        with meter.timed("index"):
            reconcile_index(workspace, embedder)
        meter.asking = True
        with meter.timed("gate"):
            gate = release_newest(workspace, embedder, configured_release(settings))
        if not gate.passed:
            raise SystemExit(f"the gate refused {gate.release_id}: {gate.failures}")
        # The first release takes the four-layer gate too, once in a configuration's life: no part of a day's ingest.
        head = read_head(settings.releases_path, gate.configuration)
        if gate.serving is None and head is not None:
            flip(settings.releases_path, head, "promote")
        with meter.timed("maintenance"):
            maintain_index(workspace, embedder)

    def stored(self) -> Chunks:
        """Of the release that serves: nothing else is ever searched."""
        settings = self._settings(Path())
        pointer = read_pointer(settings.releases_path)
        chunks: Chunks = {}
        if pointer is None:
            return chunks
        table = open_table(settings.vectors_path, pointer.table, pointer.version)
        for row in table.search().select(["document_id", "text"]).to_arrow().to_pylist():
            chunks.setdefault(row["document_id"].removeprefix(f"{SOURCE}:"), []).append(row["text"])
        return chunks

    def wanted(self, corpus: Path, day: str) -> Chunks:
        return {
            path: [
                chunk.text
                for chunk in chunk_text(
                    parse_here(text.encode(), path).text, strategy="structure", size=CHUNK_TOKENS, overlap=0
                )
            ]
            for path, text in read_day(corpus, day)
        }

    def _settings(self, corpus: Path) -> Settings:
        return Settings(
            _env_file=None,
            home=self._home,
            documents=None,
            sources=(SourceSettings(name=SOURCE, uri=str(corpus / "snapshots.parquet")),),
            canaries=None,
            first_day=date.fromisoformat(DAYS[0]),
            chunk_strategy="structure",
            chunk_size_tokens=CHUNK_TOKENS,
            chunk_overlap_tokens=0,
            embedding_batch_size=MODEL_BATCH_TEXTS,
        )

    def _count(self) -> None:
        """Count at the model, at the index's commits and around Great Expectations."""
        load, validate, meter = encoding._load_encoder, outcomes.validate, self._meter

        @lru_cache
        def load_counted(*key: Any) -> Any:
            lock: Any = None

            def load_model() -> Any:
                nonlocal lock
                model, lock = load(*key)
                return model

            return meter.load_model(load_model), lock

        def validate_timed(*args: Any, **kwargs: Any) -> Any:
            with meter.timed("quality"):  # inside the other stages
                return validate(*args, **kwargs)

        encoding._load_encoder, outcomes.validate = load_counted, validate_timed
        meter.count_writes(ChunkIndex, "replace_documents", "redate", changed=lambda commit: commit.changed)


if __name__ == "__main__":
    run(AssayStages)
