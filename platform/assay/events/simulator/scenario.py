"""What is simulated: a TOML file, such as `samples/livestream.toml` with a comment for every knob, read into types."""

import tomllib
import zlib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from assay.errors import ConfigurationError

SECOND = 1_000_000  # microseconds, as every time here
DAY = 86_400 * SECOND

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


def _ascending(span: tuple[float, float]) -> tuple[float, float]:
    if not 0 < span[0] <= span[1]:
        raise ValueError("a span is two positive numbers, the lower one first")
    return span


Span = Annotated[tuple[float, float], AfterValidator(_ascending)]


class Section(BaseModel):
    """A table of the file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Creators(Section):
    count: Count
    categories: Annotated[tuple[str, ...], Field(min_length=2)]
    countries: Annotated[tuple[str, ...], Field(min_length=2)]
    peak_hour: Annotated[float, Field(ge=0, lt=24)]
    streams_per_day: Share
    stream_minutes: Annotated[float, Field(gt=1)]
    updates_per_week: Annotated[float, Field(ge=0)]
    late_correction_rate: Share
    same_moment_rate: Share
    unchanged_rate: Share
    deactivation_rate: Share


class Viewers(Section):
    count: Count
    watch_minutes: Annotated[float, Field(gt=0)]
    fan_rate: Share
    pause_rate: Share
    heartbeat_share: Annotated[float, Field(gt=0, lt=1)]
    chats_per_heartbeat: Share
    impressions_per_heartbeat: Share
    click_rate: Share


class Campaigns(Section):
    count: Count
    free: Annotated[int, Field(ge=0)]
    price_micros: Span


class Disputes(Section):
    base_rate: Share
    disputer_rate: Share
    disputer_dispute_rate: Share
    delay_days: Span


class Switch(Section):
    """A misbehaviour and how often it happens."""

    on: bool
    rate: Share


class BotRing(Switch):
    click_rate: Share
    dispute_rate: Share


class Delay(Switch):
    delay_seconds: Span


class Retries(Delay):
    other_partition_rate: Share


class NewVersion(Switch):
    after: Share


class Clocks(Section):
    on: bool
    spell_days: Annotated[float, Field(gt=0)]
    slightly_ahead_rate: Share
    slightly_ahead_seconds: Span
    far_ahead_rate: Share
    far_ahead_seconds: Span
    behind_rate: Share
    behind_seconds: Span


class Misbehaviours(Section):
    bot_ring: BotRing
    retries: Retries
    late: Delay
    disorder: Delay
    clocks: Clocks
    renamed_field: NewVersion
    changed_type: NewVersion
    extra_fields: Switch
    malformed_json: Switch
    missing_fields: Switch
    null_fields: Switch
    wrong_types: Switch
    unknown_types: Switch
    unknown_versions: Switch
    bad_event_times: Switch
    bad_event_ids: Switch


class Scenario(Section):
    """Everything that the simulator goes by."""

    seed: Annotated[int, Field(ge=0)]
    start: date
    days: Count
    events: Count
    log_partitions: Count
    creators: Creators
    viewers: Viewers
    campaigns: Campaigns
    disputes: Disputes
    misbehaviours: Misbehaviours

    @model_validator(mode="after")
    def _has_a_paying_campaign(self) -> Self:
        if self.campaigns.free >= self.campaigns.count:
            raise ValueError("`campaigns.free` must be below `campaigns.count`, or nothing is ever billed")
        return self

    @property
    def start_us(self) -> int:
        """Start of the first day, microseconds since 1970."""
        return int(datetime.combine(self.start, time(), UTC).timestamp()) * SECOND

    @property
    def end_us(self) -> int:
        return self.start_us + self.days * DAY

    @property
    def arrival_days(self) -> list[date]:
        return [self.start + timedelta(days=number) for number in range(self.days)]

    def random(self, step: str) -> np.random.Generator:
        """The step's own random numbers, so that switching one step off leaves the others as they were."""
        return np.random.default_rng([self.seed, zlib.crc32(step.encode())])

    def scaled(self, *, events: int, days: int | None = None, seed: int | None = None) -> "Scenario":
        """The same life with fewer people: about so many events, in so many days."""
        days = days or self.days
        ratio = (events / days) / (self.events / self.days)
        viewers = max(25, round(self.viewers.count * ratio))
        creators = min(self.creators.count, max(6, round(self.creators.count * ratio**0.5)))
        return self.model_copy(
            update={
                "seed": self.seed if seed is None else seed,
                "days": days,
                "events": events,
                "viewers": self.viewers.model_copy(update={"count": viewers}),
                "creators": self.creators.model_copy(update={"count": creators}),
            }
        )

    def behaving(self, *, but: tuple[str, ...] = ()) -> "Scenario":
        """The same scenario with every misbehaviour switched off, but those that `but` names."""
        switches = {
            name: getattr(self.misbehaviours, name).model_copy(update={"on": False})
            for name in Misbehaviours.model_fields
            if name not in but
        }
        return self.model_copy(update={"misbehaviours": self.misbehaviours.model_copy(update=switches)})


def read_scenario(path: Path | str) -> Scenario:
    """The scenario in the TOML file at `path`. Raises ConfigurationError when it is missing, unreadable or does not fit."""
    path = Path(path)
    advice = (
        "Nothing was simulated. Every knob is explained in `samples/livestream.toml`; correct the file with `$EDITOR"
    )
    try:
        return Scenario.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError(
            f"The scenario `{path}` cannot be read: {error.strerror}. Nothing was simulated. "
            "Name another with `export ASSAY_EVENTS=samples/livestream.toml`."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The scenario `{path}` is not TOML: {error}. {advice} {path}`.") from error
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        what = (
            "is not a knob of a scenario" if problem["type"] == "extra_forbidden" else f"does not fit: {problem['msg']}"
        )
        raise ConfigurationError(f"In the scenario `{path}`, `{place}` {what}. {advice} {path}`.") from error
