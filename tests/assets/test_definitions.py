"""What Dagster loads: every asset, check and job as it is meant to be, and described for whoever opens the UI."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from command_runs import CHECKOUT
from scale import at_ci

from assets.day_checks import HOLDS_BACK
from assets.definitions import defs

SNAPSHOT = Path(__file__).with_name("definitions.snapshot.txt")
RENEW = "python -m pytest tests/assets/test_definitions.py --update-snapshots"
GRAPH = defs.resolve_asset_graph()
KEYS = sorted(GRAPH.get_all_asset_keys())


def listing() -> str:
    """Every asset, check, job, schedule and sensor, a paragraph each."""
    return (
        "\n\n".join([f"# Everything Dagster loads. After a change on purpose: `{RENEW}`", *_assets(), *_jobs()]) + "\n"
    )


def _assets() -> Iterator[str]:
    for key in KEYS:
        node = GRAPH.get(key)
        checks = [GRAPH.get_check_spec(one) for one in sorted(GRAPH.get_check_keys_for_assets({key}), key=str)]
        yield "\n".join(
            [
                f"asset {key.to_user_string()}",
                f"  deps: {_names(one.to_user_string() for one in node.parent_keys)}",
                f"  group: {node.group_name}; kinds: {_names(node.kinds)}; owners: {_names(node.owners)}; pools: {_names(node.pools)}",
                f"  partitions: {node.partitions_def}; backfills: {node.backfill_policy}",
                f"  automation: {node.automation_condition and node.automation_condition.get_label()}",
                f"  freshness: {node.freshness_policy}",
                *(f"  check {one.name}{_stops(one)}" for one in checks),
            ]
        )


def _stops(check: dg.AssetCheckSpec) -> str:
    """What a failure of the check stops: its run, its day, or nothing."""
    if check.blocking:
        return " (blocks its run)"
    return " (holds back its day)" if (check.metadata or {}).get(HOLDS_BACK) == "its day" else ""


def _jobs() -> Iterator[str]:
    for job in defs.jobs or ():
        resolved = defs.resolve_job_def(job.name)
        selected = _names(one.to_user_string() for one in resolved.asset_layer.selected_asset_keys)
        yield f"job {job.name}\n  executor: {resolved.executor_def.name}; assets: {selected}"
    for schedule in defs.schedules or ():
        yield f"schedule {schedule.name}\n  {getattr(schedule, 'cron_schedule', None)}"
    for sensor in defs.sensors or ():
        yield f"sensor {sensor.name}\n  every {sensor.minimum_interval_seconds} s"


def _names(names: object) -> str:
    return ", ".join(sorted(map(str, names))) or "none"  # pyright: ignore[reportArgumentType]


def test_the_definitions_can_be_loaded() -> None:
    dg.Definitions.validate_loadable(defs)


@pytest.mark.events
def test_every_asset_check_and_job_is_as_the_snapshot_says(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-snapshots", default=False):
        SNAPSHOT.write_text(listing(), encoding="utf-8")
    assert listing() == SNAPSHOT.read_text(encoding="utf-8"), f"meant so? `{RENEW}`"


@at_ci("a process that loads everything")
def test_without_events_there_are_the_documents_alone() -> None:
    """In a process of its own: the switch is read when the code is loaded."""
    code = """
from assets.definitions import defs
print(*(key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()))
print(*(one.name for one in [*defs.jobs, *defs.schedules]))
"""
    environment = {**os.environ, "ASSAY_EVENTS": ""}
    command = [sys.executable, "-W", "ignore", "-c", code]
    ran = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    assets, jobs = ran.stdout.splitlines()
    assert jobs.split() == ["documents", "documents_daily", "documents_restated"]
    documents = defs.resolve_job_def("documents").asset_layer.selected_asset_keys
    assert {*assets.split()} == {*(key.to_user_string() for key in documents), "lake/maintenance"}


def test_no_dependency_dangles() -> None:
    """Dagster takes an unknown key for somebody else's asset, and runs without waiting for it."""
    assert [key.to_user_string() for key in KEYS if not GRAPH.get(key).is_materializable] == []
    assert {one.asset_key for one in GRAPH.asset_check_keys} <= set(KEYS)


@pytest.mark.parametrize("key", KEYS, ids=dg.AssetKey.to_user_string)
def test_every_asset_teaches_and_has_owner_group_and_kind(key: dg.AssetKey) -> None:
    node = GRAPH.get(key)
    assert "**Teaches:**" in (node.description or "")
    assert node.owners
    assert node.kinds
    assert node.group_name in {"bronze", "silver", "gold", "features", "release", "quality", "lake"}


def test_every_check_says_what_it_promises() -> None:
    silent = [str(key) for key in GRAPH.asset_check_keys if not GRAPH.get_check_spec(key).description]
    assert not silent


@at_ci("a process that loads everything")
def test_loading_warns_of_nothing_but_the_beta_backfill_policy() -> None:
    """In a process of its own: Dagster gives each of its warnings once per place."""
    code = """
import warnings
import dagster, dagster_dbt, dagster_duckdb, duckdb, deltalake, pyarrow.dataset  # what they warn of at import is theirs
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import assets.definitions
    import assets.launch
beta = [one for one in caught if one.category is dagster.BetaWarning and "backfill_policy" in str(one.message)]
# Dagster reads pydantic's old attributes of every resource.
ours = [one for one in caught if one not in beta and not one.filename.endswith("pydantic_compat_layer.py")]
print(len(beta), *(one.message for one in ours), sep="\\n")
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    beta, *ours = ran.stdout.splitlines()
    assert ours == []
    assert int(beta) > 0, "the backfill policy is no longer beta: drop the exception"
