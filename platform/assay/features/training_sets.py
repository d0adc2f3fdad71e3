"""Training sets: labels with the feature values that were known at their time, and a manifest that makes them again.

The file's bytes follow from the labels, the feature logs at their versions and the choices in the manifest, and from
nothing else: no clock, no run, no order of threads.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import CheckFailed, ConfigurationError, NotReady, StorageError
from assay.features.point_in_time import Mode, point_in_time_join
from assay.features.registry import FeatureView
from assay.features.timeline import Timeline
from assay.features.timelines import load_timeline, log_version, stored_version
from assay.rows import digests
from assay.workspace import Workspace

# Row groups of one size, whatever chunks the rows came in: the bytes depend on it.
ROW_GROUP_ROWS = 65_536


@dataclass(frozen=True)
class ViewPin:
    """A feature view as a training set read it: its log at a version, made by which logic, and in what terms.

    `timeline_version` is that of the stored timeline of this very log, None where there was none: the log says as much.
    """

    log: str
    log_version: int
    timeline_version: int | None
    logic_versions: tuple[str, ...]
    entity: tuple[str, ...]
    values: tuple[str, ...]
    ttl_seconds: float


@dataclass(frozen=True)
class Manifest:
    """All that a training set follows from, and the hash of the file that came out."""

    labels: int
    label_hash: str
    label_time: str
    mode: Mode
    known_at: datetime | None
    embargo_seconds: float
    views: Mapping[str, ViewPin]
    rows: int
    sha256: str
    assay_version: str
    pyarrow_version: str

    @property
    def embargo(self) -> timedelta:
        return timedelta(seconds=self.embargo_seconds)


def views_for(labels: pa.Table, views: Sequence[FeatureView], named: Sequence[str] | None = None) -> list[FeatureView]:
    """The views to join: those named, or all whose entity columns the labels have.

    Raises ConfigurationError for a name that is no view, a view whose entity the labels lack, or no view at all.
    """
    known = {view.name: view for view in views}
    if unknown := [name for name in named or () if name not in known]:
        raise ConfigurationError(
            f"There is no feature view `{unknown[0]}`: {', '.join(known)} are there. Nothing was written. "
            "See them with `assay features list`."
        )
    chosen = [known[name] for name in named] if named else list(views)
    joinable = [view for view in chosen if set(view.entity) <= set(labels.column_names)]
    if named and len(joinable) < len(chosen):
        (view, *_) = [view for view in chosen if view not in joinable]
        raise ConfigurationError(
            f"`{view.name}` is joined by {', '.join(view.entity)}, and the labels have {', '.join(labels.column_names)}. "
            "Nothing was written. Rename the labels' column, or leave the view out of `--views`."
        )
    if not joinable:
        raise ConfigurationError(
            f"The labels have {', '.join(labels.column_names)}: no feature view is joined by these. Nothing was written. "
            "See by which columns they are with `assay features list`."
        )
    return joinable


def build_training_set(
    workspace: Workspace,
    views: Sequence[FeatureView],
    labels: pa.Table,
    *,
    mode: Mode = "as_served",
    known_at: datetime | None = None,
    embargo: timedelta = timedelta(0),
    label_time: str = "label_ts",
) -> tuple[pa.Table, Manifest]:
    """The labels in their order, each with what every view answered at its time, and the manifest of their file.

    Nothing is written: see `parquet_bytes`. Raises ConfigurationError as `point_in_time_join` does, and NotReady where a
    view has no log yet, or none of today's logic.
    """
    versions = {view.table.name: log_version(workspace, view) for view in views}
    logics: dict[str, tuple[str, ...]] = {}
    for view in views:
        log = workspace.lake.read(view.table, version=versions[view.table.name], columns=["logic_version"])
        logics[view.name] = _logic_versions(log)
        if logics[view.name] and view.logic_version not in logics[view.name]:
            raise NotReady(
                f"`{view.name}` is computed by the logic {view.logic_version} now, and `{view.table.name}` was by "
                f"{', '.join(logics[view.name])}: a model of it would be served other values. Nothing was written. "
                "Build it anew with `assay demo`."
            )
    with_log = mode == "as_known"
    timelines = {
        view.name: load_timeline(workspace, view, versions=versions, with_log=with_log)
        for view in sorted(views, key=lambda view: view.name)
    }
    rows = point_in_time_join(labels, timelines, label_time=label_time, mode=mode, known_at=known_at, embargo=embargo)
    pins = {
        view.name: ViewPin(
            log=view.table.name,
            log_version=versions[view.table.name],
            timeline_version=stored_version(workspace, view, versions[view.table.name]),
            logic_versions=logics[view.name],
            entity=view.entity,
            values=view.value_names,
            ttl_seconds=view.ttl.total_seconds(),
        )
        for view in sorted(views, key=lambda view: view.name)
    }
    manifest = Manifest(
        labels=labels.num_rows,
        label_hash=label_hash(labels),
        label_time=label_time,
        mode=mode,
        known_at=known_at,
        embargo_seconds=embargo.total_seconds(),
        views=pins,
        rows=rows.num_rows,
        sha256=hashlib.sha256(parquet_bytes(rows)).hexdigest(),
        assay_version=version("assay"),
        pyarrow_version=pa.__version__,
    )
    return rows, manifest


def rebuild(workspace: Workspace, views: Sequence[FeatureView], manifest: Manifest, labels: pa.Table) -> pa.Table:
    """The training set that a manifest describes, from the same labels and the logs as they were: the same bytes.

    Raises ConfigurationError for other labels or a view that is gone, CheckFailed where a log was made by another logic,
    StorageError where a version of a log is gone, CheckFailed where other bytes came out. Nothing is written.
    """
    found = label_hash(labels)
    if found != manifest.label_hash:
        raise ConfigurationError(
            f"These are {labels.num_rows} labels with the hash {found[:12]}; the manifest is of {manifest.labels} with "
            f"{manifest.label_hash[:12]}. Nothing was written. Give the file that the training set was made of, in its "
            "order, or build a new one with `assay features training-set LABELS --out FILE`."
        )
    known = {view.name: view for view in views}
    timelines: dict[str, Timeline] = {}
    for name, pin in manifest.views.items():
        if name not in known:
            raise ConfigurationError(
                f"The training set was made of the feature view `{name}`, which is there no longer. Nothing was written. "
                "See what is with `assay features list`."
            )
        timelines[name] = _pinned(workspace, known[name], pin)
    rows = point_in_time_join(
        labels,
        timelines,
        label_time=manifest.label_time,
        mode=manifest.mode,
        known_at=manifest.known_at,
        embargo=manifest.embargo,
    )
    made = hashlib.sha256(parquet_bytes(rows)).hexdigest()
    if made != manifest.sha256:
        raise CheckFailed(
            f"The same labels, logs and choices made the bytes {made[:12]}, and the manifest says {manifest.sha256[:12]}. "
            f"It was written by Assay {manifest.assay_version} on pyarrow {manifest.pyarrow_version}, this is "
            f"{version('assay')} on {pa.__version__}. Nothing was written. Install those versions, or build a new set with "
            "`assay features training-set LABELS --out FILE`."
        )
    return rows


def label_hash(labels: pa.Table) -> str:
    """The sha256 over the labels' columns with their types, and their rows in order.

    Raises ConfigurationError for a column of which no hash can be made.
    """
    named = repr([(field.name, str(field.type)) for field in labels.schema]).encode()
    # By number: a column called `run_id` is no provenance here. Nanoseconds, as pandas writes them, do not fit a lake's times.
    numbered = {
        f"column {number}": column.cast(pa.int64()) if str(column.type).startswith("timestamp[ns") else column
        for number, column in enumerate(labels.columns)
    }
    try:
        return hashlib.sha256(b"".join([named, *digests(pa.table(numbered))])).hexdigest()
    except pa.ArrowException as error:
        raise ConfigurationError(
            f"The labels hold values of which no hash can be made ({error}), so nobody could tell them again. Nothing was "
            "written. Leave the column out, or write it as text."
        ) from error


def parquet_bytes(rows: pa.Table) -> bytes:
    """A table as a Parquet file, the same bytes for the same rows in the same order."""
    # Comments and constraints of the tables that the labels came from are no part of them.
    plain = pa.schema([pa.field(field.name, field.type) for field in rows.schema])
    sink = io.BytesIO()
    pq.write_table(rows.cast(plain).combine_chunks(), sink, row_group_size=ROW_GROUP_ROWS, compression="zstd")
    return sink.getvalue()


def _pinned(workspace: Workspace, view: FeatureView, pin: ViewPin) -> Timeline:
    """The timeline of a log at its version, in the terms of the manifest."""
    try:
        log = workspace.lake.read(view.table, version=pin.log_version)
    except StorageError as error:
        raise StorageError(
            f"Version {pin.log_version} of `{pin.log}` cannot be read any more, so what `{view.name}` said then is not "
            f"known ({error}). Nothing was written. Build a new set with `assay features training-set LABELS --out FILE`."
        ) from error
    if (logic := _logic_versions(log)) != pin.logic_versions:
        raise CheckFailed(
            f"Version {pin.log_version} of `{pin.log}` was made by the logic {', '.join(logic) or 'of no row'}, and the "
            f"manifest's by {', '.join(pin.logic_versions)}: this is another log. Nothing was written. "
            "Build a new set with `assay features training-set LABELS --out FILE`."
        )
    if view.logic_version not in logic and logic:
        raise CheckFailed(
            f"`{view.name}` is computed by the logic {view.logic_version} now, and the training set was made by "
            f"{', '.join(logic)}: a model of it would be served other values. Nothing was written. Build a new set with "
            "`assay features training-set LABELS --out FILE`, or check out the code that made it."
        )
    ttl = timedelta(seconds=pin.ttl_seconds)
    return Timeline.compile(log, entity=pin.entity, values=pin.values, ttl=ttl)


def _logic_versions(log: pa.Table) -> tuple[str, ...]:
    return tuple(sorted(log["logic_version"].unique().to_pylist()))
