"""What must hold of timelines and training sets: no label sees what was not known at its time, and none is lost."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from assay.built_from import inputs_of
from assay.features.dispute_lesson import (
    LABEL_TIME,
    labels_of_disputes,
    last_lesson,
    timelines_of,
    training_set_path,
    views_of_disputes,
)
from assay.features.entity_keys import EntityKeys
from assay.features.point_in_time import point_in_time_join
from assay.features.registry import FeatureView
from assay.features.timelines import keys_in, timeline_rows, timeline_table
from assay.quality.rules import Rule, none_of
from assay.rows import differences
from assay.schema import Table
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

# A timeline that goes wrong goes wrong for the keys of a day: a few hundred show it, other ones after every change.
SAMPLED_KEYS = 200
CONSERVED, NOT_EARLY = "labels_are_conserved", "nothing_seen_before_its_time"


def timeline_rule(workspace: Workspace, views: Iterable[FeatureView]) -> Rule:
    """Of every view some keys, compiled from the log that its stored timeline was made of, come out as it stands."""
    wrong: list[str] = []
    compared = 0
    for view in views:
        table = timeline_table(view)
        made_of = inputs_of(workspace, table.name)
        if (version := made_of.get(view.table.name)) is None:
            continue
        log = workspace.lake.read(view.table, version=version)
        standing = workspace.lake.read(table, version=made_of.get(table.name))
        keys, codes = EntityKeys.of(keys_in(view, log))
        stride = max(1, len(keys) // SAMPLED_KEYS)
        stands = keys.codes(keys_in(view, standing))
        # A key that stands and that the log does not name is wrong whichever are sampled.
        sample = standing.filter(pa.array((stands < 0) | (stands % stride == version % stride)))
        expected = timeline_rows(view, log.filter(pa.array(codes % stride == version % stride)))
        compared += expected.num_rows
        gone, new = differences(sample, expected)
        for rows in (sample.filter(gone), expected.filter(new)):
            wrong += [f"{view.name} {'/'.join(map(str, key.values()))}" for key in rows.select(view.entity).to_pylist()]
    return none_of("timelines_equal_their_logs", set(wrong), f"keys differ, of {compared} rows compiled anew")


def training_set_rules(workspace: Workspace, views: Iterable[FeatureView], labels: Table) -> list[Rule]:
    """That the set of disputed impressions holds every label once, and no value that its label could not have seen.

    The second is asked of each value's own row: when it was true, and when it was known. Without a set both hold.
    """
    lesson = last_lesson(workspace)
    if lesson is None:
        return [none_of(name, (), "labels: no training set was built") for name in (CONSERVED, NOT_EARLY)]
    rows = labels_of_disputes(workspace, labels, lesson.made_of)
    written = pq.read_table(training_set_path(workspace))
    lost, added = differences(rows, written.select(rows.column_names).cast(rows.schema))
    unequal = [*rows.filter(lost)["impression_id"].to_pylist(), *written.filter(added)["impression_id"].to_pylist()]
    chosen = views_of_disputes(views)
    joined = point_in_time_join(
        rows, timelines_of(workspace, chosen, lesson.made_of), label_time=LABEL_TIME, provenance=True
    )
    early: list[str] = []
    seen = 0
    for view in chosen:
        for when in ("event_ts", "available_at"):
            times = joined[f"{view.name}__{when}"]
            is_early = pc.fill_null(pc.greater(times, joined[LABEL_TIME]), False)
            early += [f"{view.name} {one}" for one in joined.filter(is_early)["impression_id"].to_pylist()]
        seen += joined.num_rows - joined[f"{view.name}__event_ts"].null_count
        for value in view.value_names:
            name = f"{view.name}__{value}"
            if not written[name].equals(joined[name].cast(written[name].type)):
                early.append(f"{name} in the file")
    return [
        none_of(CONSERVED, unequal, f"labels lost or added, of {rows.num_rows}"),
        none_of(NOT_EARLY, set(early), f"values too early, of {seen} seen"),
    ]
