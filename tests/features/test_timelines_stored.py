"""Stored timelines: whatever days came in whatever order, what stands is what a compilation of the whole log says."""

import random
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from feature_lakes import FIRST_DAY, START, put_days, random_log, view_of, workspace_at
from scale import AT_CI

from assay.errors import NotReady
from assay.features import timelines
from assay.features.registry import FeatureView
from assay.features.timelines import load_timeline, log_version, timeline_rows, timeline_table, update_timelines
from assay.rows import content_hash
from assay.workspace import Workspace

DAYS = [FIRST_DAY + timedelta(days=number) for number in range(6)]
VIEWS = [view_of("one", ("viewer_id",)), view_of("pair", ("viewer_id", "creator_id"))]


def from_scratch(workspace: Workspace, view: FeatureView) -> pa.Table:
    return timeline_rows(view, workspace.lake.read(view.table))


def stands(workspace: Workspace, view: FeatureView) -> pa.Table:
    return workspace.lake.read(timeline_table(view))


def agrees(workspace: Workspace, view: FeatureView) -> bool:
    return content_hash(stands(workspace, view)) == content_hash(from_scratch(workspace, view))


@pytest.mark.parametrize("seed", range(8 if AT_CI else 2))
def test_days_in_any_order_make_the_timeline_of_the_whole_log(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    workspace = workspace_at(tmp_path)
    logs = {view.name: random_log(view, chance, 160) for view in VIEWS}
    order = chance.sample(DAYS, len(DAYS))
    for arrived in (order[:1], order[1:3], order[3:]):
        for view in VIEWS:
            put_days(workspace, view, logs[view.name], arrived)
        for report in update_timelines(workspace, VIEWS):
            assert report.is_changed
        assert all(agrees(workspace, view) for view in VIEWS)
    # Days that say something else than before, and days that are gone.
    for view in VIEWS:
        put_days(workspace, view, random_log(view, chance, 160), chance.sample(DAYS, 2))
        put_days(workspace, view, view.table.empty(), [chance.choice(DAYS)])
    update_timelines(workspace, VIEWS)
    assert all(agrees(workspace, view) for view in VIEWS)


def test_an_unchanged_log_costs_nothing_and_a_change_one_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    workspace, view = workspace_at(tmp_path), VIEWS[0]
    log = random_log(view, chance, 200)
    put_days(workspace, view, log, DAYS[:4])
    put_days(workspace, view, log, DAYS[4:5])
    (first,) = update_timelines(workspace, [view])
    assert (first.changed_days, first.is_changed) == (5, True)
    assert workspace.lake.version(timeline_table(view)) == 1  # created, then written

    put_days(workspace, view, log, DAYS[5:])
    (second,) = update_timelines(workspace, [view])
    assert (second.changed_days, second.rows) == (1, stands(workspace, view).num_rows)
    assert workspace.lake.version(timeline_table(view)) == 2

    monkeypatch.setattr(timelines, "timeline_rows", None)  # nothing is compiled
    (third,) = update_timelines(workspace, [view])
    assert (third.rows, third.changed_days, third.changed_keys, third.is_changed) == (second.rows, 0, 0, False)
    assert workspace.lake.version(timeline_table(view)) == 2


def test_what_is_compacted_is_not_compiled_otherwise(tmp_path: Path) -> None:
    workspace, view = workspace_at(tmp_path), VIEWS[0]
    log = random_log(view, random.Random(2), 200)
    for half in (log.slice(0, 100), log):
        put_days(workspace, view, half, DAYS)
        update_timelines(workspace, [view])
    version = workspace.lake.version(timeline_table(view))
    workspace.lake.compact(view.table)
    (report,) = update_timelines(workspace, [view])
    assert not report.is_changed
    assert workspace.lake.version(timeline_table(view)) == version


def test_only_days_that_come_out_otherwise_are_written(tmp_path: Path) -> None:
    """A correction of an event that a newer one had overtaken is never served, so nothing is written."""
    workspace, view = workspace_at(tmp_path), VIEWS[0]
    log = random_log(view, random.Random(3), 200)
    put_days(workspace, view, log, DAYS)
    update_timelines(workspace, [view])
    version = workspace.lake.version(timeline_table(view))
    key = log["viewer_id"][0].as_py()
    overtaken = {
        **log.slice(0, 1).to_pylist()[0], "viewer_id": key, "event_ts": START - timedelta(days=9),
        "available_at": START + timedelta(days=5, hours=23, minutes=59), "day": DAYS[5],
    }  # fmt: skip
    more = pa.concat_tables([log, pa.Table.from_pylist([overtaken], schema=log.schema)])
    put_days(workspace, view, more, [DAYS[5]])
    (report,) = update_timelines(workspace, [view])
    assert (report.changed_days, report.is_changed) == (1, False)
    assert workspace.lake.version(timeline_table(view)) == version


@pytest.mark.parametrize("harm", ["written by others", "memory lost", "killed before it was noted"])
def test_it_finds_back_to_its_log(tmp_path: Path, harm: str) -> None:
    workspace, view = workspace_at(tmp_path), VIEWS[1]
    log = random_log(view, random.Random(4), 200)
    put_days(workspace, view, log, DAYS[:3])
    update_timelines(workspace, [view])
    note = tmp_path / "built_from" / f"timelines.{view.name}.json"
    noted = note.read_text()
    table = timeline_table(view)
    if harm == "written by others":
        workspace.lake.replace_partition(
            table, table.empty(), partitions={"day": stands(workspace, view)["day"][0].as_py()}
        )
    put_days(workspace, view, log, DAYS[3:])
    if harm == "killed before it was noted":
        update_timelines(workspace, [view])
        note.write_text(noted)
    if harm == "memory lost":
        note.unlink()
    update_timelines(workspace, [view])
    assert agrees(workspace, view)
    assert not update_timelines(workspace, [view])[0].is_changed


def test_a_version_of_the_log_that_is_gone_is_not_needed(tmp_path: Path) -> None:
    workspace, view = workspace_at(tmp_path), VIEWS[0]
    log = random_log(view, random.Random(5), 100)
    put_days(workspace, view, log, DAYS[:3])
    update_timelines(workspace, [view])
    put_days(workspace, view, random_log(view, random.Random(6), 100), DAYS[:3])
    workspace.lake.vacuum(view.table, keep_hours=0)
    update_timelines(workspace, [view])
    assert agrees(workspace, view)


def test_it_is_loaded_as_the_log_says(tmp_path: Path) -> None:
    workspace, view = workspace_at(tmp_path), VIEWS[0]
    with pytest.raises(NotReady, match="`features/one` was not built yet"):
        load_timeline(workspace, view)
    log = random_log(view, random.Random(7), 150)
    put_days(workspace, view, log, DAYS[:2])
    update_timelines(workspace, [view])
    old = log_version(workspace, view)
    put_days(workspace, view, log, DAYS[2:])

    def rows(**choices: object) -> list[dict[str, object]]:
        return load_timeline(workspace, view, **choices).rows.to_pylist()  # pyright: ignore[reportArgumentType]

    stale = rows()  # the stored one is of an older log, so that this one is compiled
    update_timelines(workspace, [view])
    assert rows() == stale == rows(with_log=True)
    assert len(rows(versions={view.table.name: old})) < len(stale)
    assert load_timeline(workspace, view, with_log=True).log.num_rows == log.num_rows
    assert load_timeline(workspace, view).ttl == view.ttl


def test_a_view_without_a_log_is_left_out(tmp_path: Path) -> None:
    assert update_timelines(workspace_at(tmp_path), VIEWS) == []
