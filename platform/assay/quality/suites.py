"""One suite per document table: what goes wrong in each, beside what its row class already promises.

Two tolerances. An expectation of what *we* compute (hashes, offsets, versions) tolerates nothing: a row that fails it
means a fault in the code. An expectation of what *arrives* (garbled or blank text) sends documents to quarantine and
fails itself only beyond `Limits.max_quarantined_ratio`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from assay.errors import REJECTION_REASONS, ConfigurationError
from assay.quality.derived import TEXT_COLUMNS
from assay.quality.expectations import Expectation, Suite, batch, pair, row, suite_of, unique
from assay.schema import Table, table_of
from assay.settings import Settings
from assay.tables import ChunkRow, DocumentRow, DocumentStateRow, FeedRow, ManifestRow

_MATCHES = "expect_column_values_to_match_regex"
_MATCHES_NOT = "expect_column_values_to_not_match_regex"
_IN_SET = "expect_column_values_to_be_in_set"
_BETWEEN = "expect_column_values_to_be_between"
_IS_NULL = "expect_column_values_to_be_null"
_EQUAL = "expect_column_pair_values_to_be_equal"
_GREATER = "expect_column_pair_values_a_to_be_greater_than_b"

_SHA256 = r"^[0-9a-f]{64}$"
_BLANK = r"^\s*$"
# Empty, absolute (also `C:\`), or with a `..` segment.
_UNSAFE_PATH = r"^$|^[/\\]|^[A-Za-z]:[/\\]|(?:^|[/\\])\.\.(?:[/\\]|$)"
# A version in nanoseconds lies past this; as the greatest ever it would fence off every later write of its document.
_LAST_VERSION = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
# One character in fifty: a page of broken encoding passes it, a stray bell or byte-order mark in a paragraph does not.
MAX_GARBLED_RATIO = 0.02
# Below, most documents of a day hold the same text: a login page or cookie notice instead of the content.
MIN_DISTINCT_TEXTS_RATIO = 0.2


@dataclass(frozen=True)
class Limits:
    """The bounds in the suites that a deployment may move; the names of the expectations never depend on them."""

    # Also bounds a text's characters: a longer one comes from a container that expands without measure.
    max_file_bytes: int = Settings.model_fields["max_file_bytes"].default
    max_chunk_tokens: int = 256  # what all-MiniLM-L6-v2 reads; it silently ignores the rest
    max_quarantined_ratio: float = Settings.model_fields["max_quarantined_ratio"].default

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The bounds that settings move."""
        return cls(max_file_bytes=settings.max_file_bytes, max_quarantined_ratio=settings.max_quarantined_ratio)


def manifests(limits: Limits) -> Suite:
    return suite_of(
        table_of(ManifestRow),
        row(
            "status_is_known",
            _IN_SET,
            "A file is neither taken in nor refused, so nobody learns what became of it.",
            column="status",
            value_set=("observed", "refused", "empty"),
        ),
        row(
            "refusal_has_a_known_reason",
            _IN_SET,
            "A file was refused and the quarantine cannot say why.",
            column="refusal_reason",
            value_set=REJECTION_REASONS,
        ),
        row(
            "content_hash_is_sha256",
            _MATCHES,
            "An observed file cannot be found again in the blob folder.",
            column="observed_content_hash",
            regex=_SHA256,
        ),
        row(
            "size_is_within_bounds",
            _BETWEEN,
            "A file was let in that is larger than permitted, or whose size was never measured.",
            column="observed_size_bytes",
            min_value=0,
            max_value=limits.max_file_bytes,
        ),
        row(
            "path_stays_inside_the_source",
            _MATCHES_NOT,
            "A document's path leads out of its source: an id that could stand for any file of the machine.",
            column="observed_path",
            regex=_UNSAFE_PATH,
        ),
        _principals_are_not_empty(),
        row(
            "principals_are_sorted",
            _IN_SET,
            "The same permissions in another order count as a change, so unchanged documents are processed again.",
            column="principals_are_sorted",
            value_set=(True,),
        ),
    )


def feed(limits: Limits) -> Suite:
    return suite_of(
        table_of(FeedRow),
        row(
            "op_is_known",
            _IN_SET,
            "A change is neither an upsert nor a delete, so no stage applies it.",
            column="op",
            value_set=("upsert", "delete"),
        ),
        row(
            "change_fits_op",
            _IN_SET,
            "A change names a cause that does not fit what it does: counts of added and deleted documents are wrong.",
            column="op_and_change",
            value_set=("upsert/added", "upsert/edited", "upsert/repermitted", "delete/deleted"),
        ),
        row(
            "upsert_has_content_hash",
            _MATCHES,
            "A document was announced whose bytes cannot be found in the blob folder.",
            column="upsert_content_hash",
            regex=_SHA256,
        ),
        row(
            "delete_has_no_content_hash",
            _IS_NULL,
            "A deletion still points at the document's bytes, and whoever reads the feed would bring them back.",
            column="delete_content_hash",
        ),
        row(
            "upsert_size_is_within_bounds",
            _BETWEEN,
            "A document was announced that is larger than permitted, or whose size was never measured.",
            column="upsert_size_bytes",
            min_value=0,
            max_value=limits.max_file_bytes,
        ),
        row(
            "document_id_has_a_namespace",
            _MATCHES,
            "A document's id is not `namespace:path`, so two sources may overwrite each other's documents.",
            column="document_id",
            regex=r"^[^:]+:.+",
        ),
        _version_is_in_microseconds(),
        pair(
            "version_is_not_before_its_day",
            _GREATER,
            "A change is older than the day it was observed on and would be fenced off as outdated.",
            "document_version",
            "day_start_microseconds",
            or_equal=True,
        ),
        _principals_are_not_empty(),
    )


def documents(limits: Limits) -> Suite:
    tolerated = limits.max_quarantined_ratio
    return suite_of(
        table_of(DocumentRow),
        row(
            "text_is_not_blank",
            _BETWEEN,
            "A document has no visible text, so no search can find it.",
            column="text_first_visible",
            min_value=0,
            tolerated_ratio=tolerated,
        ),
        row(
            "text_has_no_nul",
            _MATCHES_NOT,
            "A text holds the NUL character, which PostgreSQL and many viewers refuse.",
            column="text",
            regex=r"\x00",
            tolerated_ratio=tolerated,
        ),
        row(
            "text_is_not_garbled",
            _BETWEEN,
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
            _BETWEEN,
            "A document shows up in hits without a title.",
            column="title_first_visible",
            min_value=0,
            tolerated_ratio=tolerated,
        ),
        _hash_is_right(
            "text_hash", "text_sha256", "An edit of the text would go unnoticed, and no duplicate be found."
        ),
        row(
            "text_is_nfc",
            _IN_SET,
            "An accented word is stored in pieces, so searches typed the usual way miss it.",
            column="text_is_nfc",
            value_set=(True,),
        ),
        row(
            "text_has_unix_line_ends",
            _MATCHES_NOT,
            "A text keeps carriage returns, so the same document from two systems counts as two.",
            column="text",
            regex=r"\r",
        ),
        row(
            "content_hash_is_sha256",
            _MATCHES,
            "The bytes a text was parsed from cannot be found again.",
            column="content_hash",
            regex=_SHA256,
        ),
        row(
            "first_page_starts_at_zero",
            _IN_SET,
            "The beginning of a document lies on no page, so citations of it name a wrong one.",
            column="first_page_start",
            value_set=(0,),
        ),
        row(
            "page_starts_ascend_within_the_text",
            _BETWEEN,
            "Pages are out of order or lie past the text's end, so citations name wrong pages.",
            column="misplaced_page_starts",
            min_value=0,
            max_value=0,
        ),
        _version_is_in_microseconds(),
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
        _version_is_in_microseconds(),
        row(
            "standing_document_has_a_uri",
            _MATCHES_NOT,
            "A hit could not say where its document lies.",
            column="standing_uri",
            regex=_BLANK,
        ),
        row(
            "standing_document_has_a_tenant",
            _MATCHES_NOT,
            "A document belongs to nobody, so no tenant's deletion or invoice ever covers it.",
            column="standing_tenant",
            regex=_BLANK,
        ),
        _principals_are_not_empty("standing_document_has_principals", "standing_shortest_principal_length"),
        row(
            "text_columns_are_all_set_or_all_null",
            _IN_SET,
            "Half of a standing text is recorded, so it can neither be read nor be taken for missing.",
            column="text_columns_set",
            value_set=(0, len(TEXT_COLUMNS)),
        ),
        pair(
            "text_is_not_newer_than_its_document",
            _GREATER,
            "A text stands that is newer than the document's version, so a deletion or edit may not remove it.",
            "document_version",
            "text_version",
            or_equal=True,
        ),
        row(
            "text_hash_is_sha256",
            _MATCHES,
            "The standing text cannot be compared with a new one.",
            column="text_hash",
            regex=_SHA256,
        ),
    )


def chunks(limits: Limits) -> Suite:
    return suite_of(
        table_of(ChunkRow),
        row(
            "start_is_not_negative",
            _BETWEEN,
            "A citation points before the beginning of its document.",
            column="start",
            min_value=0,
        ),
        pair(
            "start_is_before_end", _GREATER, "A hit has no extent in its document to show or highlight.", "end", "start"
        ),
        pair(
            "text_is_as_long_as_its_span",
            _EQUAL,
            "A citation highlights other words than the hit shows.",
            "text_characters",
            "span_characters",
        ),
        row(
            "document_text_hash_is_sha256",
            _MATCHES,
            "Nobody can tell which text of the document a citation's offsets count in.",
            column="document_text_hash",
            regex=_SHA256,
        ),
        _hash_is_right("text_hash", "text_sha256", "Hits with the same text are not collapsed, or different ones are."),
        _hash_is_right("context_hash", "context_sha256", "A chunk would be served with the vector of another text."),
        pair(
            "context_ends_with_text",
            _EQUAL,
            "What is embedded is not what a hit shows: the search answers for other words.",
            "context_tail",
            "text",
        ),
        row(
            "token_count_is_within_the_model_limit",
            _BETWEEN,
            "The model silently ignores the end of a chunk, so what is said there is never found.",
            column="token_count",
            min_value=1,
            max_value=limits.max_chunk_tokens,
        ),
        row(
            "ordinal_is_not_negative",
            _BETWEEN,
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
            _BETWEEN,
            "A citation names a page that does not exist.",
            column="page",
            min_value=1,
        ),
        row(
            "document_has_one_version",
            _IN_SET,
            "Chunks of an old and a new version of one document would be found together.",
            column="versions_of_document",
            value_set=(1,),
        ),
        _principals_are_not_empty(),
    )


def _principals_are_not_empty(
    name: str = "principals_are_not_empty", column: str = "shortest_principal_length"
) -> Expectation:
    description = "A document may be found by nobody, or by a principal without a name."
    return row(name, _BETWEEN, description, column=column, min_value=1)


def _version_is_in_microseconds() -> Expectation:
    return row(
        "version_is_in_microseconds",
        _BETWEEN,
        "A version in another unit would fence off every later change of its document.",
        column="document_version",
        min_value=1,
        max_value=_LAST_VERSION,
    )


def _hash_is_right(column: str, recomputed: str, description: str) -> Expectation:
    return pair(f"{column}_is_right", _EQUAL, description, column, recomputed)


_BUILDERS = (manifests, feed, documents, document_state, chunks)


def suites(limits: Limits) -> Mapping[str, Suite]:
    """Every suite by table name, with a deployment's bounds."""
    built = [build(limits) for build in _BUILDERS]
    return MappingProxyType({suite.table.name: suite for suite in built})


SUITES: Mapping[str, Suite] = suites(Limits())


def suite_for(table: Table, limits: Limits | None = None) -> Suite:
    """The suite of `table`; ConfigurationError for a table without one."""
    known = SUITES if limits is None else suites(limits)
    if table.name not in known:
        raise ConfigurationError(
            f"There is no suite for `{table.name}`, only for {', '.join(f'`{name}`' for name in known)}. Nothing was "
            "judged or written. Declare one in `platform/assay/quality/suites.py`, then run `make test`."
        )
    return known[table.name]
