"""The marts: tables that dbt makes of the lake in the warehouse file, and that are published back into the lake.

Whoever reads a mart reads the lake. The warehouse file is opened while marts are built and published, under one lock;
deleting it costs one build. A group of marts is the models with its tag; what one group needs does not concern the other.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

import duckdb
import pyarrow as pa

from assay.dbt import NodeResult, build, manifest_of, project_hash
from assay.event_tables import EventDayRow, EventRow, FeatureDriftRow, LogRow
from assay.lake_tables import LAKE_TABLES
from assay.locks import exclusive
from assay.mart_builds import Built, read_built, touched_days, write_built
from assay.model_tables import ModelTable, model_tables, models_of
from assay.published_marts import Prepare, Published, publish
from assay.quality.outcomes import OUTCOMES
from assay.quality.verdicts import VERDICTS
from assay.rows import content_hash
from assay.schema import table_of
from assay.warehouse import SETTINGS
from assay.workspace import Workspace

Group: TypeAlias = Literal["documents", "events"]

EVENTS, EVENT_DAYS = table_of(EventRow), table_of(EventDayRow)
# What is judged of the events, besides their feature views.
EVENT_HALF = frozenset(table_of(one).name for one in (LogRow, EventRow, FeatureDriftRow))


@dataclass(frozen=True)
class MartsReport:
    """What stands after a refresh. `results` are those of the run `built_by`: of this one, unless nothing had changed.

    Per mart: `rows` that stand, `rows_by_day` where it is written by day, and `changed`, how many days or keys differed
    from what stood. `held_back` names the marts that were not published, because a test of theirs failed or dbt left them
    out because of one; `held_back_days` the days of feature views that were not let through. `restated`: the event days
    that were built again, None for all of them.
    """

    was_built: bool
    built_by: str
    built_at: datetime
    results: tuple[NodeResult, ...]
    rows: Mapping[str, int]
    rows_by_day: Mapping[str, Mapping[date, int]]
    changed: Mapping[str, int]
    held_back: tuple[str, ...]
    held_back_days: Mapping[str, tuple[date, ...]]
    restated: tuple[date, ...] | None


def refresh(workspace: Workspace, project: Path, group: Group, *, prepare: Prepare | None = None) -> MartsReport:
    """Build and publish every mart of a group, unless neither the lake nor the project has changed since the last time.

    Incremental models are built for the event days whose arrivals differ from those of the last build, and wholly where
    the warehouse is new or the project was changed. A mart of which a data test fails with severity `error` is not
    published, nor is what dbt leaves out because of it: what stood of them stands.
    Raises AssayError, with nothing published, when dbt could not build or test.
    """
    settings = workspace.settings
    manifest = manifest_of(project, settings.home)
    models = model_tables(manifest, tag=group)
    with exclusive(settings.locks_path / "warehouse.lock"):
        now, versions, variables = _present(workspace, project, manifest, group)
        last = read_built(settings.home, group)
        is_standing = last is not None and last.inputs == now.inputs and _has_relations(workspace, manifest, group)
        if (
            last
            and is_standing
            and last.has_ended
            and last.event_days == now.event_days
            and _stands(workspace, last, models)
            and not any(one.held_back for one in last.published.values())  # another limit may let them through
        ):
            return _report(workspace, models, last, changed={}, was_built=False)
        pending = touched_days(now, last) if last and is_standing else None
        # Days of feature views are prepared anew by another project, for it may be another logic.
        is_same_project = last is not None and last.inputs["project"] == now.inputs["project"]
        begun = replace(
            now,
            pending=pending,
            published=last.published if last and is_same_project else {},
            skew_seconds=max(now.skew_seconds, last.skew_seconds if last else 0.0),
        )
        write_built(settings.home, group, begun)
        if variables:
            variables["touched_event_days"] = None if pending is None else [day.isoformat() for day in pending]
        results = build(
            project, settings.home, tag=group, versions=versions, variables=variables, full_refresh=pending is None
        )
        published, changed = _publish(workspace, models, _held_back(models, results), begun.published, prepare)
        if all(result.status != "skipped" for result in results):
            pending = ()
        built = replace(begun, pending=pending, published=published, results=tuple(results), has_ended=True)
        write_built(settings.home, group, built)
    return _report(workspace, models, built, changed=changed, was_built=True, restated=begun.pending)


def _present(
    workspace: Workspace, project: Path, manifest: Mapping[str, Any], group: Group
) -> tuple[Built, dict[str, int | None], dict[str, Any]]:
    """What a build would be made of now, the versions of the lake it would read, and the variables it would be given."""
    sources = _sources(manifest, group)
    # dbt reads these very versions: another run may commit in between, and is built the next time. The digests come
    # before the events that they are of, so that a commit between the two is seen as a change then.
    versions = {name: workspace.lake.version(LAKE_TABLES[name]) for name in [EVENT_DAYS.name, *sorted(sources)]}
    by_digest = sources & {EVENTS.name, EVENT_DAYS.name}
    variables: dict[str, Any] = {"invoice_time_zone": workspace.settings.invoice_time_zone} if by_digest else {}
    judged = sources & {OUTCOMES.name, VERDICTS.name}
    inputs = {
        "project": project_hash(project),
        **variables,
        **{name: versions[name] for name in sorted(sources - by_digest - judged)},
        **{name: _judged(workspace.at(versions), name, group) for name in sorted(judged)},
    }
    now = Built(
        inputs=inputs,
        event_days=_event_days(workspace.at(versions)) if by_digest else {},
        pending=None,
        published={},
        run_id=workspace.run.run_id,
        built_at=workspace.run.started_at,
        skew_seconds=workspace.settings.event_skew_seconds,
    )
    return now, versions, variables


def _sources(manifest: Mapping[str, Any], group: Group) -> set[str]:
    """The tables of the lake that models of the group, or data tests of theirs, read."""
    ids = {node["unique_id"] for node in models_of(manifest, group)}
    read: set[str] = set()
    for node in manifest["nodes"].values():
        if node["unique_id"] in ids or ids.intersection(node["depends_on"]["nodes"]):
            read.update(one for one in node["depends_on"]["nodes"] if one in manifest["sources"])
    return {manifest["sources"][one]["config"]["meta"]["lake_table"] for one in read}


def _judged(workspace: Workspace, name: str, group: Group) -> str:
    """What was judged of the group's half, as a hash: the other half's runs write to the same table."""
    rows = workspace.lake.read(LAKE_TABLES[name])
    of_events = [table in EVENT_HALF or table.startswith("features/") for table in rows["table_name"].to_pylist()]
    return content_hash(rows.filter(pa.array([one == (group == "events") for one in of_events], pa.bool_())))


def _event_days(workspace: Workspace) -> dict[date, str]:
    """A digest of all that has arrived of each event day, whenever it arrived."""
    arrived: dict[date, list[str]] = {}
    for row in workspace.lake.read(EVENT_DAYS).to_pylist():
        arrived.setdefault(row["event_day"], []).append(f"{row['source']} {row['day']} {row['digest']}")
    return {
        day: hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest() for day, parts in sorted(arrived.items())
    }


def _publish(
    workspace: Workspace,
    models: Mapping[str, ModelTable],
    held_back: Collection[str],
    last: Mapping[str, Published],
    prepare: Prepare | None,
) -> tuple[dict[str, Published], dict[str, int]]:
    """What stands now of every mart, and of how many days or keys of each it was another."""
    published, changed = dict(last), dict[str, int]()
    with closing(duckdb.connect(workspace.settings.warehouse_path, read_only=True, config=SETTINGS)) as warehouse:
        warehouse.execute("SET TimeZone = 'UTC'")
        for name, model in models.items():
            if name not in held_back:
                done = publish(workspace, warehouse, model, last.get(name), prepare)
                published[name], changed[name] = done.published, done.changed
    return published, changed


def _held_back(models: Mapping[str, ModelTable], results: Sequence[NodeResult]) -> tuple[str, ...]:
    """The marts that a failed test reads, and those that dbt left out because of one."""
    failed = {model for result in results if result.status == "fail" for model in result.models}
    failed |= {result.name for result in results if result.status == "skipped" and result.kind == "model"}
    return tuple(name for name, model in models.items() if model.name in failed)


def _report(
    workspace: Workspace,
    models: Mapping[str, ModelTable],
    built: Built,
    *,
    changed: Mapping[str, int],
    was_built: bool,
    restated: tuple[date, ...] | None = (),
) -> MartsReport:
    days = {name: one.days for name, one in built.published.items() if name in models and models[name].day_column}
    return MartsReport(
        was_built=was_built,
        built_by=built.run_id,
        built_at=built.built_at,
        results=built.results,
        rows={name: workspace.lake.dataset(model.table).count_rows() for name, model in models.items()},
        rows_by_day={name: {day: one.rows for day, one in of_days.items()} for name, of_days in days.items()},
        changed={name: changed.get(name, 0) for name in models},
        held_back=_held_back(models, built.results),
        held_back_days={name: one.held_back for name, one in built.published.items() if one.held_back},
        restated=restated,
    )


def _stands(workspace: Workspace, last: Built, models: Mapping[str, ModelTable]) -> bool:
    """Whether nobody else has written what the last build published."""
    return all(
        one.version == workspace.lake.version(models[name].table)
        for name, one in last.published.items()
        if name in models
    )


def _has_relations(workspace: Workspace, manifest: Mapping[str, Any], group: Group) -> bool:
    """Whether the warehouse file has every relation of the group; dbt itself says so when another process has it open."""
    wanted = {(node["schema"], node["name"]) for node in models_of(manifest, group) if _is_relation(node)}
    path = workspace.settings.warehouse_path
    if not path.exists():
        return False
    try:
        with closing(duckdb.connect(path, read_only=True, config=SETTINGS)) as warehouse:
            tables = warehouse.table_function("duckdb_tables").project("schema_name, table_name").fetchall()
    except duckdb.IOException:
        return True
    return wanted <= {*tables}


def _is_relation(node: Mapping[str, Any]) -> bool:
    return node["config"]["materialized"] != "ephemeral"
