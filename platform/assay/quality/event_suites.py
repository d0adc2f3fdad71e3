"""The suite of silver/events: values that keep their contract and still cannot be true."""

from assay.event_tables import EventRow
from assay.quality.expectations import Suite, batch, row, suite_of
from assay.quality.shared_expectations import BETWEEN, IN_SET, MATCHES, Limits
from assay.schema import table_of

# A thousand currency units for one impression: a thousand times what the dearest cost, so a price in another unit.
MAX_PRICE_MICROS = 1_000_000_000
# A gigabit; a rate in bits instead of kilobits lies above from 1 Mbit on.
MAX_BITRATE_KBPS = 1_000_000
# Longer than any chat lets through.
MAX_CHARACTERS = 100_000
# Below, most records are copies: a producer that sends the same batch over and over.
MIN_DISTINCT_EVENTS_RATIO = 0.3


def events(limits: Limits) -> Suite:
    tolerated = limits.max_quarantined_ratio
    return suite_of(
        table_of(EventRow),
        row(
            "price_is_plausible",
            BETWEEN,
            "An impression has a negative price or one in another unit, so the invoice would be wrong by its whole amount.",
            column="price_micros",
            min_value=0,
            max_value=MAX_PRICE_MICROS,
            tolerated_ratio=tolerated,
        ),
        row(
            "bitrate_is_plausible",
            BETWEEN,
            "A heartbeat has a negative bit rate or one in another unit, and moves every mean it enters.",
            column="bitrate_kbps",
            min_value=0,
            max_value=MAX_BITRATE_KBPS,
            tolerated_ratio=tolerated,
        ),
        row(
            "characters_are_plausible",
            BETWEEN,
            "A chat message has a negative length or one that no chat lets through.",
            column="characters",
            min_value=0,
            max_value=MAX_CHARACTERS,
            tolerated_ratio=tolerated,
        ),
        row(
            "tier_is_known",
            IN_SET,
            "A creator has a tier that nobody has terms for, and would be counted in none.",
            column="tier",
            value_set=("basic", "affiliate", "partner"),
            tolerated_ratio=tolerated,
        ),
        row(
            "country_is_a_code",
            MATCHES,
            "A creator's country is no code of two capital letters, so it is missing wherever creators are counted by country.",
            column="country",
            regex=r"^[A-Z]{2}$",
            tolerated_ratio=tolerated,
        ),
        batch(
            "events_are_mostly_distinct",
            "expect_column_proportion_of_unique_values_to_be_between",
            "Most records are copies of others: probably a producer that sends the same batch over and over.",
            column="event_id",
            min_value=MIN_DISTINCT_EVENTS_RATIO,
            max_value=1.0,
            severity="warning",
        ),
    )
