"""silver/documents: parse what the feed brought, and hold back what cannot be used."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from assay.documents import pending
from assay.documents.blobs import BlobStore, sha256_hex
from assay.documents.bronze import FEED
from assay.documents.language import detect_language
from assay.documents.parsing import ParsedDocument, ParserPool, parsers
from assay.errors import DocumentRejected
from assay.locks import exclusive
from assay.progress import track
from assay.quality.outcomes import check_batch
from assay.quality.quarantine import QUARANTINE, Refusal, replace_quarantine
from assay.quality.suites import Limits, suite_for
from assay.schema import table_of
from assay.tables import DocumentRow
from assay.workspace import Workspace

DOCUMENTS = table_of(DocumentRow)
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


def parse_day(
    workspace: Workspace,
    source: str,
    day: date,
    *,
    retry_quarantined: bool = False,
    judge: Callable[[], object] | None = None,
) -> ParseReport:
    """Parse every upsert of a source and day; each ends in silver/documents or in quarantine, never both or neither.

    With `retry_quarantined` also what was refused for good is parsed again: settings or the machine may have changed.
    `judge` is called once the texts stand, unless the feed was written anew meanwhile: who wrote it parses it and judges.
    """
    # Two runs of one day: the later must read the feed after the earlier has written, or texts of an old feed would stand.
    with exclusive(workspace.settings.locks_path / f"silver-{source}-{day}.lock"):
        marks = pending.marks_to_parse(workspace, source, day)
        report = _parse_upserts(workspace, source, day, retry_quarantined)
        if judge and pending.has_no_other(workspace, source, day, marks):
            judge()
        pending.mark_parsed(marks)
    return report


def _parse_upserts(workspace: Workspace, source: str, day: date, retry_quarantined: bool) -> ParseReport:
    upserts = workspace.lake.read(FEED, where={"source": source, "day": day, "op": "upsert"}).to_pylist()
    known = _known_texts(workspace, upserts)
    refused = {} if retry_quarantined else _known_refusals(workspace, source, day)
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
        language=detect_language(parsed.text),
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
