"""The lesson: will this impression be disputed? A model trained on what was known then, and one on what is known now.

A naive join gives every label the newest value of each view. Of a label of last week those values know what has happened
since, the dispute itself among it. Such a model looks better than it is, and what production would see of it is measured
as well: its AUC on the same labels with the values that would have been served.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from assay.durable_files import replace_file, write_error
from assay.errors import NotReady
from assay.features import dispute_comparison, dispute_model, roc_auc
from assay.features.dispute_comparison import Comparison, compare
from assay.features.point_in_time import point_in_time_join
from assay.features.registry import FeatureView
from assay.features.timeline import Timeline
from assay.features.timelines import load_timeline, log_version
from assay.features.training_set_files import manifest_path, write_training_set
from assay.features.training_sets import build_training_set
from assay.schema import Table
from assay.workspace import Workspace

VIEWS = ("viewer_engagement", "viewer_disputes", "creator_activity", "campaign_pacing", "creator_profile")
# What a label is told by. When it was disputed is the answer itself, and no feature.
LABEL_COLUMNS = ("label_ts", "impression_id", "viewer_id", "creator_id", "campaign_id", "is_disputed")
LABEL_TIME, TRUTH, CLUSTER = "label_ts", "is_disputed", "viewer_id"
# Later than every row of a log: what a join that knows no time sees.
AFTER_ALL = datetime(2200, 1, 1, tzinfo=UTC)

Versions: TypeAlias = Mapping[str, str | int | None]


@dataclass(frozen=True)
class DisputeLesson:
    """What was taught, and the training set that it was taught on.

    `made_of` are the versions of the labels and the logs, the views' ttl and a hash of the code: from the same ones nothing
    is trained again, and `is_new` is False.
    """

    comparison: Comparison
    sha256: str
    made_of: Versions
    is_new: bool


_LESSON = TypeAdapter(DisputeLesson)


def dispute_lesson(workspace: Workspace, views: Iterable[FeatureView], labels: Table) -> DisputeLesson:
    """Build the training set of disputed impressions, train both models and compare them.

    Writes `training_sets/disputes.parquet` of the home with its manifest, and the lesson beside it; what was taught of the
    same inputs is only told again. Raises NotReady where views or labels are not there yet, or too few.
    """
    chosen, out = views_of_disputes(views), training_set_path(workspace)
    made_of: dict[str, str | int | None] = {"code": _code_hash(), labels.name: workspace.lake.version(labels)}
    made_of |= {view.table.name: log_version(workspace, view) for view in chosen}
    made_of |= {f"ttl of {view.name}": str(view.ttl) for view in chosen}  # changes what is seen, and no log
    last = last_lesson(workspace)
    if last and last.made_of == made_of and out.exists() and manifest_path(out).exists():
        return replace(last, is_new=False)
    rows = labels_of_disputes(workspace, labels, made_of)
    honest, manifest = build_training_set(workspace, chosen, rows, label_time=LABEL_TIME)
    comparison = compare(
        honest,
        naive_join(timelines_of(workspace, chosen, made_of), rows),
        honest.column_names[len(LABEL_COLUMNS) :],
        truth=TRUTH,
        label_time=LABEL_TIME,
        cluster=CLUSTER,
    )
    write_training_set(out, honest, manifest)
    lesson = DisputeLesson(comparison, manifest.sha256, made_of, is_new=True)
    _write_lesson(out, lesson)
    return lesson


def training_set_path(workspace: Workspace) -> Path:
    return workspace.settings.home / "training_sets" / "disputes.parquet"


def views_of_disputes(views: Iterable[FeatureView]) -> list[FeatureView]:
    """The views whose values the model reads."""
    return sorted((view for view in views if view.name in VIEWS), key=lambda view: view.name)


def labels_of_disputes(workspace: Workspace, labels: Table, made_of: Versions) -> pa.Table:
    """The labels in the order of their time, at the version that a lesson is made of."""
    version = made_of[labels.name]
    if version is None:
        raise NotReady(
            f"`{labels.name}` was not built yet, so there is nothing to train on. Nothing was written. Build it with "
            "`assay demo`."
        )
    rows = workspace.lake.read(labels, columns=LABEL_COLUMNS, version=int(version)).select(LABEL_COLUMNS)
    return rows.sort_by([(LABEL_TIME, "ascending"), ("impression_id", "ascending")])


def timelines_of(workspace: Workspace, views: Iterable[FeatureView], made_of: Versions) -> dict[str, Timeline]:
    """The views' timelines at the versions that a lesson is made of."""
    versions = {name: version for name, version in made_of.items() if not isinstance(version, str)}
    return {view.name: load_timeline(workspace, view, versions=versions) for view in views}


def naive_join(timelines: Mapping[str, Timeline], labels: pa.Table) -> pa.Table:
    """Every label with the newest value of each view, whenever that came to be known and however old it is."""
    place, field = labels.column_names.index(LABEL_TIME), labels.schema.field(LABEL_TIME)
    timeless = labels.set_column(place, field, pa.array([AFTER_ALL] * labels.num_rows, field.type))
    for_ever = {name: replace(timeline, ttl=None) for name, timeline in timelines.items()}
    return point_in_time_join(timeless, for_ever, label_time=LABEL_TIME).set_column(place, field, labels[LABEL_TIME])


def _code_hash() -> str:
    """Of the modules that a lesson follows from."""
    files = [Path(str(module.__file__)) for module in (dispute_comparison, dispute_model, roc_auc)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in [*files, Path(__file__)])).hexdigest()


def _lesson_path(out: Path) -> Path:
    return out.with_name(f"{out.stem}.lesson.json")


def last_lesson(workspace: Workspace) -> DisputeLesson | None:
    """The last lesson; None where there was none, or it was written by another version of Assay."""
    try:
        return _LESSON.validate_json(_lesson_path(training_set_path(workspace)).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _write_lesson(out: Path, lesson: DisputeLesson) -> None:
    try:
        replace_file(_lesson_path(out), _LESSON.dump_json(lesson, indent=1).decode())
    except OSError as error:
        raise write_error(
            f"The lesson could not be noted in `{_lesson_path(out)}`: {error.strerror}. Its training set stands, and the "
            "next run trains again. See the place with `df -h`, then run this again.",
            error,
        ) from error
