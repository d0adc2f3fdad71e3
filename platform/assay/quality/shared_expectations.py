"""What the suites of several stages share: the kinds of Great Expectations they use, bounds, recurring expectations."""

from dataclasses import dataclass
from datetime import UTC, datetime

from assay.quality.expectations import Expectation, pair, row
from assay.settings import Settings

MATCHES = "expect_column_values_to_match_regex"
MATCHES_NOT = "expect_column_values_to_not_match_regex"
IN_SET = "expect_column_values_to_be_in_set"
BETWEEN = "expect_column_values_to_be_between"
IS_NULL = "expect_column_values_to_be_null"
EQUAL = "expect_column_pair_values_to_be_equal"
GREATER = "expect_column_pair_values_a_to_be_greater_than_b"

SHA256 = r"^[0-9a-f]{64}$"
BLANK = r"^\s*$"
# A version in nanoseconds lies past this; as the greatest ever it would fence off every later write of its document.
LAST_VERSION = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


@dataclass(frozen=True)
class Limits:
    """The bounds in the suites that a deployment may move; the names of the expectations never depend on them."""

    # Also bounds a text's characters: a longer one comes from a container that expands without measure.
    max_file_bytes: int = Settings.model_fields["max_file_bytes"].default
    max_chunk_tokens: int = 254  # what all-MiniLM-L6-v2 reads beside its two special tokens; it ignores the rest
    max_quarantined_ratio: float = Settings.model_fields["max_quarantined_ratio"].default

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The bounds that settings move."""
        return cls(max_file_bytes=settings.max_file_bytes, max_quarantined_ratio=settings.max_quarantined_ratio)


def principals_are_not_empty(
    name: str = "principals_are_not_empty", column: str = "shortest_principal_length"
) -> Expectation:
    description = "A document may be found by nobody, or by a principal without a name."
    return row(name, BETWEEN, description, column=column, min_value=1)


def version_is_in_microseconds() -> Expectation:
    return row(
        "version_is_in_microseconds",
        BETWEEN,
        "A version in another unit would fence off every later change of its document.",
        column="document_version",
        min_value=1,
        max_value=LAST_VERSION,
    )


def hash_is_right(column: str, recomputed: str, description: str) -> Expectation:
    return pair(f"{column}_is_right", EQUAL, description, column, recomputed)
