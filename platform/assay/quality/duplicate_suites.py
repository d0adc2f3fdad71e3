"""The suites of what duplicates are found by, and of the duplicates."""

from assay.quality.expectations import Suite, pair, row, suite_of
from assay.quality.shared_expectations import BETWEEN, EQUAL, GREATER, IN_SET, MATCHES, SHA256, Limits
from assay.schema import table_of
from assay.tables import DuplicateRow, TextSignatureRow

# 128 hashes of 4 bytes; `assay.documents.duplicates` makes as many.
SIGNATURE_BYTES = 512


def text_signatures(limits: Limits) -> Suite:
    del limits  # nothing here depends on a deployment's bounds
    return suite_of(
        table_of(TextSignatureRow),
        row(
            "text_hash_is_sha256",
            MATCHES,
            "A signature belongs to no text, so that text's near duplicates are never found.",
            column="text_hash",
            regex=SHA256,
        ),
        row(
            "signature_is_complete",
            IN_SET,
            "Two texts would be compared by hashes that are not there, and the wrong ones be taken for duplicates.",
            column="signature_bytes",
            value_set=(SIGNATURE_BYTES,),
        ),
        row(
            "shingles_is_not_negative",
            BETWEEN,
            "Nobody can tell whether a text is long enough to be compared.",
            column="shingles",
            min_value=0,
        ),
    )


def duplicates(limits: Limits) -> Suite:
    del limits  # nothing here depends on a deployment's bounds
    return suite_of(
        table_of(DuplicateRow),
        row(
            "kind_is_known",
            IN_SET,
            "A document is hidden, and nobody can say why.",
            column="kind",
            value_set=("exact", "near"),
        ),
        pair(
            "canonical_comes_before",
            GREATER,
            "Two documents may be hidden behind each other, so that neither is found.",
            "document_id",
            "canonical_id",
        ),
        row(
            "jaccard_is_within_bounds",
            BETWEEN,
            "A document is hidden behind one that says something else.",
            column="jaccard",
            min_value=0.5,
            max_value=1.0,
        ),
        pair(
            "exact_duplicates_have_equal_texts",
            EQUAL,
            "A document counts as an exact copy and is none, so its own words are found nowhere.",
            "text_hash",
            "exact_canonical_text_hash",
        ),
        row(
            "text_hash_is_sha256",
            MATCHES,
            "A duplicate cannot be compared with the text that stands, so it is hidden no more.",
            column="text_hash",
            regex=SHA256,
        ),
    )
