"""timelines/*: the compiled timeline of every feature view, kept in the lake and brought up to date from what changed.

A timeline follows from its log alone. What became known before a moment decides what was served before it, so a change
to some days of a log leaves everything before the first of them as it stands; from there on, the keys that those days
name are compiled again, and only the days on which they come out otherwise are written.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.dataset as ds

from assay.built_from import inputs_of, remember
from assay.errors import NotReady, StorageError
from assay.features.entity_keys import UNKNOWN, EntityKeys, key_column
from assay.features.registry import FeatureView
from assay.features.timeline import Timeline
from assay.lake import Lake
from assay.locks import exclusive
from assay.schema import TIMESTAMP, Table
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them


@dataclass(frozen=True)
class TimelineReport:
    """What bringing a view's timeline up to date did.

    `rows` stand in it; `changed_days` of the log were taken in, `changed_keys` compiled, and `is_changed` says whether
    that made any difference.
    """

    view: str
    rows: int
    changed_days: int
    changed_keys: int
    is_changed: bool


def timeline_table(view: FeatureView) -> Table:
    """The lake's table of a view's timeline: the rows of its log that were ever served, and from when on."""
    said = [field for field in view.table.schema if field.name not in (*view.entity, "day")]
    return Table(
        name=f"timelines/{view.name}",
        description=f"What `{view.name}` answers, and from when on: its log, compiled.",
        key=(*view.entity, "valid_from"),
        partition_by=("day",),
        schema=pa.schema(
            [
                *(view.table.schema.field(name) for name in view.entity),
                _column(
                    "valid_from", TIMESTAMP, "From when on this row is the answer (UTC): until its key's next row."
                ),
                *said,
                _column("day", pa.date32(), "UTC day of `valid_from`."),
            ]
        ),
    )


def update_timelines(workspace: Workspace, views: Iterable[FeatureView]) -> list[TimelineReport]:
    """Bring the stored timeline of every view up to date with its log, in one commit a view; no commit where it is.

    A view whose log was not written yet is left out.
    """
    with exclusive(workspace.settings.locks_path / "timelines.lock"):
        found = [(view, workspace.lake.version(view.table)) for view in views]
        return [_update(workspace, view, version) for view, version in found if version is not None]


def load_timeline(
    workspace: Workspace,
    view: FeatureView,
    *,
    versions: Mapping[str, int | None] | None = None,
    with_log: bool = False,
) -> Timeline:
    """The view's timeline, of its log at the version that `versions` names or as it stands; nothing is written.

    Read from the stored one where that was made of this version, else compiled here. `with_log` keeps the rows that were
    never served as well, which `as_known` needs. Raises NotReady before the log's first write, StorageError when the
    version is gone.
    """
    wanted = (versions or {}).get(view.table.name)
    if wanted is None:
        wanted = log_version(workspace, view)
    stored = None if with_log else stored_version(workspace, view, wanted)
    if stored is not None:
        with suppress(StorageError):  # its old files may be gone where those of the log are not
            return compiled(view, workspace.lake.read(timeline_table(view), version=stored))
    return compiled(view, workspace.lake.read(view.table, version=wanted))


def stored_version(workspace: Workspace, view: FeatureView, version: int) -> int | None:
    """The version of the stored timeline that was made of the view's log at this version; None where it was not."""
    name = timeline_table(view).name
    made_of = inputs_of(workspace, name)
    return made_of.get(name) if made_of.get(view.table.name) == version else None


def log_version(workspace: Workspace, view: FeatureView) -> int:
    """The standing version of a view's log. Raises NotReady before its first write."""
    version = workspace.lake.version(view.table)
    if version is None:
        raise NotReady(
            f"`{view.table.name}` was not built yet, so nothing is known of `{view.name}`. Nothing was written. "
            "Build it with `assay demo`."
        )
    return version


def compiled(view: FeatureView, rows: pa.Table, values: Iterable[str] | None = None) -> Timeline:
    """The timeline of a view's log, or of what a timeline of it holds; of all its values, or of those named."""
    return Timeline.compile(
        rows, entity=view.entity, values=view.value_names if values is None else tuple(values), ttl=view.ttl
    )


def timeline_rows(view: FeatureView, log: pa.Table) -> pa.Table:
    """The rows of `timelines/<view>` that follow from a log, in its order."""
    table = timeline_table(view)
    given = {*view.entity, "valid_from", "event_ts", "available_at", "seq", "is_deleted", "day"}
    rows = compiled(view, log, [name for name in table.schema.names if name not in given]).rows
    rows = rows.append_column("day", rows["valid_from"].cast(pa.timestamp("us", "UTC")).cast(pa.date32()))
    return rows.select(table.schema.names).cast(table.schema)


def keys_in(view: FeatureView, rows: pa.Table) -> list[pa.Array]:
    """The key columns of a view's rows, as `EntityKeys` takes them."""
    return [key_column(rows[name], name, f"`{view.table.name}`") for name in view.entity]


def _update(workspace: Workspace, view: FeatureView, version: int) -> TimelineReport:
    lake, table = workspace.lake, timeline_table(view)
    made_of, stands = inputs_of(workspace, table.name), lake.version(table)
    if made_of == {view.table.name: version, table.name: stands}:
        return TimelineReport(view.name, lake.dataset(table).count_rows(), 0, 0, is_changed=False)
    now = _files_by_day(lake, view.table, version)
    before = _files_before(lake, view.table, made_of.get(view.table.name)) if made_of.get(table.name) == stands else {}
    changed = {day for day in now.keys() | before.keys() if now.get(day) != before.get(day)}
    standing = lake.read(table)
    if not before:  # never compiled, by somebody else, or of a version that is gone: all of it is made anew
        changed |= set(standing["day"].to_pylist())
    if not changed:
        remember(workspace, table.name, {view.table.name: version, table.name: stands})
        return TimelineReport(view.name, standing.num_rows, 0, 0, is_changed=False)
    first = min(changed)
    log = lake.read(view.table, version=version, where={"day": [day for day in now if day >= first]})
    since, keys = _since(view, first, changed, log, standing)
    days = {*since["day"].to_pylist(), *(day for day in standing["day"].unique().to_pylist() if day >= first)}
    commit = lake.replace_partition(table, since, partitions={"day": sorted(days)}) if days else None
    remember(workspace, table.name, {view.table.name: version, table.name: lake.version(table)})
    return TimelineReport(
        view=view.name,
        rows=since.num_rows + standing.filter(pc.field("day") < first).num_rows,
        changed_days=len(changed),
        changed_keys=keys,
        is_changed=commit is not None and commit.changed,
    )


def _since(
    view: FeatureView, first: date, changed: set[date], log: pa.Table, standing: pa.Table
) -> tuple[pa.Table, int]:
    """The timeline from the day `first` on, of which some days' rows changed, and how many keys those days name.

    `log` holds its rows of these days. What stood before them says all that the log's earlier rows would.
    """
    days = pa.array(sorted(changed), pa.date32())
    named = [rows.filter(pc.is_in(rows["day"], days)).select(view.entity) for rows in (log, standing)]
    keys, _ = EntityKeys.of(keys_in(view, pa.concat_tables(named)))
    before, after = (standing.filter(condition) for condition in (pc.field("day") < first, pc.field("day") >= first))
    heads = before.filter(_names(view, keys, before)).select(log.column_names)
    compiled = timeline_rows(view, pa.concat_tables([heads, log.filter(_names(view, keys, log))]))
    untouched = after.filter(pc.invert(_names(view, keys, after)))
    return pa.concat_tables([untouched, compiled.filter(pc.field("day") >= first)]), len(keys)


def _names(view: FeatureView, keys: EntityKeys, rows: pa.Table) -> pa.Array:
    """A mask of the rows whose key is one of `keys`."""
    return pa.array(keys.codes(keys_in(view, rows)) != UNKNOWN)


def _files_by_day(lake: Lake, table: Table, version: int) -> dict[date, frozenset[str]]:
    """Which files each day of a log consists of: a day that has others than before was written in between."""
    files: defaultdict[date, set[str]] = defaultdict(set)
    for fragment in lake.dataset(table, version=version).get_fragments():
        files[ds.get_partition_keys(fragment.partition_expression)["day"]].add(fragment.path)
    return {day: frozenset(paths) for day, paths in files.items()}


def _files_before(lake: Lake, table: Table, version: int | None) -> dict[date, frozenset[str]]:
    """The same of the version that was compiled last; nothing where that is gone."""
    if version is not None:
        with suppress(StorageError):
            return _files_by_day(lake, table, version)
    return {}


def _column(name: str, kind: pa.DataType, description: str) -> pa.Field:
    return pa.field(name, kind, nullable=False, metadata={"comment": description})
