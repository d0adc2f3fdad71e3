"""gold/daily_texts: the texts that each silver document makes when it is chunked, so that a day can say what it brought.

Reconciled, not applied: rows follow from silver/documents and the configured chunker alone, whichever days ran when.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import pyarrow as pa

from assay.documents.blobs import sha256_hex
from assay.documents.chunk_rows import CHUNKS, configured_chunker, configured_tokenizer, cut_text
from assay.documents.silver import DOCUMENTS
from assay.locks import exclusive
from assay.progress import track
from assay.schema import table_of
from assay.tables import DailyTextsRow
from assay.workspace import Workspace

DAILY_TEXTS = table_of(DailyTextsRow)
# Chunking takes some 9 ms a document: a killed run loses ten seconds, and their texts fit into memory.
DOCUMENTS_PER_COMMIT = 1000


class _Text(NamedTuple):
    """A text that a silver document brought."""

    source: str
    day: date
    document_id: str
    text_hash: str


@dataclass(frozen=True)
class DailyTextsReport:
    """`documents` rows stand; `written` are new, `cut` of their texts had to be chunked; `removed` are gone."""

    documents: int
    written: int
    cut: int
    removed: int


def reconcile_daily_texts(workspace: Workspace) -> DailyTextsReport:
    """Make gold/daily_texts a row per row of silver/documents, under the configured chunker.

    Call it after `chunk_current`: texts that stand in gold/chunks are read from there and not cut a second time.
    """
    chunker, cut = configured_chunker(workspace.settings), 0
    with exclusive(workspace.settings.locks_path / "daily_texts.lock"):
        # One version throughout: another run may parse a day again meanwhile, and a text would be gone when it is cut.
        then = workspace.at({DOCUMENTS.name: workspace.lake.version(DOCUMENTS)})
        wanted = _texts(then.lake.read(DOCUMENTS, columns=list(_Text._fields)))
        standing = workspace.lake.read(DAILY_TEXTS, columns=[*_Text._fields, "chunker"])
        right = _texts(
            standing.filter(pa.array([one == chunker for one in standing["chunker"].to_pylist()], pa.bool_()))
        )
        missing, removed = wanted - right, _places(_texts(standing)) - _places(wanted)
        to_write: dict[date, list[_Text]] = {day: [] for _, day, _ in removed}
        for text in sorted(missing):
            to_write.setdefault(text.day, []).append(text)
        for days in _batches(to_write):
            new = [text for day in days for text in to_write[day]]
            context_ids, were_cut = _context_ids(then, chunker, new)
            kept = workspace.lake.read(DAILY_TEXTS, where={"day": days, "chunker": chunker}).to_pylist()
            rows = [DailyTextsRow(**row) for row in kept if _text(row) in wanted]
            rows += [DailyTextsRow(*text, chunker, context_ids[text.text_hash]) for text in new]
            workspace.lake.replace_partition(DAILY_TEXTS, DAILY_TEXTS.rows(rows), partitions={"day": days})
            cut += were_cut
    return DailyTextsReport(documents=len(wanted), written=len(missing), cut=cut, removed=len(removed))


def context_id(context_hash: str) -> int:
    """The first 8 bytes of a sha256 as a signed number: of a million texts two share one with a chance of 3e-8."""
    return int.from_bytes(bytes.fromhex(context_hash[:16]), "big", signed=True)


def _context_ids(workspace: Workspace, chunker: str, texts: Sequence[_Text]) -> tuple[dict[str, list[int]], int]:
    """The ids of each text's contexts by the text's hash, and how many texts had to be cut for them."""
    known = _known_context_ids(workspace, chunker, {text.text_hash for text in texts})
    unknown = {text.text_hash: text for text in texts if text.text_hash not in known}
    contents = workspace.lake.read(
        DOCUMENTS,
        where={name: sorted({getattr(text, name) for text in unknown.values()}) for name in _Text._fields},
        columns=["text_hash", "text"],
    )
    by_hash = dict(zip(contents["text_hash"].to_pylist(), contents["text"].to_pylist(), strict=True))
    tokenizer = configured_tokenizer(workspace.settings)
    for text_hash, content in track(by_hash.items(), "chunking superseded texts", total=len(by_hash)):
        contexts = (context for _, context in cut_text(workspace.settings, tokenizer, content))
        known[text_hash] = [context_id(sha256_hex(context.encode())) for context in contexts]
    return known, len(by_hash)


def _known_context_ids(workspace: Workspace, chunker: str, text_hashes: set[str]) -> dict[str, list[int]]:
    """Those that a row of this table or the chunks of a standing document already tell."""
    hashes = sorted(text_hashes)
    rows = workspace.lake.read(
        DAILY_TEXTS, where={"chunker": chunker, "text_hash": hashes}, columns=["text_hash", "context_ids"]
    )
    known = dict(zip(rows["text_hash"].to_pylist(), rows["context_ids"].to_pylist(), strict=True))
    chunks = workspace.lake.read(
        CHUNKS,
        where={"chunker": chunker, "document_text_hash": hashes},
        columns=["document_id", "document_text_hash", "ordinal", "context_hash"],
    )
    by_document: dict[tuple[str, str], list[int]] = {}
    for row in chunks.sort_by("ordinal").to_pylist():  # a document's chunks change in one commit: all of them are there
        place = row["document_text_hash"], row["document_id"]
        by_document.setdefault(place, []).append(context_id(row["context_hash"]))
    return {text_hash: ids for (text_hash, _), ids in by_document.items()} | known


def _batches(to_write: Mapping[date, Sequence[_Text]]) -> Iterator[list[date]]:
    """The days in order, as many at a time as hold `DOCUMENTS_PER_COMMIT` documents to write."""
    batch: list[date] = []
    for day in sorted(to_write):
        batch.append(day)
        if sum(len(to_write[one]) for one in batch) >= DOCUMENTS_PER_COMMIT:
            yield batch
            batch = []
    if batch:
        yield batch


def _texts(rows: pa.Table) -> set[_Text]:
    return set(map(_text, rows.select(list(_Text._fields)).to_pylist()))


def _text(row: Mapping[str, Any]) -> _Text:
    return _Text(*(row[name] for name in _Text._fields))


def _places(texts: Iterable[_Text]) -> set[tuple[str, date, str]]:
    return {(text.source, text.day, text.document_id) for text in texts}
