"""silver/documents: parse and clean what the feed brought, and hold back what cannot be used."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from assay.documents import pending
from assay.documents.blobs import BlobStore
from assay.documents.bronze import FEED
from assay.documents.cleaning import clean, cleaning_identity
from assay.documents.known_texts import judged_by, known_refusals, known_texts, text_key
from assay.documents.parsing import ParsedDocument, ParseOptions, ParserPool
from assay.documents.pii import masked
from assay.documents.silver_texts import (
    DOCUMENT_TABLES,
    DOCUMENTS,
    OCR_WORDS,
    SilverText,
    offset_map_of,
    silver_text,
)
from assay.errors import DocumentRejected
from assay.locks import exclusive
from assay.progress import track
from assay.quality.outcomes import KEY_SEPARATOR, check_batch
from assay.quality.quarantine import Refusal, replace_quarantine
from assay.quality.suites import Limits, suite_for
from assay.schema import Table
from assay.settings import PiiPolicy
from assay.workspace import Workspace


@dataclass(frozen=True)
class ParseReport:
    """What became of the upserts of a source and day: `taken == emitted + quarantined`.

    `media_types` counts the emitted texts by type, `pii` those that hold personal data by its kind, kept or masked.
    `cleaned_characters` were removed or masked; `refused_pages` are pages of emitted texts that could not be used.
    """

    source: str
    day: date
    taken: int
    emitted: int
    quarantined: int
    parsed: int
    reused: int
    changed: bool
    refused_pages: int = 0
    table_rows: int = 0
    ocr_words: int = 0
    cleaned_characters: int = 0
    media_types: Mapping[str, int] = field(default_factory=dict[str, int])
    pii: Mapping[str, int] = field(default_factory=dict[str, int])


def parse_day(
    workspace: Workspace,
    source: str,
    day: date,
    *,
    retry_quarantined: bool = False,
    judge: Callable[[], object] | None = None,
) -> ParseReport:
    """Parse every upsert of a source and day; each ends in silver/documents or in quarantine, never both or neither.

    With `retry_quarantined` also what was refused for good is parsed again, documents of which only pages were refused
    too: settings or the machine may have changed.
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
    policy: PiiPolicy = next(one.pii for one in workspace.settings.active_sources if one.name == source)
    upserts = workspace.lake.read(FEED, where={"source": source, "day": day, "op": "upsert"}).to_pylist()
    known = known_texts(workspace, upserts, policy, retry_pages=retry_quarantined)
    refused = {} if retry_quarantined else known_refusals(workspace, source, day, policy)
    texts: list[SilverText] = []
    refusals: list[Refusal] = []
    todo: list[dict[str, Any]] = []
    for upsert in upserts:
        if text := known.get(text_key(upsert)):
            texts.append(text.moved(upsert))
        elif refusal := refused.get((upsert["document_id"], upsert["content_hash"])):
            refusals.append(refusal)
        else:
            todo.append(upsert)
    for upsert, result in _parse(workspace, todo, policy):
        if isinstance(result, SilverText):
            texts.append(result)
        else:
            refusals.append(_refusal(upsert, result, judged_by(ParseOptions.of(workspace.settings), policy)))
    held_back = _held_back(workspace, source, day, texts)
    by_id = {upsert["document_id"]: upsert for upsert in upserts}
    refusals += [
        Refusal.by_expectation(*_observed(by_id[document_id]), expectation)
        for document_id, expectation in held_back.items()
    ]
    emitted = [text for text in texts if text.document.document_id not in held_back]
    changed = _write(workspace, source, day, emitted, refusals, _refused_pages(emitted, by_id))
    return ParseReport(
        source=source,
        day=day,
        taken=len(upserts),
        emitted=len(emitted),
        quarantined=len(refusals),
        parsed=len(todo),
        reused=len(upserts) - len(todo),
        changed=changed,
        refused_pages=sum(len(text.document.refused_pages) for text in emitted),
        table_rows=sum(len(text.tables) for text in emitted),
        ocr_words=sum(len(text.words) for text in emitted),
        cleaned_characters=sum(offset_map_of(text.document).edited_characters for text in emitted),
        media_types=Counter(text.document.media_type for text in emitted),
        pii=Counter(f"with {kind}" for text in emitted for kind in text.document.pii_kinds),
    )


def _parse(
    workspace: Workspace, upserts: Sequence[dict[str, Any]], policy: PiiPolicy
) -> Iterator[tuple[dict[str, Any], SilverText | DocumentRejected]]:
    """Each upsert with its clean text, or with why there is none."""
    if not upserts:
        return
    settings, blobs = workspace.settings, BlobStore(workspace.settings.blobs_path)
    items = ((upsert["document_id"], blobs.path(upsert["content_hash"]), upsert["path"]) for upsert in upserts)
    by_id = {upsert["document_id"]: upsert for upsert in upserts}
    with ParserPool(
        workers=min(settings.parse_workers, len(upserts)),
        timeout_seconds=settings.parse_timeout_seconds,
        memory_bytes=settings.parse_memory_bytes,
        options=ParseOptions.of(settings),
    ) as pool:
        for document_id, result in track(pool.parse_many(items), "parsing", total=len(upserts)):
            upsert = by_id[document_id]
            yield upsert, _cleaned(upsert, result, policy) if isinstance(result, ParsedDocument) else result


def _cleaned(upsert: dict[str, Any], parsed: ParsedDocument, policy: PiiPolicy) -> SilverText | DocumentRejected:
    try:
        return silver_text(upsert, clean(parsed, policy), cleaning_identity(policy))
    except DocumentRejected as rejected:
        return rejected


def _held_back(workspace: Workspace, source: str, day: date, texts: list[SilverText]) -> dict[str, str]:
    """By document the expectation that its text, or a row of its tables or words, fails: such a document is held back whole."""
    limits = Limits.of(workspace.settings)
    refused: dict[str, str] = {}
    for table, rows in _rows_of(texts):
        kept = table.rows(row for row in rows if row.document_id not in refused)
        checked = check_batch(
            workspace, suite_for(table, limits), kept, source=source, day=day, may_be_empty=table is not DOCUMENTS
        )
        for key, expectation in checked.refused:
            refused.setdefault(_document_of(key, len(table.key)), expectation)
    return refused


def _write(
    workspace: Workspace,
    source: str,
    day: date,
    texts: list[SilverText],
    refusals: list[Refusal],
    refused_pages: list[Refusal],
) -> bool:
    """Make these all that stands of a source and day; whether anything changed.

    Killed in between, a run leaves texts whose tables or words are missing or others'. Such texts are not known to the
    next run (`known_texts`): it parses them again.
    """
    commits = [
        replace_quarantine(workspace, "silver", source, day, refusals),
        replace_quarantine(workspace, "page", source, day, refused_pages),
    ]
    place = {"source": source, "day": day}
    for table, rows in reversed(_rows_of(texts)):
        commits.append(workspace.lake.replace_partition(table, table.rows(rows), partitions=place))
    return any(commit.changed for commit in commits)


def _rows_of(texts: Iterable[SilverText]) -> list[tuple[Table, list[Any]]]:
    """Every table of `TEXT_TABLES` with its rows, in the order of their keys."""
    ordered = sorted(texts, key=lambda text: text.document.document_id)
    return [
        (DOCUMENTS, [text.document for text in ordered]),
        (DOCUMENT_TABLES, [row for text in ordered for row in text.tables]),
        (OCR_WORDS, [row for text in ordered for row in text.words]),
    ]


def _document_of(key: str, columns: int) -> str:
    """The document of a row's key, `source|day|document_id` and ordinals; ids may hold the separator."""
    document_id = key.split(KEY_SEPARATOR, 2)[2]
    return document_id.rsplit(KEY_SEPARATOR, columns - 3)[0]


def _observed(upsert: dict[str, Any]) -> tuple[str, int, str, str]:
    return upsert["document_id"], upsert["document_version"], upsert["uri"], upsert["content_hash"]


def _refusal(upsert: dict[str, Any], rejected: DocumentRejected, judged: str) -> Refusal:
    """Masked under every policy: what a library says when it fails may quote the document (`invalid literal: '...'`)."""
    return Refusal(*_observed(upsert), rejected.reason, masked(rejected.detail), parser=judged)


def _refused_pages(texts: Iterable[SilverText], upserts: Mapping[str, dict[str, Any]]) -> list[Refusal]:
    """One per text of which pages could not be used, with the most frequent reason."""
    found: list[Refusal] = []
    for document in (text.document for text in texts if text.document.refused_pages):
        by_reason: dict[str, list[int]] = {}
        for page, reason in zip(document.refused_pages, document.refused_page_reasons, strict=True):
            by_reason.setdefault(reason, []).append(page)
        pages = "; ".join(f"{reason}: {', '.join(map(str, numbers))}" for reason, numbers in sorted(by_reason.items()))
        counts = f"{len(document.refused_pages)} of {len(document.page_starts)} pages are left out"
        reason = max(sorted(by_reason), key=lambda reason: len(by_reason[reason]))
        observed = _observed(upserts[document.document_id])
        found.append(Refusal(*observed, reason, f"{counts} ({pages})", parser=document.parser))
    return found
