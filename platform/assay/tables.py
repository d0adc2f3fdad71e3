"""The document tables, one row class each: what a column is called, holds and means is said here and nowhere else."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from assay.schema import table

Source = Annotated[str, "Name of the source in settings."]
Day = Annotated[date, "UTC day of observation."]
DocumentId = Annotated[str, "`namespace:path`; the path never holds the day folder."]
DocumentVersion = Annotated[int, "Microseconds since 1970 UTC: the day's start for snapshots, append time for streams."]
Tenant = Annotated[str, "Tenant that owns the document, by the source's path rules."]
AllowedPrincipals = Annotated[list[str], "Who may find the document; sorted, never empty."]
Uri = Annotated[str, "Where the bytes were observed."]
RunId = Annotated[str, "Run that computed the row."]
ComputedAt = Annotated[datetime, "When the row was computed (UTC)."]


@table("bronze/manifests", key=("source", "day", "path"), partition_by=("source", "day"))
@dataclass(frozen=True, slots=True)
class ManifestRow:
    """Everything that was observed of a source on a day, refused files included."""

    source: Source
    day: Day
    path: Annotated[str, "Path inside the source with `/`; empty in the one row of an observation without files."]
    uri: Uri
    status: Annotated[str, "`observed`, `refused`, or `empty` for an observation without files."]
    reason: Annotated[str | None, "Why the file was refused: one of `errors.REJECTION_REASONS`."]
    detail: Annotated[str | None, "The refusal for a person."]
    size_bytes: Annotated[int | None, "None where the file could not be read."]
    content_hash: Annotated[str | None, "sha256 of the bytes, their name in the blob folder."]
    tenant: Tenant
    allowed_principals: AllowedPrincipals
    run_id: RunId
    computed_at: ComputedAt


@table("bronze/documents", key=("source", "day", "document_id"), partition_by=("source", "day"))
@dataclass(frozen=True, slots=True)
class FeedRow:
    """The feed: the difference between a day's manifest and the one observed before it, a row per upsert or delete."""

    source: Source
    day: Day
    document_id: DocumentId
    document_version: DocumentVersion
    op: Annotated[str, "`upsert` or `delete`."]
    change: Annotated[
        str,
        "`added`, `edited`, `repermitted` (same bytes, other tenant or principals), `moved` (the bytes of a path that is gone), `deleted` or `moved_away`.",
    ]
    path: Annotated[str, "Path inside the source."]
    uri: Uri
    size_bytes: Annotated[int | None, "None for a delete."]
    content_hash: Annotated[str | None, "None for a delete."]
    tenant: Tenant
    allowed_principals: AllowedPrincipals
    moved_from: Annotated[str | None, "Id under which the same bytes stood before; for `moved` only."]
    moved_to: Annotated[str | None, "Id under which the same bytes stand now; for `moved_away` only."]


@table("silver/documents", key=("source", "day", "document_id"), partition_by=("source", "day"))
@dataclass(frozen=True, slots=True)
class DocumentRow:
    """Parsed text of every upsert that could be used."""

    source: Source
    day: Day
    document_id: DocumentId
    document_version: DocumentVersion
    content_hash: Annotated[str, "sha256 of the bytes that were parsed."]
    media_type: Annotated[str, "Detected from the content, never from the name."]
    title: Annotated[str, "First heading, declared title or file name."]
    language: Annotated[str, "ISO 639-1 code of the text's main language, `und` where it is too short or unclear."]
    text: Annotated[str, "Unicode NFC, `\\n` line ends; chunks carry offsets into it."]
    text_hash: Annotated[str, "sha256 of `text`."]
    page_starts: Annotated[list[int], "Character offset in `text` at which each page starts; [0] without pages."]
    parser: Annotated[str, "Name and version of the parser; of the OCR engine too where it took part."]
    cleaning: Annotated[str, "What the text was cleaned by, and the source's policy for personal data."]
    pii_kinds: Annotated[
        list[str], "Kinds of personal data and secrets that were found, whatever became of them; sorted."
    ]
    piece_starts: Annotated[
        list[int], "Offsets in `text` at which the pieces of its map to the parsed text start; the last is its length."
    ]
    piece_source_starts: Annotated[
        list[int], "The same places in the parsed text; a piece that is as long in both was copied, another replaced."
    ]
    ocr_pages: Annotated[list[int], "1-based pages with words that were read from images."]
    ocr_confidences: Annotated[
        list[float], "For each of `ocr_pages` the mean confidence of its words by their length, from 0 to 1."
    ]
    refused_pages: Annotated[list[int], "1-based pages of which nothing could be used; their text is empty."]
    refused_page_reasons: Annotated[list[str], "For each of `refused_pages` one of `errors.REJECTION_REASONS`."]
    table_rows: Annotated[int, "Rows that the text has in silver/document_tables."]
    ocr_words: Annotated[int, "Rows that the text has in silver/ocr_words."]


@table(
    "silver/document_tables",
    key=("source", "day", "document_id", "table_ordinal", "row_ordinal"),
    partition_by=("source", "day"),
)
@dataclass(frozen=True, slots=True)
class DocumentTableRow:
    """Every row of every table in the texts of silver/documents, as cells."""

    source: Source
    day: Day
    document_id: DocumentId
    document_version: DocumentVersion
    text_hash: Annotated[str, "sha256 of the silver text that the offsets point into."]
    table_ordinal: Annotated[int, "0-based position of the table in the document."]
    row_ordinal: Annotated[int, "0-based position of the row in its table; 0 is the header row."]
    page: Annotated[int, "1-based page on which the table starts."]
    start: Annotated[int, "First character of the table in the silver text, where it stands as Markdown."]
    end: Annotated[int, "One past its last character."]
    cells: Annotated[list[str], "The cells of the row; masked where the text is."]
    table_confidence: Annotated[float, "How sure the parser is that this is a table, from 0 to 1."]


@table("silver/ocr_words", key=("source", "day", "document_id", "ordinal"), partition_by=("source", "day"))
@dataclass(frozen=True, slots=True)
class OcrWordRow:
    """Every word in the texts of silver/documents that was read from an image."""

    source: Source
    day: Day
    document_id: DocumentId
    document_version: DocumentVersion
    text_hash: Annotated[str, "sha256 of the silver text that the offsets point into."]
    ordinal: Annotated[int, "0-based position among the document's words."]
    page: Annotated[int, "1-based page the word is on."]
    start: Annotated[int, "First character in the silver text."]
    end: Annotated[int, "One past the last character in the silver text."]
    text: Annotated[str, "Exactly `silver_text[start:end]`."]
    confidence: Annotated[float, "The OCR engine's confidence, from 0 to 1."]


@table(
    "silver/quarantined_documents",
    key=("stage", "source", "day", "document_id"),
    partition_by=("stage", "source", "day"),
)
@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """Every document a stage took in and did not emit, with the reason."""

    stage: Annotated[
        str, "Stage that refused it: `bronze`, `silver` or `gold`; `page` for pages of a document that was emitted."
    ]
    source: Source
    day: Day
    document_id: DocumentId
    document_version: DocumentVersion
    uri: Uri
    content_hash: Annotated[str | None, "None where the bytes were never read."]
    reason: Annotated[str, "One of `errors.REJECTION_REASONS`."]
    expectation: Annotated[str | None, "The expectation the row failed, for `failed_expectation`."]
    detail: Annotated[str, "The refusal for a person."]
    parser: Annotated[str | None, "Parsers, OCR engine and cleaning that refused the bytes; others try again."]
    run_id: RunId
    computed_at: ComputedAt


@table("silver/document_state", key=("document_id",))
@dataclass(frozen=True, slots=True)
class DocumentStateRow:
    """The standing version of every id that was ever seen; tombstones are kept."""

    document_id: DocumentId
    document_version: DocumentVersion
    source: Source
    is_deleted: Annotated[bool, "True for a tombstone."]
    text_version: Annotated[
        int | None,
        "Version whose text stands (older than `document_version` while an edit is quarantined); None without usable text.",
    ]
    text_source: Annotated[str | None, "Partition of silver/documents that holds the text."]
    text_day: Annotated[date | None, "Partition of silver/documents that holds the text."]
    text_hash: Annotated[str | None, "sha256 of the standing text."]
    title: Annotated[str | None, "Title of the standing text."]
    uri: Uri
    tenant: Tenant
    allowed_principals: AllowedPrincipals


@table("silver/text_signatures", key=("text_hash",))
@dataclass(frozen=True, slots=True)
class TextSignatureRow:
    """A MinHash signature of every text that stands, computed once per text: what near duplicates are found by."""

    text_hash: Annotated[str, "sha256 of the standing text."]
    signature_id: Annotated[str, "Shingles, algorithm, number of hashes and seed; another one is computed anew."]
    shingles: Annotated[int, "Different runs of five words in the text."]
    signature: Annotated[bytes, "128 hashes, each 4 bytes, little-endian."]


@table("silver/compared_texts", key=("text_hash", "other_text_hash"))
@dataclass(frozen=True, slots=True)
class ComparedTextsRow:
    """The pairs of standing texts that had to be compared word by word, each once, to tell the near duplicates."""

    text_hash: Annotated[str, "sha256 of the one text, the lesser of the two."]
    other_text_hash: Annotated[str, "sha256 of the other text."]
    shingling: Annotated[str, "How texts are cut into shingles; another one is compared anew."]
    jaccard: Annotated[float, "Shared shingles over all shingles of the two."]


@table("silver/duplicates", key=("document_id",))
@dataclass(frozen=True, slots=True)
class DuplicateRow:
    """Every current document that is hidden behind another of the same source, tenant, principals and scope."""

    document_id: DocumentId
    canonical_id: Annotated[str, "The document that is found in its place; itself no duplicate, and before it by id."]
    kind: Annotated[str, "`exact`: the same text. `near`: within the threshold."]
    jaccard: Annotated[float, "Shared shingles over all shingles of the two texts; 1 where they are equal."]
    scope: Annotated[str, "What the source's `duplicate_scope` found in the path, such as a version; may be empty."]
    text_hash: Annotated[str, "sha256 of the document's standing text."]
    canonical_text_hash: Annotated[str, "sha256 of the canonical document's standing text."]


@table("gold/chunks", key=("chunk_id",))
@dataclass(frozen=True, slots=True)
class ChunkRow:
    """Chunks of every current document that is no duplicate, and nothing else."""

    chunk_id: Annotated[str, "Hash of document, text, place, context and chunker."]
    document_id: DocumentId
    document_version: DocumentVersion
    document_text_hash: Annotated[str, "sha256 of the silver text that the offsets point into."]
    source: Source
    tenant: Tenant
    allowed_principals: AllowedPrincipals
    uri: Uri
    title: Annotated[str, "Title of the document."]
    heading_path: Annotated[list[str], "Headings above the chunk, outermost first."]
    ordinal: Annotated[int, "0-based position in the document."]
    page: Annotated[int, "1-based page on which the chunk starts."]
    start: Annotated[int, "First character in the silver text."]
    end: Annotated[int, "One past the last character in the silver text."]
    text: Annotated[str, "Exactly `silver_text[start:end]`."]
    text_hash: Annotated[str, "sha256 of `text`; hits that share it collapse into one."]
    context_text: Annotated[
        str, "What is embedded and indexed: heading path, header of the table it continues, `text`."
    ]
    context_hash: Annotated[str, "sha256 of `context_text`, the key of the vector cache."]
    token_count: Annotated[int, "Tokens of `context_text` by the embedding model's tokenizer."]
    chunker: Annotated[str, "Strategy and parameters, hashed."]


@table("gold/daily_texts", key=("source", "day", "document_id"), partition_by=("source", "day"))
@dataclass(frozen=True, slots=True)
class DailyTextsRow:
    """Which texts every silver document makes when it is chunked, whether it still stands or not."""

    source: Source
    day: Day
    document_id: DocumentId
    text_hash: Annotated[str, "sha256 of the silver text."]
    chunker: Annotated[str, "Strategy and parameters, hashed."]
    context_ids: Annotated[list[int], "First 8 bytes of the sha256 of each chunk's context text, in chunk order."]


@table("quality/volumes", key=("source", "day"), partition_by=("source", "day"))
@dataclass(frozen=True, slots=True)
class VolumeRow:
    """How much came from a source on an observed day, and how much usually does.

    A usual value is the median over those of the up to 7 observed days before that have one; None with fewer than 3.
    """

    source: Source
    day: Day
    files: Annotated[int, "Files observed."]
    usual_files: Annotated[float | None, "The usual `files`."]
    refused: Annotated[int, "Files and folders refused at observation."]
    refused_share: Annotated[float | None, "`refused` of all that was seen; None when nothing was."]
    usual_refused_share: Annotated[float | None, "The usual `refused_share`."]
    size_bytes: Annotated[int, "Bytes of the observed files."]
    added: Annotated[int, "Files that were not there before, under no other path either."]
    edited: Annotated[int, "Files with other bytes than before."]
    repermitted: Annotated[int, "Files with the same bytes and another tenant or other principals."]
    moved: Annotated[int, "Files with the bytes of a path that is gone."]
    changed_share: Annotated[float | None, "`added`, `edited` and `repermitted` of `files`; None without files."]
    usual_changed_share: Annotated[float | None, "The usual `changed_share`."]
    deleted: Annotated[int, "Files that are not there any more, under no other path either."]
    deleted_share: Annotated[float | None, "`deleted` of the files that were known before; None when none were."]
    usual_deleted_share: Annotated[float | None, "The usual `deleted_share`."]
    texts: Annotated[int, "Texts that silver emitted."]
    quarantined: Annotated[int, "Documents that silver held back."]
    quarantined_share: Annotated[float | None, "`quarantined` of what silver took in; None when it took in nothing."]
    usual_quarantined_share: Annotated[float | None, "The usual `quarantined_share`."]
    mean_characters: Annotated[float | None, "Mean characters of the emitted texts; None without any."]
    usual_mean_characters: Annotated[float | None, "The usual `mean_characters`."]
