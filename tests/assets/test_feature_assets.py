"""The features' assets: the lesson in the metadata, checks that hold, and no training where nothing changed."""

import base64
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from command_runs import CHECKOUT
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from assay.features import dispute_lesson
from assay.lake import Lake
from assets.features import FEATURE_CHECKS, LABELS, VIEWS, dispute_training_set, timelines
from assets.resources import RESOURCES

START = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 10
CHECKS = {"timelines_equal_their_logs", "labels_are_conserved", "nothing_seen_before_its_time"}
KEYS = {"viewer_id": 40, "creator_id": 5, "campaign_id": 3}


def ran() -> tuple[dict[str, dict[str, Any]], dict[str, bool]]:
    """Metadata by asset, and which check passed, of a run over some days."""
    range_tags = {ASSET_PARTITION_RANGE_START_TAG: "2026-11-01", ASSET_PARTITION_RANGE_END_TAG: "2026-11-10"}
    result = dg.materialize(
        [timelines, dispute_training_set, *FEATURE_CHECKS], resources=RESOURCES, tags=range_tags, raise_on_error=True
    )
    told = {
        "/".join(one.asset_key.path): {name: value.value for name, value in one.materialization.metadata.items()}
        for one in result.get_asset_materialization_events()
    }
    return told, {one.check_name: one.passed for one in result.get_asset_check_evaluations()}


def livestream(lake: Lake) -> None:
    """Ten days of random rows for every view, and labels of which a tenth was disputed."""
    chance = random.Random(3)
    for view in VIEWS.values():
        made = {pa.int64(): lambda: chance.randrange(9), pa.float64(): chance.random, pa.string(): lambda: "x"}
        made |= {pa.bool_(): lambda: True}
        rows = [
            {
                **{value.name: made[value.type]() for value in view.values},
                **{name: f"{name[:2]}{key % KEYS[name]}" for name in view.entity},
                "event_ts": START + timedelta(days=day), "available_at": START + timedelta(days=day), "seq": 0,
                "is_deleted": False, "day": (START + timedelta(days=day)).date(), "logic_version": view.logic_version,
                "run_id": "run", "computed_at": START,
            }
            for day in range(DAYS)
            for key in range(max(KEYS[name] for name in view.entity))
        ]  # fmt: skip
        table = pa.Table.from_pylist(rows, schema=view.table.schema)
        lake.replace_partition(view.table, table, partitions={"day": table["day"].unique().to_pylist()})
    labels = [
        {
            "impression_id": f"i{n}", **{name: f"{name[:2]}{chance.randrange(count)}" for name, count in KEYS.items()},
            "label_ts": (at := START + timedelta(minutes=chance.randrange(DAYS * 1440))), "event_day": at.date(),
            "is_disputed": n % 10 == 0, "disputed_at": at + timedelta(days=2) if n % 10 == 0 else None,
        }
        for n in range(600)
    ]  # fmt: skip
    table = pa.Table.from_pylist(labels, schema=LABELS.schema)
    lake.replace_partition(LABELS, table, partitions={"event_day": table["event_day"].unique().to_pylist()})


def test_the_lesson_is_told_once_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    told, checks = ran()
    assert told["features/timelines"]["dagster/row_count"] == 0
    assert "was not built yet" in told["features/dispute_training_set"]["not_trained"]
    assert checks == dict.fromkeys(CHECKS, True)

    livestream(Lake(tmp_path / "lake"))
    told, checks = ran()
    assert checks == dict.fromkeys(CHECKS, True)
    assert not told["features/timelines"]["unchanged"]
    assert all(f"| {name} |" in told["features/timelines"]["views"] for name in VIEWS)
    lesson = told["features/dispute_training_set"]
    assert lesson["dagster/row_count"] == 600
    for name in ("auc_point_in_time", "auc_leaky", "auc_leaky_when_served"):
        assert 0 < lesson[name] < 1
    assert "| what is known now | what was known |" in lesson["lesson"]
    assert "__" in lesson["features"].splitlines()[2]
    picture = base64.b64decode(lesson["plot"].partition("base64,")[2].rstrip(")"))
    assert picture.startswith(b"<svg")
    assert Path(lesson["training_set"]).exists()
    assert Path(lesson["manifest"]).exists()

    monkeypatch.setattr(dispute_lesson, "compare", None)
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    again, checks = ran()
    assert again["features/timelines"]["unchanged"]
    assert again["features/dispute_training_set"]["unchanged"]
    assert again["features/dispute_training_set"]["sha256"] == lesson["sha256"]
    assert checks == dict.fromkeys(CHECKS, True)
    assert "sklearn" not in sys.modules
