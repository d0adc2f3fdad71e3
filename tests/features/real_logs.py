"""Real data of other projects as logs of our own events, a JSONL file a day: what it means is theirs, its dates are dirty."""

import csv
import gzip
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

DATA = os.environ.get("ASSAY_SHARED_DATA")
WIKI_DAY = date(2015, 9, 12)
# The contract of a heartbeat and of a chat message names these; what else an edit says is kept as unknown fields.
RENAMED = {"page": "stream_id", "user": "viewer_id", "channel": "creator_id", "time": "event_ts"}


def real(name: str) -> Path:
    """The folder of a data set; skips where it is not there."""
    found = [path for path in (Path(DATA) / "dev" / name, Path(DATA) / name) if path.is_dir()] if DATA else []
    if not found:
        pytest.skip(f"{name}: set ASSAY_SHARED_DATA to the folder that holds it")
    return found[0]


def wikiticker(folder: Path) -> int:
    """Edits of Wikipedia as viewers of a page, the date-shifted rows at their place in the stream: how many there are.

    They arrive when the real stream was there, whatever their own clock says.
    """
    source = real("wikiticker")
    with gzip.open(source / "wikiticker-2015-09-12.jsonl.gz", "rt", encoding="utf-8") as lines:
        edits = [json.loads(line) for line in lines]
    shifted = [json.loads(line) for line in (source / "date_shifted_rows.jsonl").open(encoding="utf-8")]
    events = [_edit(number, edit) for number, edit in enumerate([*shifted, *edits])]
    write_day(folder, WIKI_DAY, "edits", events)
    return len(events)


def _edit(number: int, edit: dict[str, Any]) -> dict[str, Any]:
    time_of_day = edit["time"].partition("T")[2]
    article = edit["namespace"] == "Main"
    return {
        "event_id": f"edit-{number:05}",
        "event_type": "viewer_heartbeat" if article else "chat_message",
        "schema_version": 1,
        "available_at": f"{WIKI_DAY.isoformat()}T{time_of_day}",
        **({"bitrate_kbps": 1} if article else {"characters": len(edit["comment"])}),
        **{RENAMED.get(name, name): value for name, value in edit.items()},
    }


def chronon(folder: Path) -> dict[str, int]:
    """Purchases as impressions, returns and checkouts as disputes, each in the folder of its `ds`: how many of each."""
    counted: dict[str, int] = {}
    for name in ("purchases", "returns", "checkouts"):
        with (real("chronon_sample") / f"{name}.csv").open(newline="") as file:
            rows = sorted(csv.DictReader(file), key=lambda row: row["ds"])
        counted[name] = len(rows)
        for day, of_day in groupby(rows, key=lambda row: row["ds"]):
            write_day(folder, date.fromisoformat(day), name, [_bought(name, row) for row in of_day])
    return counted


def _bought(name: str, row: dict[str, str]) -> dict[str, Any]:
    event_ts = datetime.fromtimestamp(int(row["ts"]) / 1000, UTC).isoformat()
    if name == "purchases":
        kind = {
            "event_id": row["purchase_id"], "event_type": "ad_impression", "viewer_id": row["user_id"],
            "stream_id": row["product_id"], "creator_id": row["product_id"],
            "price_micros": int(row["purchase_price"]) * 1_000_000,
        }  # fmt: skip
    else:
        kind = {
            "event_id": f"{name}-{row['return_id']}", "event_type": "impression_disputed",
            "impression_id": row["return_id"], "reason": name, "refund_amt": int(row["refund_amt"]),
        }  # fmt: skip
    return {"schema_version": 1, "event_ts": event_ts, "campaign_id": row["product_id"], **kind}


def write_day(folder: Path, day: date, log_partition: str, events: Iterable[dict[str, Any]]) -> None:
    path = folder / day.isoformat() / f"{log_partition}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in _lines(events)), encoding="utf-8")


def _lines(events: Iterable[dict[str, Any]]) -> Iterator[str]:
    return (json.dumps(event, ensure_ascii=False) for event in events)
