"""What silver already knows: texts and refusals that parsing the same bytes today would only repeat."""

from collections.abc import Sequence
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from assay.documents.cleaning import cleaning_identity
from assay.documents.parsing import ParseOptions, is_current, parsers
from assay.documents.parsing.ocr import ocr_identity
from assay.documents.silver_texts import DOCUMENT_TABLES, DOCUMENTS, OCR_WORDS, SilverText
from assay.quality.quarantine import QUARANTINE, Refusal
from assay.settings import PiiPolicy, Settings
from assay.tables import DocumentRow, DocumentTableRow, OcrWordRow
from assay.workspace import Workspace

# Refusals that the same bytes may escape next time: they depend on the machine or on the moment.
PASSING_REASONS = frozenset(
    {"timeout", "out_of_memory", "crashed", "unreadable", "ocr_unavailable", "failed_expectation"}
)
_PLACE = ("source", "day", "document_id")


def text_key(row: dict[str, Any]) -> tuple[str, str]:
    """Texts are interchangeable when the bytes are equal and so is the file name, from which a title may come."""
    return row["content_hash"], PurePosixPath(row["document_id"].partition(":")[2]).name


def judged_by(options: ParseOptions, policy: PiiPolicy) -> str:
    """All that a refusal depends on beside the bytes: where a part is added or changed, what it refused is tried again."""
    return ",".join([*(parser.identity for parser in parsers()), ocr_identity(options), cleaning_identity(policy)])


def known_texts(
    workspace: Workspace, upserts: Sequence[dict[str, Any]], policy: PiiPolicy, *, retry_pages: bool
) -> dict[tuple[str, str], SilverText]:
    """By `text_key`, texts that today's parsers and cleaning made of the same bytes under the same file name.

    A text whose tables or words are not those it was written with, as a killed run may leave it, is not known. With
    `retry_pages` neither is one of which pages were refused; without, only where the refusal may have passed.
    """
    options, cleaning = ParseOptions.of(workspace.settings), cleaning_identity(policy)
    wanted = {text_key(upsert) for upsert in upserts}
    places = workspace.lake.read(
        DOCUMENTS,
        where={"content_hash": sorted({content_hash for content_hash, _ in wanted}), "cleaning": cleaning},
        columns=[*_PLACE, "content_hash", "parser", "refused_page_reasons"],
    ).to_pylist()
    made_today = {parser for parser in {place["parser"] for place in places} if is_current(parser, options)}
    may_pass = passing_reasons(workspace.settings, has_ocr=ocr_identity(options) != "none")
    chosen = {
        text_key(place): place
        for place in places
        if place["parser"] in made_today
        and text_key(place) in wanted
        and not (retry_pages and place["refused_page_reasons"])
        and not may_pass.intersection(place["refused_page_reasons"])
    }
    if not chosen:
        return {}
    where: dict[str, object] = {name: sorted({place[name] for place in chosen.values()}) for name in _PLACE}
    keys = {_place(place): key for key, place in chosen.items()}
    rows = workspace.lake.read(DOCUMENTS, where=where).to_pylist()
    documents = {_place(row): DocumentRow(**row) for row in rows if _place(row) in keys}
    tables: dict[tuple[Any, ...], list[DocumentTableRow]] = {}
    words: dict[tuple[Any, ...], list[OcrWordRow]] = {}
    if any(document.table_rows for document in documents.values()):
        for row in workspace.lake.read(DOCUMENT_TABLES, where=where).to_pylist():
            tables.setdefault(_place(row), []).append(DocumentTableRow(**row))
    if any(document.ocr_words for document in documents.values()):
        for row in workspace.lake.read(OCR_WORDS, where=where).to_pylist():
            words.setdefault(_place(row), []).append(OcrWordRow(**row))
    found: dict[tuple[str, str], SilverText] = {}
    for place, document in documents.items():
        text = SilverText(document, tuple(tables.get(place, [])), tuple(words.get(place, [])))
        if _is_whole(text):
            found[keys[place]] = text
    return found


def known_refusals(workspace: Workspace, source: str, day: date, policy: PiiPolicy) -> dict[tuple[str, str], Refusal]:
    """By document and content, the refusals of this source and day that would be repeated."""
    options = ParseOptions.of(workspace.settings)
    rows = workspace.lake.read(
        QUARANTINE, where={"stage": "silver", "source": source, "day": day, "parser": judged_by(options, policy)}
    ).to_pylist()
    names = ("document_id", "document_version", "uri", "content_hash", "reason", "detail", "expectation", "parser")
    may_pass = passing_reasons(workspace.settings, has_ocr=True)
    return {
        (row["document_id"], row["content_hash"]): Refusal(**{name: row[name] for name in names})
        for row in rows
        if row["reason"] not in may_pass
    }


def passing_reasons(settings: Settings, *, has_ocr: bool) -> frozenset[str]:
    """The reasons that may have passed. Under passwords `encrypted` always may.

    Which passwords were tried is not written down: a hash of few and short ones can be guessed. Trying again costs
    opening the file.
    """
    passing = PASSING_REASONS | ({"encrypted"} if settings.document_passwords else frozenset[str]())
    return passing if has_ocr else passing - {"ocr_unavailable"}


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _PLACE)


def _is_whole(text: SilverText) -> bool:
    document = text.document
    return (len(text.tables), len(text.words)) == (document.table_rows, document.ocr_words) and all(
        row.text_hash == document.text_hash for row in (*text.tables, *text.words)
    )
