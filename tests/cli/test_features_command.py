"""`assay features`: the views that are there, and training sets that come out the same when they are asked for again."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from command_runs import CHECKOUT, assay

from assay.cli import run
from assay.dbt import manifest_of
from assay.features.registry import FeatureView, registry
from assay.lake import Lake

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
KNOWN_AT = "2026-11-04T00:00:00Z"
BUILT = ("creator_activity", "viewer_engagement")


def row_of(view: FeatureView, key: int, day: int) -> dict[str, Any]:
    """A row of a view whose numbers say which day it is of."""
    numbers = {pa.int64(): day, pa.float64(): float(day), pa.bool_(): True, pa.string(): f"day {day}"}
    at = START + timedelta(days=day)
    known: dict[str, Any] = {
        **{name: f"{name[0]}{key}" for name in view.entity},
        "event_ts": at, "available_at": at + timedelta(minutes=15), "seq": 0, "is_deleted": False, "day": at.date(),
        "logic_version": view.logic_version, "run_id": "run", "computed_at": at,
    }  # fmt: skip
    return {**{value.name: numbers[value.type] for value in view.values}, **known}


def arrive(home: Path, day: int) -> None:
    """A day's rows of three viewers and creators in each of the views."""
    views = registry(manifest_of(CHECKOUT / "dbt_project", home))
    for name in BUILT:
        rows = pa.Table.from_pylist([row_of(views[name], key, day) for key in range(3)], views[name].table.schema)
        Lake(home / "lake").replace_partition(views[name].table, rows, partitions={"day": rows["day"][0].as_py()})


@dataclass(frozen=True)
class Made:
    home: Path
    labels: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("features")
    for day in range(3):
        arrive(folder / "home", day)
    times = [START + timedelta(hours=hour) for hour in (-1, 1, 30, 60, 240)]
    labels = pa.table(
        {
            "viewer_id": [f"v{n % 4}" for n in range(5)],
            "creator_id": [f"c{n % 2}" for n in range(5)],
            "label_ts": pa.array(times, pa.timestamp("us", "UTC")),
            "was_right": [True, False, None, True, True],
        }
    )
    pq.write_table(labels, folder / "labels.parquet")
    pyarrow.csv.write_csv(labels, folder / "labels.csv")
    return Made(folder / "home", folder / "labels.parquet")


@pytest.fixture
def features(made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """`assay features ARGUMENTS` in this process: exit code, standard output and error."""
    monkeypatch.chdir(CHECKOUT)
    monkeypatch.setenv("COLUMNS", "240")

    def call(*arguments: object, home: Path = made.home) -> tuple[int, str, str]:
        monkeypatch.setenv("ASSAY_HOME", str(home))
        monkeypatch.setattr("sys.argv", ["assay", "features", *map(str, arguments)])
        code = run()
        written = capsys.readouterr()
        return code, written.out, written.err

    return call


def test_list_tells_every_view_and_what_stands_of_it(made: Made, features: Callable[..., Any]) -> None:
    code, out, err = features("list", "--json")
    assert (code, err) == (0, "")
    told = {one["view"]: one for one in json.loads(out)}
    assert set(told) >= {"creator_activity", "viewer_engagement", "campaign_pacing", "viewer_creator_affinity"}
    assert told["creator_activity"]["rows"] == 9
    assert told["creator_activity"]["newest_event_ts"] == "2026-11-03 12:00:00+00:00"
    assert (told["campaign_pacing"]["rows"], told["campaign_pacing"]["newest_event_ts"]) == (0, None)
    assert told["viewer_creator_affinity"]["entity"] == ["viewer_id", "creator_id"]
    code, out, err = features("list")
    for one in told.values():
        assert one["logic_version"] in out
        assert one["owner"] in out
    assert "2026-11-03 12:00" in out
    assert "none yet" in out


def test_a_training_set_holds_what_was_known_and_nothing_else(
    made: Made, features: Callable[..., Any], tmp_path: Path
) -> None:
    out = tmp_path / "sets" / "training.parquet"
    ran = assay(
        made.home, "features", "training-set", str(made.labels), "--out", str(out), "--views", ",".join(BUILT), "--json"
    )
    assert (ran.code, ran.err) == (0, "")
    told = json.loads(ran.out)
    assert (told["rows"], told["mode"], told["sha256"]) == (
        5,
        "as_served",
        hashlib.sha256(out.read_bytes()).hexdigest(),
    )
    assert told["found"] == {"creator_activity": 3, "viewer_engagement": 2}  # too early, expired, an unknown viewer
    rows, labels = pq.read_table(out), pq.read_table(made.labels)
    assert rows.select(labels.column_names).equals(labels)
    assert rows["creator_activity__impressions_1h"].to_pylist() == [None, 0, 1, 2, None]
    code, shown, _ = features("training-set", made.labels, "--out", out, "--views", "creator_activity")
    assert code == 0
    assert "5 labels in, 5 rows out (as_served)" in shown
    assert f"--rebuild {out}.manifest.json" in shown


def test_the_same_bytes_come_out_again(made: Made, features: Callable[..., Any], tmp_path: Path) -> None:
    home, out = shutil.copytree(made.home, tmp_path / "home"), tmp_path / "set.parquet"
    as_known = ("training-set", made.labels, "--views", ",".join(BUILT), "--mode", "as_known", "--known-at", KNOWN_AT)
    served = ("training-set", made.labels, "--views", ",".join(BUILT))
    assert features(*as_known, "--out", out, home=home)[0] == 0
    assert features(*served, "--out", tmp_path / "served.parquet", home=home)[0] == 0
    for day in range(3, 9):
        arrive(home, day)
    assert features(*as_known, "--out", tmp_path / "again.parquet", home=home)[0] == 0
    assert (tmp_path / "again.parquet").read_bytes() == out.read_bytes()
    assert features(*served, "--out", tmp_path / "later.parquet", home=home)[0] == 0
    assert (tmp_path / "later.parquet").read_bytes() != (tmp_path / "served.parquet").read_bytes()
    rebuilt = tmp_path / "rebuilt.parquet"
    manifest = tmp_path / "served.parquet.manifest.json"
    assert features("training-set", made.labels, "--out", rebuilt, "--rebuild", manifest, home=home)[0] == 0
    assert rebuilt.read_bytes() == (tmp_path / "served.parquet").read_bytes()
    assert Path(f"{rebuilt}.manifest.json").read_bytes() == manifest.read_bytes()

    pq.write_table(pq.read_table(made.labels).slice(1), tmp_path / "fewer.parquet")
    code, _, said = features("training-set", tmp_path / "fewer.parquet", "--out", out, "--rebuild", manifest, home=home)
    assert code == 3
    assert "These are 4 labels" in said


def test_csv_labels_and_an_embargo(made: Made, features: Callable[..., Any], tmp_path: Path) -> None:
    out = tmp_path / "set.parquet"
    csv = made.labels.with_suffix(".csv")
    code, _, err = features("training-set", csv, "--out", out, "--views", "creator_activity", "--embargo", 86_400)
    assert (code, err) == (0, "")
    assert pq.read_table(out)["creator_activity__impressions_1h"].to_pylist() == [None, None, 0, 1, None]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--mode", "fuzzy"), 3, "There is no mode `fuzzy`: as_served and as_known"),
        (("--mode", "as_known"), 3, "`--mode as_known` needs `--known-at T`"),
        (
            ("--mode", "as_known", "--known-at", "2026-11-04"),
            3,
            "`--known-at 2026-11-04` is not a time with its offset",
        ),
        (("--views", "creator_activty"), 3, "There is no feature view `creator_activty`"),
        (
            ("--views", "campaign_pacing"),
            3,
            "`campaign_pacing` is joined by campaign_id, and the labels have viewer_id",
        ),
        (("--views", "creator_activity", "--label-time", "when"), 3, "lacks the column `when`"),
        (("--rebuild", "pyproject.toml"), 3, "`pyproject.toml` is no manifest of a training set"),
        ((), 2, "was not built yet"),
    ],
)
def test_what_cannot_be_made_is_refused(
    made: Made, features: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    out = tmp_path / "set.parquet"
    ended, written, error = features("training-set", made.labels, "--out", out, *arguments)
    assert (ended, written) == (code, "")
    assert said in error
    assert "`" in error
    assert not out.exists()


def test_without_events_there_are_no_views(features: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_EVENTS", "")
    code, out, err = features("list")
    assert (code, out) == (3, "")
    assert "The events half is switched off" in err
