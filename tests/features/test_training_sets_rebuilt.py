"""Training sets on the feature logs that dbt makes of a simulated livestream: the same bytes, whatever arrives since.

Three builds of 7 s of CPU each: at ASSAY_TEST_SCALE=ci only. The same is shown on random logs in test_training_sets.py.
"""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from feature_lakes import CHECKOUT, build_marts, find_nothing
from scale import at_ci

from assay.events.bronze import land_events
from assay.events.silver import EVENTS, type_events
from assay.events.simulator import read_scenario, simulate
from assay.features.timelines import timeline_rows, timeline_table, update_timelines
from assay.features.training_sets import build_training_set, parquet_bytes, rebuild
from assay.rows import content_hash
from assay.settings import Settings
from assay.warehouse import engine
from assay.workspace import Run, Workspace

pytestmark = at_ci("three builds of 7 s")

FIRST_DAY = date(2026, 11, 1)


def arrive(workspace: Workspace, log: pa.Table, *numbers: int) -> None:
    """Days of the simulated log arrive in the folder of logs, and go through bronze and silver."""
    arrival_days = pc.cast(log["available_at"], pa.timestamp("us")).cast(pa.date32())
    for number in numbers:
        day = FIRST_DAY + timedelta(days=number - 1)
        folder = Path(str(workspace.settings.events)) / f"{day}"
        folder.mkdir(parents=True)
        pq.write_table(log.filter(pc.equal(arrival_days, pa.scalar(day))), folder / "log.parquet")
        land_events(workspace, day)
        with engine() as connection:
            type_events(workspace, connection, day)


def test_what_was_known_stays_what_was_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.quality.outcomes.validate", find_nothing)
    scenario = read_scenario(CHECKOUT / "samples" / "livestream.toml").scaled(events=6_000, days=6, seed=5)
    log = simulate(scenario).log
    settings = Settings(_env_file=None, home=tmp_path / "home", events=str(tmp_path / "log"), first_day=FIRST_DAY)
    workspace = Workspace(settings, Run("run", datetime(2026, 11, 30, tzinfo=UTC)))
    known_at = datetime.combine(FIRST_DAY + timedelta(days=4), time(), UTC) - timedelta(microseconds=1)

    arrive(workspace, log, 1, 2, 4)
    views = list(build_marts(workspace).values())
    update_timelines(workspace, views)
    seen = workspace.lake.read(EVENTS).filter(pc.field("event_type") == "ad_impression")
    labels = seen.select(["event_id", "viewer_id", "creator_id", "campaign_id"]).append_column(
        "label_ts", seen["event_ts"]
    )
    assert labels.num_rows > 300
    known, first = build_training_set(workspace, views, labels, mode="as_known", known_at=known_at)
    assert known["viewer_engagement__minutes_7d"].null_count < known.num_rows - 100

    arrive(workspace, log, 5, 6)
    build_marts(workspace)
    update_timelines(workspace, views)
    again, second = build_training_set(workspace, views, labels, mode="as_known", known_at=known_at)
    assert second.sha256 == first.sha256
    assert parquet_bytes(again) == parquet_bytes(known)

    arrive(workspace, log, 3)
    build_marts(workspace)
    for report in update_timelines(workspace, views):
        assert report.is_changed
    for view in views:
        stands, log_rows = workspace.lake.read(timeline_table(view)), workspace.lake.read(view.table)
        assert content_hash(stands) == content_hash(timeline_rows(view, log_rows))
    _, third = build_training_set(workspace, views, labels, mode="as_known", known_at=known_at)
    assert third.sha256 != first.sha256, "a day that arrived before K, and was loaded only now"
    assert parquet_bytes(rebuild(workspace, views, first, labels)) == parquet_bytes(known)
