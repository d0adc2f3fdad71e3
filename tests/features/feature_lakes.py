"""Feature logs in a lake: two small views, days of random rows, and labels."""

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from command_runs import CHECKOUT

from assay.dbt import manifest_of
from assay.features.registry import FeatureValue, FeatureView, registry
from assay.marts import refresh
from assay.model_tables import ModelTable
from assay.quality.expectations import Suite
from assay.quality.runner import Outcome, Validation
from assay.schema import TIMESTAMP, Table
from assay.settings import Settings
from assay.workspace import Run, Workspace

PROJECT = CHECKOUT / "dbt_project"
FIRST_DAY = date(2026, 11, 1)
START = datetime(2026, 11, 1, tzinfo=UTC)


def workspace_at(home: Path) -> Workspace:
    return Workspace(Settings(_env_file=None, home=home), Run("run", START))


def view_of(name: str, entity: tuple[str, ...], ttl: timedelta = timedelta(days=2)) -> FeatureView:
    """A view with an integer, a text and a rate, each of which may be absent."""
    values = {"clicks": pa.int64(), "tier": pa.string(), "rate": pa.float64()}
    fixed = {"event_ts": TIMESTAMP, "available_at": TIMESTAMP, "seq": pa.int64(), "is_deleted": pa.bool_()}
    fixed |= {"day": pa.date32()}
    provenance = {"logic_version": pa.string(), "run_id": pa.string(), "computed_at": TIMESTAMP}
    required = {**dict.fromkeys(entity, pa.string()), **fixed}
    schema = pa.schema(
        [
            *(pa.field(column, kind, nullable=False) for column, kind in required.items()),
            *(pa.field(column, kind) for column, kind in values.items()),
            *(pa.field(column, kind, nullable=False) for column, kind in provenance.items()),
        ]
    )
    key = (*entity, "event_ts", "available_at", "seq")
    return FeatureView(
        name=name,
        description="",
        entity=entity,
        values=tuple(
            FeatureValue(column, kind, "", None, None, None, None, has_drift=False) for column, kind in values.items()
        ),
        event_time="event_ts",
        ttl=ttl,
        owner="team",
        online=True,
        grace=timedelta(0),
        latency=timedelta(0),
        freshness=None,
        warm_up=timedelta(0),
        table=Table(f"features/{name}", "", key, ("day",), schema),
        logic_version="a" * 12,
    )


def random_log(view: FeatureView, chance: random.Random, rows: int, days: int = 6) -> pa.Table:
    """Rows with ties, late events, corrections and tombstones; each in the day on which it became known."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for _ in range(rows):
        available_at = START + timedelta(minutes=chance.randrange(0, days * 1440, 30))
        event_ts = available_at - timedelta(minutes=chance.choice((0, 0, 30, 60, 3000)))
        keys = {name: f"{name}-{chance.randrange(4)}" for name in view.entity}
        row = {
            **keys,
            "event_ts": event_ts,
            "available_at": available_at,
            "seq": chance.randrange(2),
            "is_deleted": chance.random() < 0.1,
            "day": available_at.date(),
            "clicks": chance.choice((None, chance.randrange(9))),
            "tier": chance.choice((None, "basic", "partner")),
            "rate": chance.random(),
            "logic_version": view.logic_version,
            "run_id": "run",
            "computed_at": START,
        }
        found[*keys.values(), event_ts, available_at, row["seq"]] = row
    return pa.Table.from_pylist(list(found.values()), schema=view.table.schema)


def put_days(workspace: Workspace, view: FeatureView, log: pa.Table, days: Iterable[date]) -> None:
    """Make these days of the view's log what they are in `log`, in one commit."""
    wanted = list(days)
    rows = log.filter(pa.array([day in wanted for day in log["day"].to_pylist()], pa.bool_()))
    workspace.lake.replace_partition(view.table, rows, partitions={"day": wanted})


def labels_of(chance: random.Random, number: int, days: int = 8) -> pa.Table:
    """Labels in no order, some of them twice, some of unknown entities or without one."""
    rows = [
        {
            "label": n,
            "viewer_id": chance.choice([None, *(f"viewer_id-{key}" for key in range(5))]),
            "creator_id": f"creator_id-{chance.randrange(5)}",
            "label_ts": START + timedelta(minutes=chance.randrange(0, days * 1440, 15)),
        }
        for n in range(number)
    ]
    kinds: Mapping[str, pa.DataType] = {"label": pa.int64(), "viewer_id": pa.string(), "creator_id": pa.string()}
    return pa.Table.from_pylist(rows, schema=pa.schema({**kinds, "label_ts": TIMESTAMP}))


def build_marts(workspace: Workspace) -> dict[str, FeatureView]:
    """Have dbt build the marts and the feature views of what has arrived, every day let through; the views by name."""
    views = dict(registry(manifest_of(PROJECT, workspace.settings.home)))

    def with_provenance(_: Workspace, model: ModelTable, days: Mapping[date, pa.Table]) -> dict[date, pa.Table]:
        logic, at = views[model.name].logic_version, pa.scalar(workspace.run.started_at, TIMESTAMP)
        given = {"logic_version": logic, "run_id": "run", "computed_at": at}
        for name, value in given.items():
            days = {day: rows.append_column(name, pa.repeat(value, rows.num_rows)) for day, rows in days.items()}
        return dict(days)

    assert refresh(workspace, PROJECT, "events", prepare=with_provenance).held_back == ()
    return views


def find_nothing(suite: Suite, rows: pa.Table) -> Validation:
    """A judge of events, for tests that are not about values: Great Expectations takes .25 s a day."""
    return Validation(tuple(Outcome(name, True, rows.num_rows, 0, 0.0, (), 0.0) for name in suite.names), {})
