"""What arrived on a day: from the log of a simulated scenario, or from a folder of logged events of your own.

    samples/livestream.toml            a scenario; the simulator writes its log once
    /data/events                       a folder per UTC day of arrival, `/data/events/2026-11-01/...`
    s3://logs/{day}/live/*.jsonl.gz    the same under any fsspec URI, with the place of the day and a glob

Each file of a day is a log partition, called as the file without its ending. A line of `.jsonl` or `.jsonl.gz` is an event,
its number its offset. A `.parquet` has a column `event` of JSON texts, or a column per field of flat events, in which null
stands for a field that the event does not have; columns `log_partition` with `offset` are taken over.

`available_at`, in the event or as a column, says when the record was appended to the log. Without it a record counts as
arrived at the last microsecond of its folder's day, so that no feature can know it too early. So does one whose
`available_at` is no time or lies on another day; its contract then refuses it as `bad_available_at`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Literal

import fsspec
import pyarrow as pa
import pyarrow.compute
from fsspec.utils import glob_translate

from assay.documents.listings import entries_under, folder_names
from assay.errors import ConfigurationError, SourceError
from assay.event_tables import LogRow
from assay.events.log_files import EMPTY_LOG, ENDINGS, read_log_file
from assay.schema import table_of
from assay.settings import Settings, folder_source
from assay.warehouse import engine, query, to_table

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

DAY = "{day}"
LOG = table_of(LogRow)


@dataclass(frozen=True)
class EventSource:
    """Where events come from. `place` is the scenario's file, or the folder of a day with `{day}` in it."""

    name: str
    kind: Literal["scenario", "folder"]
    place: str
    pattern: str = "**"

    def folder_of(self, day: date) -> str:
        return self.place.replace(DAY, day.isoformat())


def event_source(settings: Settings) -> EventSource | None:
    """The source that settings name; None while the events half is switched off.

    Raises ConfigurationError for a place in which no day can be told.
    """
    if settings.events is None:
        return None
    if settings.events.endswith(".toml"):
        return EventSource(_slug(Path(settings.events).stem), "scenario", settings.events)
    before_wildcards, *rest = re.split(r"[*?\[]", settings.events, maxsplit=1)
    has_day = before_wildcards.split("/").count(DAY) == 1 and settings.events.count(DAY) == 1
    if not has_day and (rest or DAY in settings.events):
        raise ConfigurationError(
            f"`ASSAY_EVENTS={settings.events}` does not say which folder is a day's. Nothing was run. Give the folder that "
            "holds a folder per UTC day, such as `/data/events`, or its place with one `{day}` before any wildcard, such as "
            "`/data/{day}/*.jsonl`."
        )
    source = folder_source(settings.events)
    place, *pattern = re.split(r"/(?=[^/]*[*?\[])", source.uri, maxsplit=1)
    return EventSource(source.name, "folder", place if has_day else f"{place.rstrip('/')}/{DAY}", *pattern)


def arrival_days(settings: Settings) -> list[date]:
    """The UTC days on which something may have arrived, in order; none while the events half is switched off.

    Raises SourceError for a place that is not there: taken for an empty one, it would be silent.
    """
    source = event_source(settings)
    if source is None:
        return []
    if source.kind == "scenario":
        names = [path.stem for path in scenario_folder(settings).glob("*.parquet")]
    else:
        parent = source.place.partition(DAY)[0]
        names = folder_names(parent)
        if not names:
            entries_under(parent)
    return sorted(day for name in names if (day := _day(name)))


def read_arrivals(settings: Settings, day: date) -> pa.Table:
    """The records that arrived on a day, as rows of bronze/events; none for a day without a log.

    Raises SourceError for a file that cannot be read or is no log, and for two records in one place: what arrived on the
    day cannot be told then.
    """
    source = event_source(settings)
    if source is None or day not in arrival_days(settings):
        return LOG.empty()
    if source.kind == "scenario":
        log = read_log_file(fsspec.filesystem("file"), str(scenario_folder(settings) / f"{day}.parquet"), "")
    else:
        log = _read_folder(source, day)
    parameters = {"source": source.name, "day": day, "end_of_day": datetime.combine(day, time.max, UTC)}
    with engine({"log": log}) as connection:
        rows = to_table(LOG, query(connection, "assay.events", "arrivals.sql", parameters))
    places = rows.group_by(["log_partition", "offset"]).aggregate([([], "count_all")])
    if doubled := places.filter(pc.greater(places["count_all"], 1)).to_pylist():
        first = f"offset {doubled[0]['offset']} of log partition `{doubled[0]['log_partition']}`"
        raise SourceError(
            f"{len(doubled)} places in the log of {day} hold several records, such as {first}. Nothing of the day was "
            f"written; what was stored stands. Look into `{source.folder_of(day)}`: two files may share a name but for their "
            "ending. Rename one, then run this again."
        )
    return rows


def log_state(settings: Settings, day: date) -> list[tuple[str, str]]:
    """The files of a day's log, each with what its place tells of it without reading: other records, another state."""
    source = event_source(settings)
    if source is None or day not in arrival_days(settings):
        return []
    place = scenario_folder(settings) / f"{day}.parquet" if source.kind == "scenario" else source.folder_of(day)
    told = ("size", "mtime", "ETag", "etag", "LastModified", "last_modified", "updated", "created")
    entries = entries_under(str(place))
    return sorted((name, repr([str(entry.get(one)) for one in told])) for name, entry in entries.items())


def _read_folder(source: EventSource, day: date) -> pa.Table:
    """All files of a day's folder. Hidden ones (`.` or `_` first) and those outside the glob are not part of the log."""
    folder = source.folder_of(day)
    names = sorted(entries_under(folder))
    filesystem, root = fsspec.url_to_fs(folder)
    wanted = re.compile(glob_translate(source.pattern)).match
    parts = [EMPTY_LOG]
    for name in names:
        path = name.removeprefix(root).lstrip("/")
        if any(part.startswith((".", "_")) for part in path.split("/")) or not wanted(path):
            continue
        ending = next((one for one in ENDINGS if path.endswith(one)), None)
        if ending is None:
            raise SourceError(
                f"`{name}` is no log: it ends in none of {', '.join(f'`{one}`' for one in ENDINGS)}. Nothing of {day} was "
                "written; what was stored stands. Move it elsewhere, or leave it out by a glob in `ASSAY_EVENTS`, then run "
                "this again."
            )
        parts.append(read_log_file(filesystem, name, path.removesuffix(ending)))
    return pa.concat_tables(parts)


def scenario_folder(settings: Settings) -> Path:
    """The folder of the scenario's log, a file per day; its name is the scenario's hash."""
    from assay.events.simulator import scenario_log  # it draws with numpy; whoever only reads need not load it

    return scenario_log(settings)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "events"


def _day(name: str) -> date | None:
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None  # `20261101` is a day too, but not the folder that is looked for
