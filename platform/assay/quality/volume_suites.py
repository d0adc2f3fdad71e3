"""The suite of quality/volumes: is this much, of this kind, what usually comes from the source?

Each expectation reads how many times the usual a day's value is. It is null, so concerns nobody, while there are too few
days to know what is usual, and for counts so small that chance alone makes them twice or half. All of them are warnings:
an unusual day may be right, and what serves does not wait for somebody to look.
"""

from assay.quality.expectations import Expectation, Suite, batch, suite_of
from assay.quality.shared_expectations import BETWEEN, Limits
from assay.schema import table_of
from assay.tables import VolumeRow

# Half or twice is worth a look. Of draws of 20 texts from 3,088 real documents, .08% had half or twice their mean length.
LEAST_TIMES = 0.5
MOST_TIMES = 2.0
# What fails, by contrast, usually hardly does, so that its shares leap: three in place of two files.
MOST_TIMES_FAILED = 3.0


def volumes(limits: Limits) -> Suite:
    del limits  # nothing here depends on a deployment's bounds
    return suite_of(
        table_of(VolumeRow),
        _times_the_usual(
            "file_count_is_usual",
            "files_to_usual",
            "A source shows half of its usual files or less, or twice as many or more: a part is not mounted, or another "
            "place was taken in.",
            least=LEAST_TIMES,
        ),
        _times_the_usual(
            "refused_share_is_usual",
            "refused_to_usual",
            "Far more files than usual could not be read, so their edits do not arrive: probably a permission that changed.",
            most=MOST_TIMES_FAILED,
        ),
        _times_the_usual(
            "changed_share_is_usual",
            "changed_to_usual",
            "Far more of the files changed than usual: probably a converter or template, not their authors, and all of it "
            "is parsed and embedded anew.",
        ),
        _times_the_usual(
            "deleted_share_is_usual",
            "deleted_to_usual",
            "Far more documents than usual were deleted and are found no more: probably a move or a clean-up gone wrong.",
        ),
        _times_the_usual(
            "quarantined_share_is_usual",
            "quarantined_to_usual",
            "Far more of the changed documents than usual were held back, so searches answer from older texts or none.",
            most=MOST_TIMES_FAILED,
        ),
        _times_the_usual(
            "text_length_is_usual",
            "mean_characters_to_usual",
            "Texts are half as long as usual or less, or twice as long or more: files are cut off, or parsed otherwise.",
            least=LEAST_TIMES,
        ),
    )


def _times_the_usual(
    name: str, column: str, description: str, *, least: float = 0.0, most: float = MOST_TIMES
) -> Expectation:
    """A day's value is between `least` and `most` times the usual, both excluded.

    By the values of the one row and not by their mean: of a column of nulls Great Expectations calls a mean unexpected.
    """
    return batch(
        name, BETWEEN, description, column=column, min_value=least, max_value=most, strict_min=least > 0,
        strict_max=True, severity="warning",
    )  # fmt: skip
