"""Days of the view `creator_activity` as dbt builds them, without dbt: the same entities every day, a little busier or not."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from assay.dbt import manifest_of
from assay.features.registry import FeatureView, registry
from assay.model_tables import ModelTable, model_tables

PROJECT = Path(__file__).parents[2] / "dbt_project"
DAY = date(2026, 11, 1)
SUFFIXES = ("1h", "24h", "7d")


@cache
def manifest() -> dict[str, Any]:
    with TemporaryDirectory() as home:
        return manifest_of(PROJECT, Path(home))


@cache
def view_of(name: str) -> FeatureView:
    return registry(manifest())[name]


@cache
def model_of(name: str) -> ModelTable:
    return model_tables(manifest())[f"features/{name}"]


def day_of(day: date, *, entities: int = 20, hours: int = 3) -> pa.Table:
    """The first rows of a day: every entity at `hours` full hours."""
    random = np.random.default_rng(day.toordinal())
    size = np.repeat(np.random.default_rng(1).lognormal(5, 0.9, entities), hours)  # an entity is as large as yesterday
    activity = size * random.lognormal(0, 0.05, entities * hours)
    ends = [datetime(day.year, day.month, day.day, 10 + hour, tzinfo=UTC) for hour in range(hours)] * entities
    columns: dict[str, Any] = {
        "creator_id": [f"c{n}" for n in range(entities) for _ in range(hours)],
        "event_ts": ends,
        "available_at": [end + timedelta(minutes=15) for end in ends],
        "seq": [0] * len(ends),
        "is_deleted": [False] * len(ends),
        "day": [day] * len(ends),
    }
    for factor, suffix in zip((0.01, 0.2, 1), SUFFIXES, strict=True):
        columns[f"viewer_minutes_{suffix}"] = activity * factor
        columns[f"chat_messages_{suffix}"] = (activity * factor).astype(np.int64)
        columns[f"impressions_{suffix}"] = (activity * factor * 0.5).astype(np.int64)
    return pa.table(columns, schema=model_of("creator_activity").built_table.schema)
