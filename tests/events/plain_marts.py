"""Every mart of the events half by brute force from the text of the log, one record after the other: the slow oracle.

It shares nothing with the simulator, nor with the SQL: what `Simulation.truth` says from the inside, this says from the
outside.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

Row = dict[str, Any]

WATCHING = {"viewer_id": str, "stream_id": str, "creator_id": str}
AD = {**WATCHING, "campaign_id": str}
CONTRACTS: Mapping[str, Mapping[int, Mapping[str, type]]] = {
    "stream_started": {1: {"stream_id": str, "creator_id": str, "category": str, "title": str}},
    "stream_ended": {1: {"stream_id": str, "creator_id": str}},
    "viewer_heartbeat": {
        1: {**WATCHING, "bitrate_kbps": int},
        2: {**WATCHING, "video_kbps": int, "device": str},
    },
    "chat_message": {1: {**WATCHING, "characters": int}},
    "ad_impression": {1: {**AD, "price_micros": int}, 2: {**AD, "price": str}},
    "ad_click": {1: {**AD, "impression_id": str}},
    "creator_updated": {
        1: {"creator_id": str, "display_name": str, "category": str, "tier": str, "country": str, "is_active": bool}
    },
    "impression_disputed": {1: {"impression_id": str, "campaign_id": str, "reason": str}},
}


@dataclass(frozen=True)
class PlainMarts:
    """Rows per mart, and the number of refused records per reason."""

    quarantined: dict[str, int]
    marts: dict[str, list[Row]]


def plain_marts(
    log: pa.Table, until: date | None = None, *, event_skew_seconds: float = 300, invoice_time_zone: str = "UTC"
) -> PlainMarts:
    """The marts of the records of `log` that arrived up to and with the day `until`."""
    quarantined: dict[str, int] = defaultdict(int)
    kept: dict[tuple[str, date], Row] = {}
    records = sorted(log.to_pylist(), key=lambda one: (one["available_at"], one["log_partition"], one["offset"]))
    for record in records:
        arrived = record["available_at"].astimezone(UTC)
        if until is not None and arrived.date() > until:
            continue
        reason, event = judged(record["event"], arrived, event_skew_seconds)
        if reason is not None:
            quarantined[reason] += 1
            continue
        raw = event["event_ts"]
        order = (arrived, record["log_partition"], record["offset"])
        clamped = min(raw, arrived)
        event.update(event_ts=clamped, event_day=clamped.date(), available_at=arrived, order=order)
        kept.setdefault((event["event_id"], raw.date()), event)
    by_type: dict[str, list[Row]] = defaultdict(list)
    for event in kept.values():
        by_type[event["event_type"]].append(event)
    billable = _billable(by_type["ad_impression"], ZoneInfo(invoice_time_zone))
    return PlainMarts(
        dict(quarantined),
        {
            "events": [_only(event, "event_id", "event_type", "event_ts", "event_day") for event in kept.values()],
            "viewer_sessions": _sessions(by_type["viewer_heartbeat"]),
            "dim_creators": _creators(by_type["creator_updated"]),
            "top_streams_by_category": _top_streams(by_type["viewer_heartbeat"], by_type["stream_started"]),
            "impressions_daily": _daily(by_type["ad_impression"], by_type["ad_click"]),
            "billable_impressions": billable,
            "expected_invoice": _invoice(billable),
            "impression_labels": _labels(by_type, max((event["event_day"] for event in kept.values()), default=None)),
        },
    )


def judged(text: str, arrived: datetime, event_skew_seconds: float) -> tuple[str | None, Row]:
    """Why a record is refused, None when it is not, and the event with its time and its price in micros."""
    try:
        event: Row = json.loads(text)
    except ValueError:
        return "malformed_json", {}
    if event["event_type"] not in CONTRACTS:
        return "unknown_event_type", {}
    if event["schema_version"] not in CONTRACTS[event["event_type"]]:
        return "unknown_schema_version", {}
    if event["event_id"] == "":
        return "bad_event_id", {}
    try:
        event["event_ts"] = datetime.fromisoformat(event["event_ts"])
    except ValueError:
        return "bad_event_time", {}
    for name, kind in CONTRACTS[event["event_type"]][event["schema_version"]].items():
        if name not in event:
            return "missing_field", {}
        if event[name] is None:
            return "null_field", {}
        if type(event[name]) is not kind:
            return "wrong_type", {}
    if event["event_ts"] - arrived > timedelta(seconds=event_skew_seconds):
        return "clock_skew", {}
    if "price" in event:
        whole, _, fraction = event["price"].partition(".")
        event["price_micros"] = int(whole) * 10**6 + int(fraction.ljust(6, "0"))
    return None, event


def _only(row: Row, *names: str) -> Row:
    return {name: row[name] for name in names}


def _grouped(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return groups


def _sessions(beats: list[Row]) -> list[Row]:
    sessions: list[Row] = []
    for (viewer, stream), group in _grouped(beats, "viewer_id", "stream_id").items():
        number = 0
        for beat in sorted(group, key=lambda one: one["event_ts"]):
            end = beat["event_ts"] + timedelta(seconds=10)
            if number and beat["event_ts"] - sessions[-1]["ended_at"] <= timedelta(seconds=50):
                sessions[-1].update(ended_at=end, heartbeats=sessions[-1]["heartbeats"] + 1)
                continue
            number += 1
            sessions.append(
                {
                    "viewer_id": viewer,
                    "stream_id": stream,
                    "creator_id": beat["creator_id"],
                    "session_number": number,
                    "started_at": beat["event_ts"],
                    "ended_at": end,
                    "heartbeats": 1,
                    "event_day": beat["event_day"],
                }
            )
    return sessions


def _creators(updates: list[Row]) -> list[Row]:
    rows: list[Row] = []
    names = ("display_name", "category", "tier", "country", "is_active")
    for (creator,), group in _grouped(updates, "creator_id").items():
        career: list[Row] = []
        for (event_ts,), rivals in sorted(_grouped(group, "event_ts").items()):
            winner = max(rivals, key=lambda one: one["order"])
            values = _only(winner, *names)
            if career and _only(career[-1], *names) == values:
                continue
            if career:
                career[-1].update(valid_to=event_ts, is_current=False)
            career.append(
                {
                    "creator_id": creator,
                    "valid_from": event_ts,
                    "valid_to": None,
                    "is_current": True,
                    **values,
                    "available_at": winner["available_at"],
                }
            )
        rows.extend(career)
    return rows


def _top_streams(beats: list[Row], started: list[Row]) -> list[Row]:
    categories = {event["stream_id"]: event["category"] for event in started}
    boards: dict[tuple[date, str], list[Row]] = defaultdict(list)
    for (day, stream), group in _grouped(beats, "event_day", "stream_id").items():
        category = categories.get(stream, "unknown")
        boards[day, category].append(
            {
                "event_day": day,
                "category": category,
                "stream_id": stream,
                "creator_id": group[0]["creator_id"],
                "viewer_minutes": len(group) * 10 / 60,
                "viewers": len({beat["viewer_id"] for beat in group}),
            }
        )
    return [
        {**row, "rank": rank}
        for board in boards.values()
        for rank, row in enumerate(sorted(board, key=lambda one: (-one["viewer_minutes"], one["stream_id"]))[:3], 1)
    ]


def _daily(shown: list[Row], clicked: list[Row]) -> list[Row]:
    counts: dict[tuple[Any, ...], Row] = defaultdict(
        lambda: {"impressions": 0, "clicks": 0, "late_impressions": 0, "amount_micros": 0}
    )
    keys = ("event_day", "campaign_id", "creator_id")
    for event in shown:
        line = counts[tuple(event[key] for key in keys)]
        line["impressions"] += 1
        line["late_impressions"] += event["available_at"].date() > event["event_day"]
        line["amount_micros"] += event["price_micros"]
    for event in clicked:
        counts[tuple(event[key] for key in keys)]["clicks"] += 1
    return [{**dict(zip(keys, key, strict=True)), **line} for key, line in counts.items()]


def _billable(shown: list[Row], zone: ZoneInfo) -> list[Row]:
    return [
        {
            "impression_id": event["event_id"],
            **_only(event, "campaign_id", "creator_id", "viewer_id", "event_ts", "event_day", "price_micros"),
            "invoice_period": event["event_ts"].astimezone(zone).strftime("%Y-%m"),
        }
        for event in shown
        if event["price_micros"] > 0
    ]


def _invoice(billable: list[Row]) -> list[Row]:
    return [
        {
            "invoice_period": period,
            "campaign_id": campaign,
            "impressions": len(group),
            "amount_micros": sum(event["price_micros"] for event in group),
        }
        for (period, campaign), group in _grouped(billable, "invoice_period", "campaign_id").items()
    ]


def _labels(by_type: Mapping[str, list[Row]], newest: date | None) -> list[Row]:
    disputed = {event["impression_id"]: event["available_at"] for event in by_type["impression_disputed"]}
    return [
        {
            "impression_id": event["event_id"],
            **_only(event, "viewer_id", "creator_id", "campaign_id", "event_day"),
            "label_ts": event["event_ts"],
            "is_disputed": event["event_id"] in disputed,
            "disputed_at": disputed.get(event["event_id"]),
        }
        for event in by_type["ad_impression"]
        if newest and event["event_day"] <= newest - timedelta(days=3)
    ]
