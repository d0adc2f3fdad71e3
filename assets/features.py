"""Features: timelines of what was known when, and the training set that shows what a join without time is worth."""

import base64
from collections.abc import Iterator
from typing import Any

import dagster as dg

from assay.errors import NotReady
from assay.features.auc_plot import auc_plot
from assay.features.dispute_comparison import Comparison
from assay.features.dispute_lesson import dispute_lesson, training_set_path
from assay.features.invariants import timeline_rule, training_set_rules
from assay.features.registry import registry
from assay.features.timelines import update_timelines
from assay.features.training_set_files import manifest_path
from assay.quality.rules import Rule
from assets.marts import MANIFEST, MODELS
from assets.partitions import DAILY, ONE_RUN
from assets.reporting import clocked, markdown_table
from assets.resources import AssayHome
from assets.retries import RETRIES, retried_on_storage_errors

VIEWS = registry(MANIFEST)
LABELS = MODELS["gold/impression_labels"].table


@dg.asset(
    key=["features", "timelines"],
    deps=[["features", name] for name in VIEWS],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="features",
    kinds={"python", "delta"},
    owners=["team:data-platform"],
    retry_policy=RETRIES,
)
@retried_on_storage_errors
def timelines(context: dg.AssetExecutionContext, home: AssayHome) -> dg.MaterializeResult:
    """Of every feature view which row held from when on: compiled once, so that joining a label is one look-up.

    **Teaches:** what was served depends on when it was known, not on when it was true. A late event is inserted where it
    came in, a correction never reaches back, and a day of the log that did not change costs nothing.
    """
    reports, seconds = clocked(update_timelines, home.workspace(context), VIEWS.values())
    header = ["view", "rows", "days taken in", "keys compiled", "changed"]
    told = [[one.view, one.rows, one.changed_days, one.changed_keys, one.is_changed] for one in reports]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(one.rows for one in reports),
            "unchanged": not any(one.is_changed for one in reports),
            "views": markdown_table(header, told),
            "seconds": seconds,
        }
    )


@dg.asset(
    key=["features", "dispute_training_set"],
    deps=[timelines, ["gold", "impression_labels"]],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    group_name="features",
    kinds={"python", "scikitlearn"},
    owners=["team:data-platform"],
    retry_policy=RETRIES,
)
@retried_on_storage_errors
def dispute_training_set(context: dg.AssetExecutionContext, home: AssayHome) -> dg.MaterializeResult:
    """Will this impression be disputed? The same model trained on what was known then, and on what is known now.

    **Teaches:** leakage looks like success. Joined with the newest values, the test says how good the model would be if the
    future were known; given the values that production would have served, the very same model falls back. Only the
    point-in-time AUC is one to plan with.
    """
    workspace = home.workspace(context)
    try:
        lesson, seconds = clocked(dispute_lesson, workspace, VIEWS.values(), LABELS)
    except NotReady as error:  # a log of one's own need not hold disputes, and its other marts stand
        context.log.warning(str(error))
        return dg.MaterializeResult(metadata={"dagster/row_count": 0, "not_trained": str(error)})
    compared, out = lesson.comparison, training_set_path(workspace)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": compared.labels,
            "auc_point_in_time": compared.point_in_time.value,
            "auc_leaky": compared.leaky.value,
            "auc_leaky_when_served": compared.leaky_when_served.value,
            "lesson": _lesson(compared),
            "plot": _plot(compared),
            "features": _features(compared),
            "training_set": dg.MetadataValue.path(str(out)),
            "manifest": dg.MetadataValue.path(str(manifest_path(out))),
            "sha256": lesson.sha256,
            "unchanged": not lesson.is_new,
            "seconds": seconds,
        }
    )


def _lesson(compared: Comparison) -> dg.MarkdownMetadataValue:
    return markdown_table(
        ["trained on", "tested on", "AUC (95% interval)", "what it is"],
        [
            ["what was known", "what was known", compared.point_in_time, "what production will see"],
            ["what is known now", "what is known now", compared.leaky, "what a naive join promises"],
            ["what is known now", "what was known", compared.leaky_when_served, "what production would see of it"],
            ["", "", compared.gap, "promised and not kept"],
        ],
    )


def _plot(compared: Comparison) -> dg.MarkdownMetadataValue:
    picture = auc_plot(
        {
            "point in time": compared.point_in_time,
            "leaky, as its test says": compared.leaky,
            "leaky, when it is served": compared.leaky_when_served,
        }
    )
    return dg.MetadataValue.md(f"![AUCs](data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()})")


def _features(compared: Comparison) -> dg.MarkdownMetadataValue:
    header = ["feature by itself", "AUC then", "AUC now", "labels for which they differ", "leaks"]
    return markdown_table(
        header,
        [
            [
                one.name,
                f"{one.point_in_time:.3f}",
                f"{one.leaky:.3f}",
                f"{one.differs:.0%}",
                "yes" if one.leaks else "no",
            ]
            for one in compared.features
        ],
    )


def _results(asset: dg.AssetsDefinition, rules: list[Rule]) -> Iterator[dg.AssetCheckResult]:
    for rule in rules:
        seen: dict[str, Any] = {"offenders": rule.offenders, "seen": rule.detail}
        yield dg.AssetCheckResult(asset_key=asset.key, check_name=rule.name, passed=rule.passed, metadata=seen)


@dg.multi_asset_check(
    name="timeline_invariants",
    specs=[
        dg.AssetCheckSpec(
            "timelines_equal_their_logs",
            asset=timelines,
            description="A sample of each timeline's keys, compiled anew from the log, comes out the same.",
            blocking=True,
        )
    ],
)
def timeline_checks(context: dg.AssetCheckExecutionContext, home: AssayHome) -> Iterator[dg.AssetCheckResult]:
    yield from _results(timelines, [timeline_rule(home.workspace(context), VIEWS.values())])


@dg.multi_asset_check(
    name="training_set_invariants",
    specs=[
        dg.AssetCheckSpec(
            "labels_are_conserved",
            asset=dispute_training_set,
            description="Labels in == labels out, each of them once (invariant 7).",
        ),
        dg.AssetCheckSpec(
            "nothing_seen_before_its_time",
            asset=dispute_training_set,
            description="Every value's row was true and known at its label's time (invariant 7).",
        ),
    ],
)
def training_set_checks(context: dg.AssetCheckExecutionContext, home: AssayHome) -> Iterator[dg.AssetCheckResult]:
    workspace = home.workspace(context)
    yield from _results(dispute_training_set, training_set_rules(workspace, VIEWS.values(), LABELS))


FEATURE_CHECKS = [timeline_checks, training_set_checks]
