"""The event tables, one row class each: what a column is called, holds and means is said here and nowhere else.

What dbt makes of them is described in its own YAML; `assay.model_tables` reads it from there.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from assay.schema import table
from assay.tables import ComputedAt, RunId

EventSource = Annotated[str, "Name of the event source in settings."]
ArrivalDay = Annotated[date, "UTC day of arrival: the day of `available_at`."]
LogPartition = Annotated[str, "Partition of the log that holds the record."]
Offset = Annotated[int, "Place of the record in its log partition."]
AvailableAt = Annotated[
    datetime, "When the record was appended to the log (UTC): stamped once, and never by a later run."
]
Event = Annotated[str, "The event as it came: JSON, where its producer kept to that."]


@table("bronze/events", key=("source", "day", "log_partition", "offset"), partition_by=("source", "day"))
@dataclass(frozen=True, slots=True)
class LogRow:
    """The event log as it came, a row per record: twice what came twice, and what nobody can read as well."""

    source: EventSource
    day: ArrivalDay
    log_partition: LogPartition
    offset: Offset
    available_at: AvailableAt
    event: Event


@table("silver/events", key=("source", "day", "log_partition", "offset"), partition_by=("source", "day"))
@dataclass(frozen=True, slots=True)
class EventRow:
    """Every record that keeps its contract, typed and by its newest names; an event that came twice stands twice.

    A field that an event type does not have is null. Which fields a type has is said in `assay.events.contracts`.
    """

    source: EventSource
    day: ArrivalDay
    log_partition: LogPartition
    offset: Offset
    available_at: AvailableAt
    event_id: Annotated[str, "Made once, by the producer; a retry carries the same."]
    event_type: Annotated[str, "One of the types that have a contract."]
    schema_version: Annotated[int, "Version of the contract that the producer wrote by."]
    event_ts: Annotated[datetime, "When it happened, as the producer's clock has it (UTC); not clamped yet."]
    event_day: Annotated[date, "UTC day of `event_ts`."]
    viewer_id: Annotated[str | None, "Who watches, writes, is shown an ad or clicks."]
    creator_id: Annotated[str | None, "Whose stream it is, or whose profile changed."]
    stream_id: Annotated[str | None, "The broadcast."]
    campaign_id: Annotated[str | None, "The advertiser's campaign."]
    impression_id: Annotated[str | None, "`event_id` of the ad impression that was clicked or disputed."]
    category: Annotated[str | None, "What a stream or a creator is about."]
    title: Annotated[str | None, "Title of the stream."]
    display_name: Annotated[str | None, "Name of the creator."]
    tier: Annotated[str | None, "Contract of the creator: `basic`, `affiliate` or `partner`."]
    country: Annotated[str | None, "Country of the creator, ISO 3166-1 alpha-2."]
    is_active: Annotated[bool | None, "Whether the creator may broadcast; False closes the account."]
    device: Annotated[str | None, "What the viewer watches on; since version 2 of the heartbeat."]
    bitrate_kbps: Annotated[int | None, "Bit rate of the video; `video_kbps` since version 2 of the heartbeat."]
    characters: Annotated[int | None, "Length of the chat message; its text never leaves the producer."]
    price_micros: Annotated[int | None, "Price of the impression in millionths of the currency unit."]
    reason: Annotated[str | None, "Why the impression was disputed."]
    unknown_fields: Annotated[str | None, "JSON of the fields that the contract does not name, kept as they came."]
    adaptations: Annotated[list[str], "Which declared rules changed names or types of it, sorted; mostly none."]


@table("silver/quarantined_events", key=("source", "day", "log_partition", "offset"), partition_by=("source", "day"))
@dataclass(frozen=True, slots=True)
class QuarantinedEventRow:
    """Records that break their contract or the clock-skew guard, whole, with the reason."""

    source: EventSource
    day: ArrivalDay
    log_partition: LogPartition
    offset: Offset
    available_at: AvailableAt
    event: Event
    event_id: Annotated[str | None, "Where it can be told."]
    event_type: Annotated[str | None, "Where it can be told."]
    reason: Annotated[str, "One of `assay.events.contracts.EVENT_REASONS`."]
    detail: Annotated[str, "The reason for a person: which field, what stood in it."]
    expectation: Annotated[str | None, "The expectation that it failed; for `failed_expectation` only."]
    run_id: RunId
    computed_at: ComputedAt


@table("silver/event_days", key=("source", "day", "event_day"), partition_by=("source", "day"))
@dataclass(frozen=True, slots=True)
class EventDayRow:
    """Which event days the arrivals of a day touch, and a digest of what they brought: what a restatement goes by."""

    source: EventSource
    day: ArrivalDay
    event_day: Annotated[date, "UTC day of the raw event time."]
    events: Annotated[int, "Rows of silver/events."]
    digest: Annotated[str, "Hash of those rows' content; another digest means that the event day is built again."]


@table("silver/quarantined_features", key=("view", "day", "row"), partition_by=("view", "day"))
@dataclass(frozen=True, slots=True)
class QuarantinedFeatureRow:
    """Rows of feature views that failed an expectation, whole, with the expectation."""

    view: Annotated[str, "Name of the feature view."]
    day: Annotated[date, "UTC day of the row's `available_at`."]
    row_key: Annotated[str, "Entity, event_ts, available_at and seq of the row as text, joined by `|`."]
    expectation: Annotated[str, "The first expectation that the row failed."]
    row: Annotated[str, "The row as it was built: JSON."]
    run_id: RunId
    computed_at: ComputedAt


@table("quality/feature_drift", key=("view", "day", "value"), partition_by=("view", "day"))
@dataclass(frozen=True, slots=True)
class FeatureDriftRow:
    """How far the values of a feature are distributed otherwise on a day than on the last good day before it.

    Of the rows that were first for their event time and no correction. Measures are None while nothing is usual yet: the
    view's windows are still filling, no day before was good, or the value had too few entities.
    """

    view: Annotated[str, "Name of the feature view."]
    day: Annotated[date, "UTC day of the rows' `available_at`."]
    value: Annotated[str, "Name of the value."]
    rows: Annotated[int, "Rows of the day that have the value."]
    entities: Annotated[int, "Entities of the day that have the value."]
    reference_day: Annotated[date | None, "The last good day; None where there is none yet."]
    reference_rows: Annotated[int | None, "Rows of the last good day that have the value."]
    reference_entities: Annotated[int | None, "Entities of the last good day that have the value."]
    psi: Annotated[float | None, "Population stability index over the deciles of the last good day's values."]
    ks: Annotated[float | None, "Two-sample Kolmogorov-Smirnov statistic: the greatest distance of the distributions."]
