"""The lesson: a leak is seen for what it is, nothing is trained twice, and the rules notice what is wrong."""

import random
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from feature_lakes import START, put_days, view_of, workspace_at
from sklearn.metrics import roc_auc_score

from assay.errors import NotReady
from assay.features import dispute_comparison, dispute_lesson
from assay.features.auc_plot import auc_plot
from assay.features.dispute_lesson import VIEWS, last_lesson, training_set_path
from assay.features.dispute_model import Columns
from assay.features.invariants import timeline_rule, training_set_rules
from assay.features.registry import FeatureView
from assay.features.roc_auc import estimates, roc_auc
from assay.features.timelines import timeline_table, update_timelines
from assay.features.training_set_files import manifest_path, read_manifest
from assay.features.training_sets import rebuild
from assay.schema import TIMESTAMP, Table
from assay.workspace import Workspace

DAYS = 10
ENTITIES = {"viewer_engagement": "viewer_id", "viewer_disputes": "viewer_id", "creator_activity": "creator_id"}
ENTITIES |= {"campaign_pacing": "campaign_id", "creator_profile": "creator_id"}
LABELS = Table(
    "gold/impression_labels",
    "",
    ("impression_id", "event_day"),
    ("event_day",),
    pa.schema(
        [
            *(
                pa.field(name, pa.string(), nullable=False)
                for name in ("impression_id", "viewer_id", "creator_id", "campaign_id")
            ),
            pa.field("label_ts", TIMESTAMP, nullable=False),
            pa.field("event_day", pa.date32(), nullable=False),
            pa.field("is_disputed", pa.bool_(), nullable=False),
            pa.field("disputed_at", TIMESTAMP),
        ]
    ),
)


def views() -> list[FeatureView]:
    return [view_of(name, (ENTITIES[name],), timedelta(days=30)) for name in VIEWS]


def log_rows(view: FeatureView, key: str, available_at: Any, clicks: int, tier: str | None) -> dict[str, Any]:
    return {
        view.entity[0]: key, "event_ts": available_at, "available_at": available_at, "seq": 0, "is_deleted": False,
        "day": available_at.date(), "clicks": clicks, "tier": tier, "rate": None, "logic_version": view.logic_version,
        "run_id": "run", "computed_at": START,
    }  # fmt: skip


def livestream(workspace: Workspace, views: list[FeatureView], labels: int = 3000) -> None:
    """Some viewers dispute a third of what they see, a day or two later; `viewer_disputes` counts what has arrived."""
    chance = random.Random(11)
    rows: list[dict[str, Any]] = []
    for number in range(labels):
        viewer = chance.randrange(150)
        at = START + timedelta(seconds=chance.randrange(DAYS * 86_400))
        disputed = chance.random() < (0.3 if viewer < 15 else 0.02)
        rows.append(
            {
                "impression_id": f"i{number}", "viewer_id": f"v{viewer}", "creator_id": f"c{viewer % 7}",
                "campaign_id": f"k{number % 3}", "label_ts": at, "event_day": at.date(), "is_disputed": disputed,
                "disputed_at": at + timedelta(hours=chance.randrange(24, 48)) if disputed else None,
            }
        )  # fmt: skip
    found = pa.Table.from_pylist(rows, schema=LABELS.schema)
    workspace.lake.replace_partition(LABELS, found, partitions={"event_day": found["event_day"].unique().to_pylist()})
    for view in views:
        log: list[dict[str, Any]] = []
        if view.name == "viewer_disputes":
            known = dict[str, int]()
            for row in sorted((row for row in rows if row["is_disputed"]), key=lambda row: row["disputed_at"]):
                known[row["viewer_id"]] = known.get(row["viewer_id"], 0) + 1
                log.append(log_rows(view, row["viewer_id"], row["disputed_at"], known[row["viewer_id"]], None))
        else:
            for key in sorted({row[view.entity[0]] for row in rows}):
                for day in range(DAYS):
                    at = START + timedelta(days=day)
                    log.append(log_rows(view, key, at, chance.randrange(5), chance.choice(["basic", "partner"])))
        table = pa.Table.from_pylist(log, schema=view.table.schema)
        put_days(workspace, view, table, table["day"].unique().to_pylist())


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, list[FeatureView]]:
    workspace, chosen = workspace_at(tmp_path_factory.mktemp("lesson")), views()
    livestream(workspace, chosen)
    update_timelines(workspace, chosen)
    dispute_lesson.dispute_lesson(workspace, chosen, LABELS)
    return workspace, chosen


def test_the_leak_is_seen_and_named(taught: tuple[Workspace, list[FeatureView]]) -> None:
    lesson = last_lesson(taught[0])
    assert lesson
    compared = lesson.comparison
    assert compared.labels == 3000
    assert compared.leaky.value > compared.point_in_time.value + 0.05, "the future helps"
    assert compared.leaky_when_served.value < compared.leaky.value - 0.05, "and is not there when the model serves"
    assert compared.gap.value == pytest.approx(compared.leaky.value - compared.leaky_when_served.value)
    assert compared.gap.lower > 0
    assert compared.leaking == ("viewer_disputes__clicks",)
    assert compared.point_in_time.lower < compared.point_in_time.value < compared.point_in_time.upper
    assert compared.trained_on + compared.tested_on < 3000, "labels that nobody knew at the split are left out"


def test_from_the_same_inputs_nothing_is_trained_again(
    taught: tuple[Workspace, list[FeatureView]], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, chosen = taught
    monkeypatch.setattr(dispute_lesson, "compare", None)
    first = last_lesson(workspace)
    again = dispute_lesson.dispute_lesson(workspace, chosen, LABELS)
    assert first
    assert again == replace(first, is_new=False)
    code = "import sys, assay.features.dispute_lesson, assay.features.invariants; print('sklearn' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "False\n"
    training_set_path(workspace).rename(training_set_path(workspace).with_suffix(".gone"))
    with pytest.raises(TypeError):  # the file is made again, and so everything
        dispute_lesson.dispute_lesson(workspace, chosen, LABELS)
    monkeypatch.undo()
    repeated = dispute_lesson.dispute_lesson(workspace, chosen, LABELS)
    assert repeated == replace(first, is_new=True), "trained again, to the last digit the same"
    gone = training_set_path(workspace).with_suffix(".gone")
    assert gone.read_bytes() == training_set_path(workspace).read_bytes()


def test_another_ttl_is_another_training_set(
    taught: tuple[Workspace, list[FeatureView]], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, chosen = taught
    monkeypatch.setattr(dispute_lesson, "compare", None)
    with pytest.raises(TypeError):  # it would be trained again
        dispute_lesson.dispute_lesson(workspace, [replace(view, ttl=timedelta(hours=1)) for view in chosen], LABELS)


def test_its_training_set_can_be_rebuilt(taught: tuple[Workspace, list[FeatureView]]) -> None:
    workspace, chosen = taught
    lesson, manifest = last_lesson(workspace), read_manifest(manifest_path(training_set_path(workspace)))
    assert lesson
    assert manifest.sha256 == lesson.sha256
    assert set(manifest.views) == set(VIEWS)
    labels = dispute_lesson.labels_of_disputes(workspace, LABELS, lesson.made_of)
    assert rebuild(workspace, chosen, manifest, labels).num_rows == 3000
    assert "disputed_at" not in labels.column_names


def test_the_rules_hold_and_notice_what_is_wrong(
    taught: tuple[Workspace, list[FeatureView]], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, chosen = taught
    assert timeline_rule(workspace, chosen).passed
    assert [rule.passed for rule in training_set_rules(workspace, chosen, LABELS)] == [True, True]

    import pyarrow.parquet as pq

    path = training_set_path(workspace)
    whole, bytes_before = pq.read_table(path), path.read_bytes()
    pq.write_table(whole.slice(1), path)
    conserved, early = training_set_rules(workspace, chosen, LABELS)
    assert (conserved.passed, conserved.offenders) == (False, 1)
    place = whole.column_names.index("viewer_disputes__clicks")
    newest = pa.array([9] * 3000, pa.int64())
    pq.write_table(whole.set_column(place, "viewer_disputes__clicks", newest), path)
    conserved, early = training_set_rules(workspace, chosen, LABELS)
    assert (conserved.passed, early.passed) == (True, False)
    assert "viewer_disputes__clicks in the file" in early.detail
    path.write_bytes(bytes_before)

    view = chosen[0]
    table = timeline_table(view)
    day = workspace.lake.read(table)["day"][0].as_py()
    rows = workspace.lake.read(table, where={"day": day})
    workspace.lake.replace_partition(table, rows.slice(1), partitions={"day": day})
    stale = timeline_rule(workspace, chosen)
    update_timelines(workspace, chosen)
    assert timeline_rule(workspace, chosen).passed
    assert stale.passed, "what is noted is judged; somebody else's version is compiled anew by the next update"


def test_too_few_labels_are_not_ready(tmp_path: Path) -> None:
    workspace, chosen = workspace_at(tmp_path), views()
    with pytest.raises(NotReady, match="was not built yet"):
        dispute_lesson.dispute_lesson(workspace, chosen, LABELS)
    livestream(workspace, chosen, labels=20)
    with pytest.raises(NotReady, match="20 labels are there"):
        dispute_lesson.dispute_lesson(workspace, chosen, LABELS)
    workspace.lake.replace_partition(LABELS, LABELS.empty(), partitions={"event_day": [START.date()]})
    assert [rule.passed for rule in training_set_rules(workspace, chosen, LABELS)] == [True, True]


def test_auc_is_that_of_scikit_learn_and_its_interval_covers() -> None:
    chance = np.random.default_rng(5)
    covered = 0
    for _ in range(20):
        truth = chance.random(400) < 0.3
        scores = np.round(chance.normal(size=400) + truth, 1)
        assert roc_auc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))
        found = estimates({"one": scores, "other": scores}, truth, np.arange(400), {"gap": ("one", "other")})
        covered += found["one"].lower <= 0.7602 <= found["one"].upper  # Phi(1 / sqrt(2))
        assert (found["gap"].value, found["gap"].lower, found["gap"].upper) == (0, 0, 0)
    assert covered >= 17
    assert np.isnan(roc_auc(np.zeros(3), np.zeros(3, dtype=np.bool_)))


def test_columns_are_numbers_and_few_texts() -> None:
    rows = pa.table(
        {
            "number": pa.array([1, None, 3]), "flag": [True, False, None], "text": ["b", None, "a"],
            "when": pa.array([START] * 3, TIMESTAMP), "names": [["x"], [], None], "nothing": pa.array([None] * 3, pa.string()),
        }
    )  # fmt: skip
    columns = Columns.of(rows, rows.column_names)
    assert columns.names == ("number", "flag", "text")
    other = columns.values(rows.slice(1).append_column("more", pa.array([0, 0])))
    assert np.array_equal(other, [[np.nan, 0, np.nan], [3, np.nan, 0]], equal_nan=True)
    assert list(columns.is_category) == [False, False, True]
    many = pa.table({"id": [f"{number}" for number in range(100)]})
    assert Columns.of(many, ["id"]).names == ()


def test_the_plot_shows_every_estimate() -> None:
    one = dispute_comparison.Estimate(0.9, 0.8, 0.95)
    picture = auc_plot({"a < b": one, "other": one})
    assert picture.count("<circle") == 2
    assert "a &lt; b" in picture
    assert "0.900" in picture
