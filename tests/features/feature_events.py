"""Random events as silver.events_deduplicated holds them, and what each feature view must say of them, by brute force."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GRACE, LATENCY = timedelta(minutes=10), timedelta(minutes=15)
TIMESTAMP = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("event_id", "event_type")),
        *((name, TIMESTAMP) for name in ("event_ts", "available_at")),
        *((name, pa.date32()) for name in ("event_day", "arrival_day")),
        ("log_partition", pa.string()),
        ("offset", pa.int64()),
        *((name, pa.string()) for name in ("viewer_id", "creator_id", "campaign_id", "impression_id")),
        ("price_micros", pa.int64()),
        *((name, pa.string()) for name in ("category", "tier", "country", "display_name")),
        ("is_active", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Event:
    event_id: str
    event_type: str
    event_ts: datetime
    available_at: datetime
    log_partition: str = "p0"
    offset: int = 0
    viewer_id: str | None = None
    creator_id: str | None = None
    campaign_id: str | None = None
    impression_id: str | None = None
    price_micros: int | None = None
    category: str | None = None
    tier: str | None = None
    country: str | None = None
    display_name: str | None = None
    is_active: bool | None = None

    @property
    def arrival_day(self) -> date:
        return self.available_at.date()


def table(events: Sequence[Event]) -> pa.Table:
    rows = [{**asdict(one), "event_day": one.event_ts.date(), "arrival_day": one.arrival_day} for one in events]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def random_events(random: Random, count: int = 160, days: int = 12) -> list[Event]:
    """Few entities, so that windows empty and fill; many events on the hour, on the grace's edge and days late."""

    def late() -> timedelta:
        exact = [timedelta(0), GRACE, GRACE + timedelta(microseconds=1), HOUR, DAY, 2 * DAY + HOUR]
        return random.choice(
            [*exact, timedelta(seconds=random.random()), timedelta(seconds=random.random() * 3 * 86_400)]
        )

    events: list[Event] = []
    for number in range(count):
        when = START + random.random() * days * DAY
        if random.random() < 0.25:  # on a window's very end
            when = when.replace(minute=0, second=0, microsecond=0)
        kind = random.choice(
            ["viewer_heartbeat", "viewer_heartbeat", "chat_message", "ad_impression", "ad_click", "creator_updated"]
        )
        person = {"viewer_id": f"v{random.randrange(4)}", "creator_id": f"c{random.randrange(3)}"}
        ad = {**person, "campaign_id": f"k{random.randrange(2)}"}
        given: Mapping[str, Mapping[str, Any]] = {
            "viewer_heartbeat": person,
            "chat_message": person,
            "ad_impression": {**ad, "price_micros": random.randrange(5_000)},
            "ad_click": ad,
            "creator_updated": {
                "creator_id": f"c{random.randrange(3)}", "category": random.choice(["games", "music"]), "tier": "basic",
                "country": "DK", "display_name": "x" * random.randint(1, 9), "is_active": random.random() < 0.7,
            },
        }  # fmt: skip
        place = {"log_partition": f"p{random.randrange(2)}", "offset": number}
        arrived = when + late()
        events.append(Event(f"e{number}", kind, when, arrived, **place, **given[kind]))
        if kind == "creator_updated" and random.random() < 0.5:  # another in the same microsecond
            events.append(Event(f"t{number}", kind, when, arrived, "p0", count + number, **given[kind]))
        if kind == "ad_impression" and random.random() < 0.5:
            disputed = max(when + random.choice([-HOUR, timedelta(0), DAY, 3 * DAY]), START)
            events.append(Event(f"d{number}", "impression_disputed", disputed, disputed + DAY + late(),
                                campaign_id=given[kind]["campaign_id"], impression_id=f"e{number}"))  # fmt: skip
    return events


@dataclass(frozen=True)
class Input:
    """An event as a windowed view counts it. `viewer` sees the same window's whole; see `viewer_creator_affinity`."""

    entity: tuple[str, ...]
    event_ts: datetime
    available_at: datetime
    counts: Mapping[str, int]


Sums = Mapping[str, tuple[str, timedelta | None]]


def newest_of(events: Sequence[Event]) -> datetime:
    return max((one.available_at for one in events), default=START)


def windowed(
    inputs: Sequence[Input],
    step: timedelta,
    longest: timedelta,
    sums: Sums,
    newest: datetime,
    whole: Callable[[Input], Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Every row of a log, from its definition: `entity`, the record, and the sums of what was known a latency before.

    `newest` is when the last event of all arrived, counted by the view or not. `whole` groups the entities whose rows are
    corrected together; `inputs` of the row's whole are under `of_whole`.
    """
    group = whole or (lambda one: one.entity)
    members: dict[Any, list[Input]] = defaultdict(list)
    for one in inputs:
        members[group(one)].append(one)
    horizon = newest - GRACE
    for of_whole in members.values():
        end = min(one.event_ts for one in of_whole).replace(minute=0, second=0, microsecond=0, hour=0)
        while end <= horizon:
            yield from _rows_of_window(of_whole, end, step, longest, sums)
            end += step


def _rows_of_window(
    of_whole: list[Input], end: datetime, step: timedelta, longest: timedelta, sums: Sums
) -> Iterator[dict[str, Any]]:
    lasting = {measure for measure, window in sums.values() if window is None}
    alive = [
        one
        for one in of_whole
        if one.event_ts < end
        and (one.event_ts >= end - longest - step or any(one.counts.get(name) for name in lasting))
    ]

    def seq(one: Input) -> int:
        return 0 if one.available_at <= end + GRACE else 1 + (one.available_at.date() - (end + GRACE).date()).days

    for number in sorted({seq(one) for one in alive}):
        newest = max(one.available_at for one in alive if seq(one) <= number)
        known = [one for one in alive if one.available_at <= max(newest, end)]  # and no later arrival leaks in
        for entity in sorted({one.entity for one in known}):
            available_at = max(end, newest) + LATENCY
            yield {
                "entity": entity,
                "event_ts": end,
                "available_at": available_at,
                "seq": number,
                "is_deleted": False,
                "day": available_at.date(),
                **{name: _total(known, entity, end, *said) for name, said in sums.items()},
                "of_whole": sum(
                    _total(known, one, end, *next(iter(sums.values()))) for one in {k.entity for k in known}
                ),
            }


def _total(known: list[Input], entity: tuple[str, ...], end: datetime, measure: str, window: timedelta | None) -> int:
    return sum(
        one.counts.get(measure, 0)
        for one in known
        if one.entity == entity and (window is None or one.event_ts >= end - window)
    )


def inputs_of(events: Sequence[Event], entity: Sequence[str], **measures: str) -> list[Input]:
    """A count of 1 per event under the measure that its type is for; `spend_micros` is summed as well."""
    kinds = {kind: name for name, kind in measures.items()}
    return [
        Input(tuple(getattr(one, name) for name in entity), one.event_ts, one.available_at,
              {kinds[one.event_type]: 1, "spend_micros": one.price_micros or 0})
        for one in events
        if one.event_type in kinds
    ]  # fmt: skip


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def creator_activity(events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    windows = {"1h": HOUR, "24h": DAY, "7d": 7 * DAY}
    inputs = inputs_of(
        events, ["creator_id"], heartbeats="viewer_heartbeat", chat_messages="chat_message", impressions="ad_impression"
    )
    names = ("heartbeats", "chat_messages", "impressions")
    sums = {f"{name}_{suffix}": (name, window) for name in names for suffix, window in windows.items()}
    for row in windowed(inputs, HOUR, 7 * DAY, sums, newest_of(events)):
        for suffix in windows:
            row[f"viewer_minutes_{suffix}"] = row.pop(f"heartbeats_{suffix}") / 6
        yield row


def campaign_pacing(events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    inputs = inputs_of(events, ["campaign_id"], impressions="ad_impression", clicks="ad_click")
    sums: Sums = {
        "spend_micros_1h": ("spend_micros", HOUR),
        "spend_micros_24h": ("spend_micros", DAY),
        "impressions_1h": ("impressions", HOUR),
        "impressions_24h": ("impressions", DAY),
        "clicks_24h": ("clicks", DAY),
    }
    for row in windowed(inputs, HOUR, DAY, sums, newest_of(events)):
        yield {**row, "click_rate_24h": _rate(row["clicks_24h"], row["impressions_24h"])}


def viewer_engagement(events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    inputs = inputs_of(
        events, ["viewer_id"], heartbeats="viewer_heartbeat", chats="chat_message", impressions="ad_impression", clicks="ad_click"
    )  # fmt: skip
    sums: Sums = {
        "minutes_1d": ("heartbeats", DAY),
        "minutes_7d": ("heartbeats", 7 * DAY),
        "chats_7d": ("chats", 7 * DAY),
        "impressions_7d": ("impressions", 7 * DAY),
        "clicks_1d": ("clicks", DAY),
        "clicks_7d": ("clicks", 7 * DAY),
    }
    for row in windowed(inputs, DAY, 7 * DAY, sums, newest_of(events)):
        row["minutes_1d"] /= 6
        row["minutes_7d"] /= 6
        yield {**row, "click_rate_7d": _rate(row["clicks_7d"], row["impressions_7d"])}


def viewer_creator_affinity(events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    inputs = inputs_of(events, ["viewer_id", "creator_id"], heartbeats="viewer_heartbeat", chats="chat_message")
    sums: Sums = {"minutes_7d": ("heartbeats", 7 * DAY), "chats_7d": ("chats", 7 * DAY)}
    for row in windowed(inputs, DAY, 7 * DAY, sums, newest_of(events), whole=lambda one: one.entity[0]):
        share = _rate(row["minutes_7d"], row["of_whole"])
        yield {**row, "minutes_7d": row["minutes_7d"] / 6, "minutes_share_7d": share}


def viewer_disputes(events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    inputs = inputs_of(events, ["viewer_id"], impressions="ad_impression")
    shown = {one.event_id: one for one in events if one.event_type == "ad_impression"}
    for one in events:
        if one.event_type == "impression_disputed" and (of := shown.get(str(one.impression_id))):
            when, known = max(one.event_ts, of.event_ts), max(one.available_at, of.available_at)
            inputs.append(Input((str(of.viewer_id),), when, known, {"disputes": 1}))
    sums: Sums = {
        "disputes_7d": ("disputes", 7 * DAY),
        "impressions_7d": ("impressions", 7 * DAY),
        "disputes_total": ("disputes", None),
    }
    for row in windowed(inputs, DAY, 7 * DAY, sums, newest_of(events)):
        yield {**row, "dispute_rate_7d": _rate(row["disputes_7d"], row["impressions_7d"])}


def creator_profile(events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    earlier: dict[tuple[object, ...], int] = defaultdict(int)
    for one in sorted(events, key=lambda one: (one.log_partition, one.offset)):
        if one.event_type == "creator_updated":
            moment = (one.creator_id, one.event_ts, one.available_at)
            yield {
                "entity": (one.creator_id,), "event_ts": one.event_ts, "available_at": one.available_at,
                "seq": earlier[moment], "is_deleted": not one.is_active, "day": one.arrival_day, "category": one.category,
                "tier": one.tier, "country": one.country, "display_name_characters": len(one.display_name or ""),
            }  # fmt: skip
            earlier[moment] += 1


VIEWS: Mapping[str, tuple[tuple[str, ...], Callable[[Sequence[Event]], Iterator[dict[str, Any]]]]] = {
    "creator_activity": (("creator_id",), creator_activity),
    "campaign_pacing": (("campaign_id",), campaign_pacing),
    "viewer_engagement": (("viewer_id",), viewer_engagement),
    "viewer_creator_affinity": (("viewer_id", "creator_id"), viewer_creator_affinity),
    "viewer_disputes": (("viewer_id",), viewer_disputes),
    "creator_profile": (("creator_id",), creator_profile),
}


def expected(view: str, events: Sequence[Event]) -> list[dict[str, Any]]:
    """The rows of a view's log by column name, sorted."""
    entity, rows = VIEWS[view]
    named = [{**dict(zip(entity, row.pop("entity"), strict=True)), **row} for row in rows(events)]
    return in_order([{name: value for name, value in row.items() if name != "of_whole"} for row in named])


def in_order(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with their columns and themselves sorted."""
    told = [dict(sorted(row.items())) for row in rows]
    return sorted(told, key=lambda row: [str(value) for value in row.values()])
