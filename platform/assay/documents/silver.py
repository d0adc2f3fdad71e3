"""The silver stage: parse what the feed brought, hold back what cannot be used, fold the standing state."""

from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute

from assay.documents import pending
from assay.documents.blobs import BlobStore, sha256_hex
from assay.documents.bronze import FEED
from assay.documents.manifests import MANIFESTS
from assay.documents.parsing import ParsedDocument, ParserPool, parsers
from assay.errors import CheckFailed, DocumentRejected
from assay.locks import exclusive
from assay.progress import track
from assay.quality.outcomes import ALL_SOURCES, blocked_days, check_batch
from assay.quality.quarantine import QUARANTINE, Refusal, replace_quarantine
from assay.quality.suites import Limits, suite_for
from assay.rows import differences
from assay.schema import table_of
from assay.tables import DocumentRow, DocumentStateRow
from assay.warehouse import query, registered, to_table
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

DOCUMENTS = table_of(DocumentRow)
STATE = table_of(DocumentStateRow)
# Refusals that the same bytes may escape next time: they depend on the machine or on the moment.
PASSING_REASONS = frozenset(
    {"timeout", "out_of_memory", "crashed", "unreadable", "ocr_unavailable", "failed_expectation"}
)


@dataclass(frozen=True)
class ParseReport:
    """What became of the upserts of a source and day: `taken == emitted + quarantined`."""

    source: str
    day: date
    taken: int
    emitted: int
    quarantined: int
    parsed: int
    reused: int
    changed: bool


@dataclass(frozen=True)
class StateReport:
    """The standing state after a fold, and what this fold changed of it.

    `current` documents can be served, `without_text` have none that could be used. `added`, `changed` and `deleted`
    count the documents that became current, stand otherwise, or ceased to be current.
    """

    current: int
    tombstones: int
    without_text: int
    added: int
    changed: int
    deleted: int


def parse_day(workspace: Workspace, source: str, day: date) -> ParseReport:
    """Parse every upsert of a source and day; each ends in silver/documents or in quarantine, never both or neither."""
    # Two runs of one day: the later must read the feed after the earlier has written, or texts of an old feed would stand.
    with exclusive(workspace.settings.locks_path / f"silver-{source}-{day}.lock"):
        marks = pending.marks_to_parse(workspace, source, day)
        report = _parse_upserts(workspace, source, day)
        pending.mark_parsed(marks)
    return report


def _parse_upserts(workspace: Workspace, source: str, day: date) -> ParseReport:
    upserts = workspace.lake.read(FEED, where={"source": source, "day": day, "op": "upsert"}).to_pylist()
    known, refused = _known_texts(workspace, upserts), _known_refusals(workspace, source, day)
    rows: list[DocumentRow] = []
    refusals: list[Refusal] = []
    todo: list[dict[str, Any]] = []
    for upsert in upserts:
        if text := known.get(_text_key(upsert)):
            rows.append(_moved(text, upsert))
        elif refusal := refused.get((upsert["document_id"], upsert["content_hash"])):
            refusals.append(refusal)
        else:
            todo.append(upsert)
    for upsert, result in _parse(workspace, todo):
        if isinstance(result, ParsedDocument):
            rows.append(_document_row(upsert, result))
        else:
            refusals.append(_refusal(upsert, result.reason, result.detail))
    batch = DOCUMENTS.rows(sorted(rows, key=lambda row: row.document_id))
    checked = check_batch(workspace, suite_for(DOCUMENTS, Limits.of(workspace.settings)), batch, source=source, day=day)
    by_id = {upsert["document_id"]: upsert for upsert in upserts}
    for key, expectation in checked.refused:
        upsert = by_id[key.split("|", 2)[2]]
        refusals.append(
            Refusal.by_expectation(
                upsert["document_id"], upsert["document_version"], upsert["uri"], upsert["content_hash"], expectation
            )
        )
    quarantined = replace_quarantine(workspace, "silver", source, day, refusals)
    written = workspace.lake.replace_partition(DOCUMENTS, checked.passed, partitions={"source": source, "day": day})
    return ParseReport(
        source=source,
        day=day,
        taken=len(upserts),
        emitted=checked.passed.num_rows,
        quarantined=len(refusals),
        parsed=len(todo),
        reused=len(upserts) - len(todo),
        changed=quarantined.changed or written.changed,
    )


def write_state(workspace: Workspace, connection: duckdb.DuckDBPyConnection, day: date) -> StateReport:
    """Fold the whole feed into the standing state and write the rows that differ.

    `day` is the partition under which the suite's outcomes are recorded.
    Raises CheckFailed, with nothing written, when the folded state breaks a blocking expectation.
    """
    with exclusive(workspace.settings.locks_path / "document_state.lock"):
        state = fold_state(workspace, connection)
        standing = workspace.lake.read(STATE)
        changed = _differing_ids(standing, state)
        batch = state.filter(pc.is_in(state["document_id"], pa.array(changed, pa.string())))
        # An unchanged state too: what was said of a batch that failed, and was mended since, is taken back by it.
        checked = check_batch(
            workspace, suite_for(STATE, Limits.of(workspace.settings)), batch, source=ALL_SOURCES, day=day
        )
        if checked.blocked_by:
            raise CheckFailed(
                f"The folded document state fails `{'`, `'.join(checked.blocked_by)}`. Nothing was written; the state "
                "before stands and goes on serving. See the failing keys on the asset's checks with `make dev`."
            )
        if changed:
            workspace.lake.replace_rows(STATE, batch, column="document_id", values=changed)
    before, now = _current_ids(standing), _current_ids(state)
    tombstones = pc.sum(state["is_deleted"]).as_py() or 0
    return StateReport(
        current=len(now),
        tombstones=tombstones,
        without_text=state.num_rows - len(now) - tombstones,
        added=len(now - before),
        changed=len(now & before & set(changed)),
        deleted=len(before - now),
    )


def fold_state(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """The standing version of every document id: a pure function of the feed, the parsed texts and the blocked days."""
    lake = workspace.lake
    texts = lake.read(
        DOCUMENTS, columns=["source", "day", "document_id", "document_version", "content_hash", "title", "text_hash"]
    )
    tables = {
        "feed": lake.dataset(FEED),
        "parsed": texts,
        "blocked_feeds": blocked_days(workspace, (MANIFESTS, FEED)),
        "blocked_texts": blocked_days(workspace, (DOCUMENTS,)),
    }
    with registered(connection, tables):
        return to_table(STATE, query(connection, "assay.documents", "document_state.sql"))


def current_mask(state: pa.Table) -> pa.ChunkedArray:
    """True for the documents that can be served: not deleted, with a usable text."""
    return pc.and_(pc.invert(state["is_deleted"]), pc.is_valid(state["text_version"]))


def _current_ids(state: pa.Table) -> set[str]:
    return set(state.filter(current_mask(state))["document_id"].to_pylist())


def _differing_ids(standing: pa.Table, state: pa.Table) -> list[str]:
    gone, new = differences(standing, state)
    return sorted({*standing.filter(gone)["document_id"].to_pylist(), *state.filter(new)["document_id"].to_pylist()})


def _text_key(row: dict[str, Any]) -> tuple[str, str]:
    """Texts are interchangeable when the bytes are equal and so is the file name, from which a title may come."""
    return row["content_hash"], PurePosixPath(row["document_id"].partition(":")[2]).name


def _known_texts(workspace: Workspace, upserts: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of silver/documents that today's parsers made of the same bytes under the same file name."""
    wanted = {_text_key(upsert) for upsert in upserts}
    places = workspace.lake.read(
        DOCUMENTS,
        where={"content_hash": sorted({content_hash for content_hash, _ in wanted})},
        columns=["source", "day", "document_id", "content_hash", "parser"],
    ).to_pylist()
    current = {parser.identity for parser in parsers()}
    chosen = {_text_key(place): place for place in places if place["parser"] in current and _text_key(place) in wanted}
    if not chosen:
        return {}
    rows = workspace.lake.read(
        DOCUMENTS,
        where={name: sorted({place[name] for place in chosen.values()}) for name in ("source", "day", "document_id")},
    ).to_pylist()
    return {_text_key(row): row for row in rows if row["parser"] in current}


def _known_refusals(workspace: Workspace, source: str, day: date) -> dict[tuple[str, str], Refusal]:
    """Refusals of this source and day that today's parsers would repeat."""
    rows = workspace.lake.read(
        QUARANTINE, where={"stage": "silver", "source": source, "day": day, "parser": _parser_set()}
    ).to_pylist()
    names = ("document_id", "document_version", "uri", "content_hash", "reason", "detail", "expectation", "parser")
    return {
        (row["document_id"], row["content_hash"]): Refusal(**{name: row[name] for name in names})
        for row in rows
        if row["reason"] not in PASSING_REASONS
    }


def _parser_set() -> str:
    """Every parser with its version: where one is added or changed, what was refused before is tried again."""
    return ",".join(parser.identity for parser in parsers())


def _parse(
    workspace: Workspace, upserts: list[dict[str, Any]]
) -> list[tuple[dict[str, Any], ParsedDocument | DocumentRejected]]:
    if not upserts:
        return []
    settings, blobs = workspace.settings, BlobStore(workspace.settings.blobs_path)
    items = ((upsert["document_id"], blobs.path(upsert["content_hash"]), upsert["path"]) for upsert in upserts)
    by_id = {upsert["document_id"]: upsert for upsert in upserts}
    with ParserPool(
        workers=min(settings.parse_workers, len(upserts)),
        timeout_seconds=settings.parse_timeout_seconds,
        memory_bytes=settings.parse_memory_bytes,
    ) as pool:
        results = track(pool.parse_many(items), "parsing", total=len(upserts))
        return [(by_id[document_id], result) for document_id, result in results]


def _document_row(upsert: dict[str, Any], parsed: ParsedDocument) -> DocumentRow:
    return DocumentRow(
        source=upsert["source"],
        day=upsert["day"],
        document_id=upsert["document_id"],
        document_version=upsert["document_version"],
        content_hash=upsert["content_hash"],
        media_type=parsed.media_type,
        title=parsed.title,
        text=parsed.text,
        text_hash=sha256_hex(parsed.text.encode()),
        page_starts=[page.start for page in parsed.pages],
        parser=parsed.parser,
    )


def _moved(text: dict[str, Any], upsert: dict[str, Any]) -> DocumentRow:
    """A known text as the text of another observation of the same bytes."""
    place = {name: upsert[name] for name in ("source", "day", "document_id", "document_version")}
    return DocumentRow(**{**text, **place})


def _refusal(upsert: dict[str, Any], reason: str, detail: str) -> Refusal:
    return Refusal(
        upsert["document_id"], upsert["document_version"], upsert["uri"], upsert["content_hash"], reason, detail,
        parser=_parser_set(),
    )  # fmt: skip
