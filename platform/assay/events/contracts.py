"""What each event type and version promises, and what becomes of an event that was written otherwise: rules as data.

    viewer_heartbeat 1   bitrate_kbps
    viewer_heartbeat 2   video_kbps -> bitrate_kbps    the same number by another name
    ad_impression 1      price_micros
    ad_impression 2      price -> price_micros         "0.012345" currency units are 12345 millionths, exactly

A field that a contract does not name is kept in `unknown_fields`. A type or version without a contract, and an event
that breaks its contract, go to quarantine with one of `EVENT_REASONS`; none is dropped and none is guessed at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal, get_args

EventReason = Literal[
    "malformed_json",
    "missing_field",
    "null_field",
    "wrong_type",
    "unknown_event_type",
    "unknown_schema_version",
    "bad_event_id",
    "bad_event_time",
    "bad_available_at",
    "clock_skew",
    "failed_expectation",
]
EVENT_REASONS: tuple[str, ...] = get_args(EventReason)

# A longer record is no event; nothing of it is parsed.
MAX_EVENT_BYTES = 2**20
MAX_IDENTIFIER_CHARACTERS = 200

Kind = Literal["identifier", "text", "integer", "boolean", "time", "amount"]
# What a value of each kind looks like in JSON. Nothing is converted that no rule names: "3" and 3.0 are no integers.
KINDS: Mapping[Kind, str] = MappingProxyType(
    {
        "identifier": f"a string of 1 to {MAX_IDENTIFIER_CHARACTERS} characters without control characters",
        "text": "a string",
        "integer": "a whole number of 64 bits",
        "boolean": "true or false",
        "time": "an ISO 8601 time with its offset, of the years 1970 to 2199",
        "amount": "a decimal number as a string, with up to 6 decimals",
    }
)


@dataclass(frozen=True)
class Field:
    """A field of an event: its name where the producer writes it, and the column of silver/events it ends in.

    Where both differ, the event was adapted. The value of an `amount` is counted in millionths, as a whole number.
    """

    name: str
    kind: Kind
    column: str
    is_required: bool = True
    if_wrong: EventReason = "wrong_type"

    @property
    def adaptation(self) -> str | None:
        """The rule by which the field was adapted, as it stands in `adaptations`."""
        return None if self.name == self.column else f"{self.name} -> {self.column}"


@dataclass(frozen=True)
class Contract:
    """The fields of an event type in one version, beside `ENVELOPE`."""

    event_type: str
    schema_version: int
    fields: tuple[Field, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every field that the contract names, those of the envelope too."""
        return tuple(field.name for field in (*ENVELOPE, *self.fields))

    @cached_property
    def adaptations(self) -> tuple[str, ...]:
        """What `adaptations` says of an event that keeps this contract."""
        return tuple(sorted(field.adaptation for field in self.fields if field.adaptation))


def _identifiers(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, "identifier", name) for name in names)


def _field(name: str, kind: Kind, *, column: str | None = None) -> Field:
    return Field(name, kind, column or name)


# `available_at` is stamped by the log; an event that carries it must agree with the log.
ENVELOPE = (
    Field("event_type", "identifier", "event_type"),
    Field("schema_version", "integer", "schema_version"),
    Field("event_id", "identifier", "event_id", if_wrong="bad_event_id"),
    Field("event_ts", "time", "event_ts", if_wrong="bad_event_time"),
    Field("available_at", "time", "available_at", is_required=False, if_wrong="bad_available_at"),
)
_WATCHING = _identifiers("viewer_id", "stream_id", "creator_id")
_AD = (*_WATCHING, *_identifiers("campaign_id"))

CONTRACTS: tuple[Contract, ...] = (
    Contract(
        "stream_started",
        1,
        (*_identifiers("stream_id", "creator_id", "category"), _field("title", "text")),
    ),
    Contract("stream_ended", 1, _identifiers("stream_id", "creator_id")),
    Contract("viewer_heartbeat", 1, (*_WATCHING, _field("bitrate_kbps", "integer"))),
    Contract(
        "viewer_heartbeat",
        2,
        (*_WATCHING, _field("video_kbps", "integer", column="bitrate_kbps"), _field("device", "text")),
    ),
    Contract("chat_message", 1, (*_WATCHING, _field("characters", "integer"))),
    Contract("ad_impression", 1, (*_AD, _field("price_micros", "integer"))),
    Contract("ad_impression", 2, (*_AD, _field("price", "amount", column="price_micros"))),
    Contract("ad_click", 1, (*_AD, *_identifiers("impression_id"))),
    Contract(
        "creator_updated",
        1,
        (
            *_identifiers("creator_id"),
            _field("display_name", "text"),
            *_identifiers("category", "tier", "country"),
            _field("is_active", "boolean"),
        ),
    ),
    Contract("impression_disputed", 1, (*_identifiers("impression_id", "campaign_id"), _field("reason", "text"))),
)
