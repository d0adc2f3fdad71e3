"""Running the event stages in tests: a folder of logged events, land and type by hand, what stands as Python rows."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.events.bronze import EventsReport, land_events
from assay.events.silver import TypingReport, type_events
from assay.quality.expectations import Suite
from assay.quality.runner import Outcome, Validation
from assay.schema import Table
from assay.settings import Settings
from assay.warehouse import engine
from assay.workspace import Run, Workspace

Event = dict[str, Any]
Lines = Iterable[Event | str | bytes]
STARTED = datetime(2026, 11, 20, 8, tzinfo=UTC)


def day(number: int) -> date:
    """The nth of the month in which every test happens."""
    return date(2026, 11, number)


def heartbeat(number: int, **changes: Any) -> Event:
    """A heartbeat of the first of November that keeps its contract, with other or, by `...`, without fields."""
    event = {
        "event_id": f"e{number}",
        "event_type": "viewer_heartbeat",
        "schema_version": 1,
        "event_ts": f"2026-11-01T10:{number // 60 % 60:02}:{number % 60:02}.000001Z",
        "viewer_id": f"v{number % 7}",
        "stream_id": "s1",
        "creator_id": "c1",
        "bitrate_kbps": 3_000 + number,
    }
    return {name: value for name, value in {**event, **changes}.items() if value is not ...}


def impression(number: int, **changes: Any) -> Event:
    """An ad impression by version 2 of its contract."""
    fields = {"event_type": "ad_impression", "schema_version": 2, "campaign_id": "k1", "price": "0.012345"}
    return heartbeat(number, bitrate_kbps=..., **{**fields, **changes})


def put(folder: Path, files: Mapping[str, Lines]) -> None:
    """Write JSONL files into a day's folder; bytes and text go in as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        data = b"".join(_line(line) + b"\n" for line in lines)
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def _line(line: Event | str | bytes) -> bytes:
    text = json.dumps(line) if isinstance(line, dict) else line
    return text if isinstance(text, bytes) else text.encode()


def content(suite: Suite, rows: pa.Table) -> Validation:
    """A judge that finds nothing, for tests that are not about values: Great Expectations takes .25 s a batch."""
    return Validation(tuple(Outcome(name, True, rows.num_rows, 0, 0.0, (), 0.0) for name in suite.names), {})


@dataclass(frozen=True)
class EventRuns:
    """The event stages over the folder `log`, a home in the same place."""

    settings: Settings

    @classmethod
    def at(cls, place: Path, **settings: Any) -> "EventRuns":
        values = {"events": str(place / "log"), **settings}
        return cls(Settings(home=place / "home", _env_file=None, **values))  # pyright: ignore[reportCallIssue]

    @property
    def log(self) -> Path:
        return Path(str(self.settings.events))

    def workspace(self, run_id: str = "run") -> Workspace:
        return Workspace(self.settings, Run(run_id, STARTED))

    def put(self, number: int, files: Mapping[str, Lines]) -> None:
        put(self.log / day(number).isoformat(), files)

    def land(self, number: int) -> EventsReport:
        report = land_events(self.workspace(), day(number))
        assert report
        return report

    def type(self, number: int) -> TypingReport:
        with engine() as connection:
            report = type_events(self.workspace(), connection, day(number))
        assert report
        assert report.taken == report.emitted + report.quarantined
        return report

    def run(self, *numbers: int) -> list[TypingReport]:
        for number in numbers:
            self.land(number)
        return [self.type(number) for number in numbers]

    def read(self, table: Table, **where: object) -> list[dict[str, Any]]:
        return self.workspace().lake.read(table, where=where).to_pylist()

    def versions(self, *tables: Table) -> list[int | None]:
        return [self.workspace().lake.version(table) for table in tables]
