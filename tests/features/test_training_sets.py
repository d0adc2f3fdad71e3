"""Training sets: every label with what was known, and the same bytes whenever they are asked for again."""

import hashlib
import random
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from feature_lakes import FIRST_DAY, START, labels_of, put_days, random_log, view_of, workspace_at

from assay.errors import CheckFailed, ConfigurationError, NotReady, StorageError
from assay.features.point_in_time import Mode
from assay.features.timelines import update_timelines
from assay.features.training_set_files import manifest_path, read_labels, read_manifest, write_training_set
from assay.features.training_sets import build_training_set, label_hash, parquet_bytes, rebuild, views_for
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

DAYS = [FIRST_DAY + timedelta(days=number) for number in range(6)]
VIEWS = [view_of("one", ("viewer_id",)), view_of("pair", ("viewer_id", "creator_id"), timedelta(hours=9))]
KNOWN_AT = START + timedelta(days=3, microseconds=-1)  # of the first three days all is known


def lake_of(home: Path, seed: int, *days: date) -> tuple[Workspace, dict[str, pa.Table], random.Random]:
    chance = random.Random(seed)
    workspace = workspace_at(home)
    logs = {view.name: random_log(view, chance, 300) for view in VIEWS}
    for view in VIEWS:
        put_days(workspace, view, logs[view.name], days or DAYS)
    return workspace, logs, chance


def oracle(labels: pa.Table, log: pa.Table, view_number: int, known_at: object, embargo: timedelta) -> list[object]:
    """What a label sees of a view's clicks, by going through all rows."""
    view, rows, found = VIEWS[view_number], log.to_pylist(), list[object]()
    for label in labels.to_pylist():
        at = label["label_ts"] - embargo
        visible = [
            row
            for row in rows
            if all(row[name] == label[name] for name in view.entity)
            and row["event_ts"] <= at
            and row["available_at"] <= (min(at, known_at) if known_at else at)  # type: ignore[type-var]
        ]
        won = max(visible, key=lambda row: (row["event_ts"], row["available_at"], row["seq"]), default=None)
        served = won and not won["is_deleted"] and won["event_ts"] >= label["label_ts"] - view.ttl
        found.append(won["clicks"] if won and served else None)
    return found


@pytest.mark.parametrize("is_stored", [True, False])
@pytest.mark.parametrize(("mode", "embargo"), [("as_served", 0), ("as_served", 45), ("as_known", 0)])
def test_every_label_sees_what_was_known(tmp_path: Path, mode: Mode, embargo: int, is_stored: bool) -> None:
    workspace, logs, chance = lake_of(tmp_path, 1)
    if is_stored:
        update_timelines(workspace, VIEWS)
    labels = labels_of(chance, 300)
    known_at = KNOWN_AT if mode == "as_known" else None
    rows, manifest = build_training_set(
        workspace, VIEWS, labels, mode=mode, known_at=known_at, embargo=timedelta(minutes=embargo)
    )
    assert rows.select(labels.column_names).equals(labels)
    for number, view in enumerate(VIEWS):
        expected = oracle(labels, logs[view.name], number, known_at, timedelta(minutes=embargo))
        assert rows[f"{view.name}__clicks"].to_pylist() == expected
    assert (manifest.labels, manifest.rows, manifest.embargo) == (300, 300, timedelta(minutes=embargo))
    assert manifest.sha256 == hashlib.sha256(parquet_bytes(rows)).hexdigest()


def test_as_known_is_the_same_after_more_arrived(tmp_path: Path) -> None:
    """The days up to K had arrived; what came since changes no byte, though as_served says something else."""
    workspace, logs, chance = lake_of(tmp_path, 2, *DAYS[:3])
    labels = labels_of(chance, 400)
    before, first = build_training_set(workspace, VIEWS, labels, mode="as_known", known_at=KNOWN_AT)
    served, _ = build_training_set(workspace, VIEWS, labels)
    for days in (DAYS[3:4], DAYS[4:]):
        for view in VIEWS:
            put_days(workspace, view, logs[view.name], days)
        update_timelines(workspace, VIEWS)
        after, second = build_training_set(workspace, VIEWS, labels, mode="as_known", known_at=KNOWN_AT)
        assert second.sha256 == first.sha256
        assert parquet_bytes(after) == parquet_bytes(before)
    assert not build_training_set(workspace, VIEWS, labels)[0].equals(served)
    assert sum(value is not None for value in before["one__clicks"].to_pylist()) > 50


@pytest.mark.parametrize("mode", ["as_served", "as_known"])
def test_a_manifest_makes_the_same_bytes_though_an_old_day_came_late(tmp_path: Path, mode: Mode) -> None:
    workspace, logs, chance = lake_of(tmp_path / "home", 3, DAYS[0], DAYS[2])
    labels = labels_of(chance, 400)
    known_at = KNOWN_AT if mode == "as_known" else None
    rows, manifest = build_training_set(workspace, VIEWS, labels, mode=mode, known_at=known_at)
    out = tmp_path / "set.parquet"
    write_training_set(out, rows, manifest)
    for view in VIEWS:
        put_days(workspace, view, logs[view.name], [DAYS[1]])  # it arrived before K, and is loaded only now
    update_timelines(workspace, VIEWS)
    _, now = build_training_set(workspace, VIEWS, labels, mode=mode, known_at=known_at)
    assert now.sha256 != manifest.sha256, "the old day made no difference, so that nothing was shown"
    again = rebuild(workspace, VIEWS, read_manifest(manifest_path(out)), labels)
    assert parquet_bytes(again) == out.read_bytes()
    assert hashlib.sha256(out.read_bytes()).hexdigest() == read_manifest(manifest_path(out)).sha256


def test_bytes_depend_on_nothing_but_the_rows(tmp_path: Path) -> None:
    workspace, _, chance = lake_of(tmp_path, 4)
    labels = labels_of(chance, 100)
    rows, manifest = build_training_set(workspace, VIEWS, labels)
    commented = pa.schema([field.with_metadata({"comment": "x"}) for field in labels.schema], {"made": "today"})
    in_pieces = pa.concat_tables([labels.slice(0, 37), labels.slice(37)]).cast(commented)
    other_rows, other = build_training_set(workspace, VIEWS[::-1], in_pieces)
    assert other == manifest
    assert parquet_bytes(other_rows) == parquet_bytes(rows)
    assert label_hash(labels) != label_hash(labels.slice(1))
    assert label_hash(labels) != label_hash(labels.take(list(reversed(range(100)))))
    assert label_hash(labels) != label_hash(labels.rename_columns(["run_id", "viewer_id", "creator_id", "label_ts"]))


def test_labels_of_nanoseconds_are_told_apart(tmp_path: Path) -> None:
    workspace, _, chance = lake_of(tmp_path, 8)
    labels = labels_of(chance, 40)
    place, micros = labels.column_names.index("label_ts"), labels["label_ts"].cast(pa.int64())
    finer = [
        labels.set_column(place, "label_ts", pc.add(pc.multiply(micros, 1000), nanos).cast(pa.timestamp("ns", "UTC")))
        for nanos in (1, 2)
    ]
    assert len({label_hash(labels), *map(label_hash, finer)}) == 3
    rows, manifest = build_training_set(workspace, VIEWS, finer[0])
    assert rows.select(labels.column_names).equals(finer[0])
    assert rebuild(workspace, VIEWS, manifest, finer[0]).equals(rows)
    with pytest.raises(ConfigurationError, match="no hash can be made"):
        label_hash(pa.table({"told": [{"nested": 1}]}))


def test_what_cannot_be_rebuilt_is_refused(tmp_path: Path) -> None:
    workspace, logs, chance = lake_of(tmp_path, 5)
    labels = labels_of(chance, 50)
    _, manifest = build_training_set(workspace, VIEWS, labels)
    with pytest.raises(ConfigurationError, match="These are 49 labels with the hash"):
        rebuild(workspace, VIEWS, manifest, labels.slice(1))
    with pytest.raises(ConfigurationError, match="`pair`, which is there no longer"):
        rebuild(workspace, VIEWS[:1], manifest, labels)
    pin = replace(manifest.views["one"], logic_versions=("b" * 12,))
    with pytest.raises(CheckFailed, match="was made by the logic aaaaaaaaaaaa, and the manifest's by bbbbbbbbbbbb"):
        rebuild(workspace, VIEWS, replace(manifest, views={**manifest.views, "one": pin}), labels)
    with pytest.raises(CheckFailed, match="`pair` is computed by the logic cccccccccccc now"):
        rebuild(workspace, [VIEWS[0], replace(VIEWS[1], logic_version="c" * 12)], manifest, labels)
    with pytest.raises(CheckFailed, match="It was written by Assay"):
        rebuild(workspace, VIEWS, replace(manifest, sha256="0" * 64), labels)

    put_days(workspace, VIEWS[0], random_log(VIEWS[0], chance, 300), DAYS)
    assert rebuild(workspace, VIEWS, manifest, labels).num_rows == 50
    workspace.lake.vacuum(VIEWS[0].table, keep_hours=0)
    with pytest.raises(StorageError, match=r"Version \d+ of `features/one` cannot be read any more"):
        rebuild(workspace, VIEWS, manifest, labels)
    gone = replace(manifest.views["one"], log_version=99)
    with pytest.raises(StorageError, match="Version 99 of `features/one` cannot be read any more"):
        rebuild(workspace, VIEWS, replace(manifest, views={**manifest.views, "one": gone}), labels)
    assert logs


def test_of_a_log_of_another_logic_no_set_is_made(tmp_path: Path) -> None:
    """It could not be rebuilt either: see `test_what_cannot_be_rebuilt_is_refused`."""
    workspace, _, chance = lake_of(tmp_path, 9)
    now = replace(VIEWS[0], logic_version="c" * 12)
    with pytest.raises(NotReady, match="`one` is computed by the logic cccccccccccc now"):
        build_training_set(workspace, [now], labels_of(chance, 20))


def test_views_are_those_that_the_labels_can_be_joined_to(tmp_path: Path) -> None:
    labels = labels_of(random.Random(6), 10)
    assert views_for(labels, VIEWS) == VIEWS
    assert views_for(labels.drop_columns("creator_id"), VIEWS) == VIEWS[:1]
    assert views_for(labels, VIEWS, ["pair"]) == VIEWS[1:]
    with pytest.raises(ConfigurationError, match="no feature view `none`: one, pair are there"):
        views_for(labels, VIEWS, ["none"])
    with pytest.raises(
        ConfigurationError, match="`pair` is joined by viewer_id, creator_id, and the labels have label,"
    ):
        views_for(labels.drop_columns("creator_id"), VIEWS, ["pair"])
    with pytest.raises(ConfigurationError, match="no feature view is joined by these"):
        views_for(labels.select(["label"]), VIEWS)
    with pytest.raises(NotReady, match="`features/one` was not built yet"):
        build_training_set(workspace_at(tmp_path), VIEWS, labels)


def test_labels_come_from_parquet_or_csv(tmp_path: Path) -> None:
    labels = labels_of(random.Random(7), 40)
    numbered = labels.set_column(1, "viewer_id", pa.array([str(n) for n in range(40)]))
    pq.write_table(numbered, tmp_path / "labels.parquet")
    pyarrow.csv.write_csv(numbered, tmp_path / "labels.csv")
    for name in ("labels.parquet", "labels.csv"):
        read = read_labels(tmp_path / name, VIEWS, "label_ts")
        assert read.to_pylist() == numbered.to_pylist()
        assert read.schema.field("viewer_id").type == pa.string(), "an id that looks like a number is none"
    (tmp_path / "words.csv").write_text(
        "viewer_id,country,label_ts\nNA,NA,2026-11-05T12:00:00Z\nnull,,2026-11-05T12:00:00Z\n"
    )
    read = read_labels(tmp_path / "words.csv", VIEWS, "label_ts")
    assert read["viewer_id"].to_pylist() == ["NA", "null"], "an id that looks like nothing is one"
    assert read["country"].to_pylist() == ["NA", None]
    (tmp_path / "naive.csv").write_text("viewer_id,label_ts\na,2026-11-05 12:00:00\n")
    for name, said in (
        ("naive.csv", "times are written with their offset"),
        ("absent.csv", "cannot be read"),
        ("labels.xlsx", r"neither a `.parquet` nor a `.csv` file"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            read_labels(tmp_path / name, VIEWS, "label_ts")
    with pytest.raises(ConfigurationError, match="is no manifest of a training set"):
        read_manifest(tmp_path / "naive.csv")
