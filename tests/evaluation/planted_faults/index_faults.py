"""Faults in what is indexed: documents that are not there, texts that are cut, vectors that are not theirs."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from fault import Bench
from sample_release import Sample, vectors_of, with_vectors

from assay.answering.quotable_parts import quotable_parts
from assay.documents.blobs import sha256_hex
from assay.documents.chunk_rows import configured_tokenizer, context_text, cut_text
from assay.documents.silver_texts import DOCUMENTS
from assay.embeddings.encoding import encode
from assay.embeddings.models import resolve_model
from assay.evaluation.gate import GateDecision
from assay.evaluation.release_evaluation import ReleaseEvaluation
from assay.retrieval.configurations import configured_release

SCANS = (".png", ".jpg", ".tiff", "sponsorship-fax.pdf")
# Of a document the fault keeps so many characters: a parser that stops, a column that is too short.
KEPT_CHARACTERS = 1000
# A size at which the sample's tables are cut and its sentences too; 6 chunks of the usual size continue a table.
SMALL_CHUNK_TOKENS = 48


def decided(bench: Bench, candidate: ReleaseEvaluation) -> GateDecision:
    return bench.sample.decision(candidate, bench.baseline)


def without(keep: Callable[[Mapping[str, Any]], bool]) -> Callable[[Bench], GateDecision]:
    """The documents or chunks are gone to which `keep` says no."""
    return lambda bench: decided(bench, bench.sample.release(bench.folder, bench.sample.kept(keep)))


def half_of_the_documents(row: Mapping[str, Any]) -> bool:
    return int(sha256_hex(row["document_id"].encode())[:8], 16) % 2 == 0


def is_not_spanish(row: Mapping[str, Any]) -> bool:
    return "/es/" not in row["document_id"] and "/resumen-" not in row["document_id"]


def is_no_scan(row: Mapping[str, Any]) -> bool:
    return not row["document_id"].endswith(SCANS)


def begins_early(row: Mapping[str, Any]) -> bool:
    return row["start"] < KEPT_CHARACTERS


def is_not_of_umbra(row: Mapping[str, Any]) -> bool:
    return row["tenant"] != "umbra"


def shuffled_ids(bench: Bench) -> GateDecision:
    """Each vector stands beside another chunk, as after a batch whose order was lost."""
    return decided(bench, bench.sample.release(bench.folder, shuffled(bench.sample.rows)))


def shuffled(rows: pa.Table) -> pa.Table:
    return with_vectors(rows, vectors_of(rows)[np.random.default_rng(1).permutation(rows.num_rows)])


def unnormalized(rows: pa.Table) -> pa.Table:
    """Vectors as long as when the tokens' are summed and not brought to length 1."""
    lengths = np.array(rows["token_count"].to_pylist(), dtype=np.float32)
    return with_vectors(rows, vectors_of(rows) * lengths[:, None])


def other_model(bench: Bench) -> GateDecision:
    """Documents were embedded by a model of half the layers, whose vectors have the same dimension, questions by the right one."""
    return _embedded_by(bench, ("config.json", {"num_hidden_layers": 3}))


def other_pooling(bench: Bench) -> GateDecision:
    """Documents were embedded from the first token and not from the mean of all, questions rightly."""
    modes = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    return _embedded_by(bench, ("1_Pooling/config.json", modes))


def _embedded_by(bench: Bench, change: tuple[str, dict[str, Any]]) -> GateDecision:
    sample, (file, values) = bench.sample, change
    folder = Path(shutil.copytree(sample.embedder.model.folder, bench.folder / "model"))
    config = folder / file
    config.write_text(json.dumps(json.loads(config.read_text()) | values))
    model = resolve_model(str(folder))
    assert model.dimension == sample.embedder.model.dimension
    assert model.fingerprint != sample.embedder.model.fingerprint
    vectors = encode(model, sample.rows["context_text"].to_pylist())
    return decided(bench, sample.release(bench.folder, with_vectors(sample.rows, vectors)))


def earlier_versions(bench: Bench) -> GateDecision:
    """Edited documents stand as they were on the day before, as in an index that a run did not bring up to date."""
    sample = bench.sample
    return decided(bench, sample.release(bench.folder, stale_rows(sample)))


def stale_rows(sample: Sample) -> pa.Table:
    """The rows of the index with the chunks of the texts before in the place of those of edited documents."""
    lake = sample.workspace.lake
    texts: dict[str, dict[Any, str]] = {}
    for row in lake.read(DOCUMENTS, columns=["document_id", "day", "text"]).to_pylist():
        texts.setdefault(row["document_id"], {})[row["day"]] = row["text"]
    current = set(sample.rows["document_id"].to_pylist())
    earlier = {
        document: versions[sorted(versions)[-2]]
        for document, versions in texts.items()
        if document in current and len(set(versions.values())) > 1
    }
    kept = sample.kept(lambda row: row["document_id"] not in earlier)
    return pa.concat_tables([kept, _rows_of(sample, earlier)])


def _rows_of(sample: Sample, texts: Mapping[str, str], *, headers: bool = True) -> pa.Table:
    """Rows of the index for these texts, cut by the sample's chunker; without `headers` no chunk carries that of its table."""
    settings = sample.configuration.settings(sample.workspace.settings)
    tokenizer = configured_tokenizer(settings)
    owners = {row["document_id"]: row for row in sample.rows.drop_columns(["vector"]).to_pylist()}
    rows: list[dict[str, Any]] = []
    for document, text in texts.items():
        for ordinal, (chunk, context) in enumerate(cut_text(settings, tokenizer, text)):
            if not headers:
                context = context_text(chunk.heading_path, chunk.text, tokenizer)
            rows.append(
                owners[document]
                | {
                    "chunk_id": sha256_hex(f"{document}\0{ordinal}\0{context}".encode())[:32],
                    "document_text_hash": sha256_hex(text.encode()),
                    "heading_path": list(chunk.heading_path),
                    "ordinal": ordinal,
                    "start": chunk.start,
                    "end": chunk.end,
                    "text": chunk.text,
                    "text_hash": sha256_hex(chunk.text.encode()),
                    "context_text": context,
                    "context_hash": sha256_hex(context.encode()),
                    "token_count": tokenizer.count(context),
                    "chunker": sample.configuration.chunker,
                }
            )
    schema = sample.rows.drop_columns(["vector"]).schema
    table = pa.Table.from_pylist(rows, schema=schema)
    # Of the answers too, all at once: question by question it takes five times as long.
    sample.embedder.embed(sorted({part.said for row in rows for part in quotable_parts(row["text"])}))
    return with_vectors(table, sample.embedder.embed(table["context_text"].to_pylist()).vectors)


def header_rows_lost(bench: Bench) -> GateDecision:
    """A chunk that continues a table no longer carries the table's header. Both arms are cut small, so that many do."""
    small = cut_by(bench.sample, "structure", 0)
    texts = current_texts(small)
    sound = small.release(bench.folder / "sound", _rows_of(small, texts))
    faulty = small.release(bench.folder / "faulty", _rows_of(small, texts, headers=False))
    return small.decision(faulty, sound)


def overlap_zero(bench: Bench) -> GateDecision:
    """Windows of fixed size no longer overlap. Both arms are cut so, the sound one with half a window of overlap."""
    overlapping = cut_by(bench.sample, "fixed", SMALL_CHUNK_TOKENS // 2)
    bare = cut_by(bench.sample, "fixed", 0)
    texts = current_texts(bare)
    sound = overlapping.release(bench.folder / "sound", _rows_of(overlapping, texts))
    return bare.decision(bare.release(bench.folder / "faulty", _rows_of(bare, texts)), sound)


def cut_by(sample: Sample, strategy: str, overlap: int) -> Sample:
    """The sample under a configuration with another chunker, which the policy's floors are not about."""
    settings = sample.workspace.settings.model_copy(
        update={
            "chunk_strategy": strategy,
            "chunk_size_tokens": SMALL_CHUNK_TOKENS,
            "chunk_overlap_tokens": overlap,
        }
    )
    metrics = {name: own.model_copy(update={"floor": None}) for name, own in sample.policy.metrics.items()}
    policy = sample.policy.model_copy(update={"metrics": metrics})
    return replace(sample, configuration=configured_release(settings), policy=policy)


def current_texts(sample: Sample) -> dict[str, str]:
    """The text of every document that is indexed."""
    assert sample.golden.corpus is not None
    found = sample.golden.corpus.documents(set(sample.rows["document_id"].to_pylist()))
    return {document_id: document.text for document_id, document in found.items()}
