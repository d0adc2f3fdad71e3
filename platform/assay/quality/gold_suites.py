"""The suite of the gold chunks."""

from assay.quality.expectations import Suite, pair, row, suite_of, unique
from assay.quality.shared_expectations import (
    BETWEEN,
    EQUAL,
    GREATER,
    IN_SET,
    MATCHES,
    SHA256,
    Limits,
    hash_is_right,
    principals_are_not_empty,
)
from assay.schema import table_of
from assay.tables import ChunkRow


def chunks(limits: Limits) -> Suite:
    return suite_of(
        table_of(ChunkRow),
        row(
            "start_is_not_negative",
            BETWEEN,
            "A citation points before the beginning of its document.",
            column="start",
            min_value=0,
        ),
        pair(
            "start_is_before_end", GREATER, "A hit has no extent in its document to show or highlight.", "end", "start"
        ),
        pair(
            "text_is_as_long_as_its_span",
            EQUAL,
            "A citation highlights other words than the hit shows.",
            "text_characters",
            "span_characters",
        ),
        row(
            "document_text_hash_is_sha256",
            MATCHES,
            "Nobody can tell which text of the document a citation's offsets count in.",
            column="document_text_hash",
            regex=SHA256,
        ),
        hash_is_right("text_hash", "text_sha256", "Hits with the same text are not collapsed, or different ones are."),
        hash_is_right("context_hash", "context_sha256", "A chunk would be served with the vector of another text."),
        pair(
            "context_ends_with_text",
            EQUAL,
            "What is embedded is not what a hit shows: the search answers for other words.",
            "context_tail",
            "text",
        ),
        row(
            "token_count_is_within_the_model_limit",
            BETWEEN,
            "The model silently ignores the end of a chunk, so what is said there is never found.",
            column="token_count",
            min_value=1,
            max_value=limits.max_chunk_tokens,
        ),
        row(
            "ordinal_is_not_negative",
            BETWEEN,
            "A chunk has no place in its document's order.",
            column="ordinal",
            min_value=0,
        ),
        unique(
            "ordinal_is_unique_in_its_document",
            "Two chunks claim the same place in a document: one may be left over from another version.",
            ("document_id", "ordinal"),
        ),
        row(
            "page_counts_from_one",
            BETWEEN,
            "A citation names a page that does not exist.",
            column="page",
            min_value=1,
        ),
        row(
            "document_has_one_version",
            IN_SET,
            "Chunks of an old and a new version of one document would be found together.",
            column="versions_of_document",
            value_set=(1,),
        ),
        principals_are_not_empty(),
    )
