"""The suites of the bronze tables: manifests and the feed."""

from assay.errors import REJECTION_REASONS
from assay.quality.expectations import Suite, pair, row, suite_of
from assay.quality.shared_expectations import (
    BETWEEN,
    GREATER,
    IN_SET,
    IS_NULL,
    MATCHES,
    MATCHES_NOT,
    SHA256,
    Limits,
    principals_are_not_empty,
    version_is_in_microseconds,
)
from assay.schema import table_of
from assay.tables import FeedRow, ManifestRow

# Empty, absolute (also `C:\`), or with a `..` segment.
_UNSAFE_PATH = r"^$|^[/\\]|^[A-Za-z]:[/\\]|(?:^|[/\\])\.\.(?:[/\\]|$)"


def manifests(limits: Limits) -> Suite:
    return suite_of(
        table_of(ManifestRow),
        row(
            "status_is_known",
            IN_SET,
            "A file is neither taken in nor refused, so nobody learns what became of it.",
            column="status",
            value_set=("observed", "refused", "empty"),
        ),
        row(
            "refusal_has_a_known_reason",
            IN_SET,
            "A file was refused and the quarantine cannot say why.",
            column="refusal_reason",
            value_set=REJECTION_REASONS,
        ),
        row(
            "content_hash_is_sha256",
            MATCHES,
            "An observed file cannot be found again in the blob folder.",
            column="observed_content_hash",
            regex=SHA256,
        ),
        row(
            "size_is_within_bounds",
            BETWEEN,
            "A file was let in that is larger than permitted, or whose size was never measured.",
            column="observed_size_bytes",
            min_value=0,
            max_value=limits.max_file_bytes,
        ),
        row(
            "path_stays_inside_the_source",
            MATCHES_NOT,
            "A document's path leads out of its source: an id that could stand for any file of the machine.",
            column="observed_path",
            regex=_UNSAFE_PATH,
        ),
        principals_are_not_empty(),
        row(
            "principals_are_sorted",
            IN_SET,
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
            IN_SET,
            "A change is neither an upsert nor a delete, so no stage applies it.",
            column="op",
            value_set=("upsert", "delete"),
        ),
        row(
            "change_fits_op",
            IN_SET,
            "A change names a cause that does not fit what it does: counts of added and deleted documents are wrong.",
            column="op_and_change",
            value_set=(
                "upsert/added",
                "upsert/edited",
                "upsert/repermitted",
                "upsert/moved",
                "delete/deleted",
                "delete/moved_away",
            ),
        ),
        row(
            "move_names_the_other_place",
            IN_SET,
            "A document moved and nobody can say from where or to where, or one that did not move says that it did.",
            column="move_names_the_other_place",
            value_set=(True,),
        ),
        row(
            "upsert_has_content_hash",
            MATCHES,
            "A document was announced whose bytes cannot be found in the blob folder.",
            column="upsert_content_hash",
            regex=SHA256,
        ),
        row(
            "delete_has_no_content_hash",
            IS_NULL,
            "A deletion still points at the document's bytes, and whoever reads the feed would bring them back.",
            column="delete_content_hash",
        ),
        row(
            "upsert_size_is_within_bounds",
            BETWEEN,
            "A document was announced that is larger than permitted, or whose size was never measured.",
            column="upsert_size_bytes",
            min_value=0,
            max_value=limits.max_file_bytes,
        ),
        row(
            "document_id_has_a_namespace",
            MATCHES,
            "A document's id is not `namespace:path`, so two sources may overwrite each other's documents.",
            column="document_id",
            regex=r"^[^:]+:.+",
        ),
        version_is_in_microseconds(),
        pair(
            "version_is_not_before_its_day",
            GREATER,
            "A change is older than the day it was observed on and would be fenced off as outdated.",
            "document_version",
            "day_start_microseconds",
            or_equal=True,
        ),
        principals_are_not_empty(),
    )
