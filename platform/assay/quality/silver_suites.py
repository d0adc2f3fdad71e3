"""The suites of the silver tables: parsed documents and the standing state."""

from assay.quality.derived import TEXT_COLUMNS
from assay.quality.expectations import Suite, batch, pair, row, suite_of
from assay.quality.shared_expectations import (
    BETWEEN,
    BLANK,
    GREATER,
    IN_SET,
    MATCHES,
    MATCHES_NOT,
    SHA256,
    Limits,
    hash_is_right,
    principals_are_not_empty,
    version_is_in_microseconds,
)
from assay.schema import table_of
from assay.tables import DocumentRow, DocumentStateRow

# One character in fifty: a page of broken encoding passes it, a stray bell or byte-order mark in a paragraph does not.
MAX_GARBLED_RATIO = 0.02
# Below, most documents of a day hold the same text: a login page or cookie notice instead of the content.
MIN_DISTINCT_TEXTS_RATIO = 0.2


def documents(limits: Limits) -> Suite:
    tolerated = limits.max_quarantined_ratio
    return suite_of(
        table_of(DocumentRow),
        row(
            "text_is_not_blank",
            BETWEEN,
            "A document has no visible text, so no search can find it.",
            column="text_first_visible",
            min_value=0,
            tolerated_ratio=tolerated,
        ),
        row(
            "text_has_no_nul",
            MATCHES_NOT,
            "A text holds the NUL character, which PostgreSQL and many viewers refuse.",
            column="text",
            regex=r"\x00",
            tolerated_ratio=tolerated,
        ),
        row(
            "text_is_not_garbled",
            BETWEEN,
            "A text was decoded wrongly: readers see replacement characters, and searches for its words fail.",
            column="garbled_ratio",
            min_value=0.0,
            max_value=MAX_GARBLED_RATIO,
            tolerated_ratio=tolerated,
        ),
        row(
            "text_length_is_within_bounds",
            "expect_column_value_lengths_to_be_between",
            "A text is longer than any file that is let in: an expanding archive, not a document.",
            column="text",
            min_value=0,
            max_value=limits.max_file_bytes,
            tolerated_ratio=tolerated,
        ),
        row(
            "title_is_not_blank",
            BETWEEN,
            "A document shows up in hits without a title.",
            column="title_first_visible",
            min_value=0,
            tolerated_ratio=tolerated,
        ),
        row(
            "language_is_a_code",
            MATCHES,
            "A document's language is no code, so it is missing wherever documents are listed or counted by language.",
            column="language",
            regex=r"^[a-z]{2,3}$",  # `und` too
        ),
        hash_is_right("text_hash", "text_sha256", "An edit of the text would go unnoticed, and no duplicate be found."),
        row(
            "text_is_nfc",
            IN_SET,
            "An accented word is stored in pieces, so searches typed the usual way miss it.",
            column="text_is_nfc",
            value_set=(True,),
        ),
        row(
            "text_has_unix_line_ends",
            MATCHES_NOT,
            "A text keeps carriage returns, so the same document from two systems counts as two.",
            column="text",
            regex=r"\r",
        ),
        row(
            "content_hash_is_sha256",
            MATCHES,
            "The bytes a text was parsed from cannot be found again.",
            column="content_hash",
            regex=SHA256,
        ),
        row(
            "first_page_starts_at_zero",
            IN_SET,
            "The beginning of a document lies on no page, so citations of it name a wrong one.",
            column="first_page_start",
            value_set=(0,),
        ),
        row(
            "page_starts_ascend_within_the_text",
            BETWEEN,
            "Pages are out of order or lie past the text's end, so citations name wrong pages.",
            column="misplaced_page_starts",
            min_value=0,
            max_value=0,
        ),
        row(
            "pieces_lead_back_to_the_parsed_text",
            BETWEEN,
            "The map to the parsed text has a gap, so a passage cannot be found again in its source.",
            column="misplaced_pieces",
            min_value=0,
            max_value=0,
        ),
        row(
            "every_listed_page_has_its_value",
            BETWEEN,
            "A page read from an image has no confidence, or a refused one no reason.",
            column="unpaired_pages",
            min_value=0,
            max_value=0,
        ),
        version_is_in_microseconds(),
        batch(
            "texts_are_mostly_distinct",
            "expect_column_proportion_of_unique_values_to_be_between",
            "Most documents hold the same text: probably a login page or a notice instead of the content.",
            column="text_hash",
            min_value=MIN_DISTINCT_TEXTS_RATIO,
            max_value=1.0,
            severity="warning",
        ),
    )


def document_state(limits: Limits) -> Suite:
    del limits  # nothing here depends on a deployment's bounds
    return suite_of(
        table_of(DocumentStateRow),
        version_is_in_microseconds(),
        row(
            "standing_document_has_a_uri",
            MATCHES_NOT,
            "A hit could not say where its document lies.",
            column="standing_uri",
            regex=BLANK,
        ),
        row(
            "standing_document_has_a_tenant",
            MATCHES_NOT,
            "A document belongs to nobody, so no tenant's deletion or invoice ever covers it.",
            column="standing_tenant",
            regex=BLANK,
        ),
        principals_are_not_empty("standing_document_has_principals", "standing_shortest_principal_length"),
        row(
            "text_columns_are_all_set_or_all_null",
            IN_SET,
            "Half of a standing text is recorded, so it can neither be read nor be taken for missing.",
            column="text_columns_set",
            value_set=(0, len(TEXT_COLUMNS)),
        ),
        pair(
            "text_is_not_newer_than_its_document",
            GREATER,
            "A text stands that is newer than the document's version, so a deletion or edit may not remove it.",
            "document_version",
            "text_version",
            or_equal=True,
        ),
        row(
            "text_hash_is_sha256",
            MATCHES,
            "The standing text cannot be compared with a new one.",
            column="text_hash",
            regex=SHA256,
        ),
    )
