"""A document's text with everything that has a place in it: the rows of silver that stand and fall together."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from assay.documents.blobs import sha256_hex
from assay.documents.cleaning import CleanedDocument, OffsetMap
from assay.documents.language import detect_language
from assay.documents.parsing import Word
from assay.schema import table_of
from assay.tables import DocumentRow, DocumentTableRow, OcrWordRow

DOCUMENTS = table_of(DocumentRow)
DOCUMENT_TABLES = table_of(DocumentTableRow)
OCR_WORDS = table_of(OcrWordRow)
# Written together, for a source and day at a time. A day that one of them holds back is held back whole.
TEXT_TABLES = (DOCUMENTS, DOCUMENT_TABLES, OCR_WORDS)


@dataclass(frozen=True, slots=True)
class SilverText:
    """The row of silver/documents of one text, and its rows of silver/document_tables and silver/ocr_words."""

    document: DocumentRow
    tables: tuple[DocumentTableRow, ...]
    words: tuple[OcrWordRow, ...]

    def moved(self, upsert: dict[str, Any]) -> "SilverText":
        """The same text as that of another observation of the same bytes."""
        place = {name: upsert[name] for name in ("source", "day", "document_id", "document_version")}
        return SilverText(
            replace(self.document, **place),
            tuple(replace(row, **place) for row in self.tables),
            tuple(replace(row, **place) for row in self.words),
        )


def silver_text(upsert: dict[str, Any], cleaned: CleanedDocument, cleaning: str) -> SilverText:
    """The rows that a cleaned document makes under an upsert of the feed."""
    document, text_hash = cleaned.document, sha256_hex(cleaned.document.text.encode())
    source, day, document_id, version = _place(upsert)
    tables = tuple(
        DocumentTableRow(
            source=source,
            day=day,
            document_id=document_id,
            document_version=version,
            text_hash=text_hash,
            table_ordinal=table_ordinal,
            row_ordinal=row_ordinal,
            page=table.page,
            start=table.start,
            end=table.end,
            cells=list(cells),
            table_confidence=table.confidence,
        )
        for table_ordinal, table in enumerate(document.tables)
        for row_ordinal, cells in enumerate(table.rows)
    )
    words = tuple(
        OcrWordRow(
            source=source,
            day=day,
            document_id=document_id,
            document_version=version,
            text_hash=text_hash,
            ordinal=ordinal,
            page=word.page,
            start=word.start,
            end=word.end,
            text=document.text[word.start : word.end],
            confidence=word.confidence,
        )
        for ordinal, word in enumerate(document.words)
    )
    ocr_confidences = _confidences(document.words)
    row = DocumentRow(
        source=source,
        day=day,
        document_id=document_id,
        document_version=version,
        content_hash=upsert["content_hash"],
        media_type=document.media_type,
        title=document.title,
        language=detect_language(document.text),
        text=document.text,
        text_hash=text_hash,
        page_starts=[page.start for page in document.pages],
        parser=document.parser,
        cleaning=cleaning,
        pii_kinds=sorted(cleaned.pii),
        piece_starts=list(cleaned.offsets.starts),
        piece_source_starts=list(cleaned.offsets.source_starts),
        ocr_pages=list(ocr_confidences),
        ocr_confidences=list(ocr_confidences.values()),
        refused_pages=[one.page for one in document.refused_pages],
        refused_page_reasons=[one.reason for one in document.refused_pages],
        table_rows=len(tables),
        ocr_words=len(words),
    )
    return SilverText(row, tables, words)


def offset_map_of(document: DocumentRow) -> OffsetMap:
    """The map from a silver text to the parsed text that it was made from."""
    return OffsetMap(tuple(document.piece_starts), tuple(document.piece_source_starts))


def _place(upsert: dict[str, Any]) -> tuple[str, date, str, int]:
    return upsert["source"], upsert["day"], upsert["document_id"], upsert["document_version"]


def _confidences(words: tuple[Word, ...]) -> dict[int, float]:
    """By page, the mean confidence of its words, each as often as it has letters."""
    letters: dict[int, int] = {}
    sums: dict[int, float] = {}
    for word in words:
        letters[word.page] = letters.get(word.page, 0) + word.end - word.start
        sums[word.page] = sums.get(word.page, 0.0) + word.confidence * (word.end - word.start)
    return {page: sums[page] / letters[page] for page in sorted(sums)}
