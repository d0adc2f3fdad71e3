"""The suites of what has a place in silver's texts: rows of tables, and words that were read from images.

All of it is computed by us, so nothing is tolerated: a document of which a row fails is held back whole, and its day.
"""

from assay.quality.expectations import Expectation, Suite, pair, row, suite_of
from assay.quality.shared_expectations import (
    BETWEEN,
    EQUAL,
    GREATER,
    MATCHES,
    SHA256,
    Limits,
    version_is_in_microseconds,
)
from assay.schema import table_of
from assay.tables import DocumentTableRow, OcrWordRow


def document_tables(limits: Limits) -> Suite:
    del limits  # nothing here depends on a deployment's bounds
    return suite_of(
        table_of(DocumentTableRow),
        *_place("A table has no extent in its text, so nobody can look it up there."),
        row(
            "row_has_cells",
            BETWEEN,
            "A row of a table has no cells, so its columns do not line up with the header's.",
            column="cell_count",
            min_value=1,
        ),
        _share("table_confidence", "A doubtful table cannot be told from a sure one."),
        _ordinal("table_ordinal", "A table has no place in its document's order."),
        _ordinal("row_ordinal", "A row has no place in its table, so it may pass for the header."),
        version_is_in_microseconds(),
    )


def ocr_words(limits: Limits) -> Suite:
    del limits  # nothing here depends on a deployment's bounds
    return suite_of(
        table_of(OcrWordRow),
        *_place("A word has no extent in its text, so its confidence is that of nothing."),
        pair(
            "text_is_as_long_as_its_span",
            EQUAL,
            "A word's confidence is told of other letters than the text holds.",
            "text_characters",
            "span_characters",
        ),
        _share("confidence", "A misread word cannot be told from a sure one."),
        _ordinal("ordinal", "A word has no place in its document's order."),
        version_is_in_microseconds(),
    )


def _place(without_extent: str) -> tuple[Expectation, ...]:
    return (
        row(
            "start_is_not_negative",
            BETWEEN,
            "Its place lies before the beginning of its document.",
            column="start",
            min_value=0,
        ),
        pair("start_is_before_end", GREATER, without_extent, "end", "start"),
        row("page_counts_from_one", BETWEEN, "It is on a page that does not exist.", column="page", min_value=1),
        row(
            "text_hash_is_sha256",
            MATCHES,
            "Nobody can tell which text of the document its offsets count in.",
            column="text_hash",
            regex=SHA256,
        ),
    )


def _share(column: str, description: str) -> Expectation:
    return row(f"{column}_is_a_share", BETWEEN, description, column=column, min_value=0.0, max_value=1.0)


def _ordinal(column: str, description: str) -> Expectation:
    return row(f"{column}_is_not_negative", BETWEEN, description, column=column, min_value=0)
