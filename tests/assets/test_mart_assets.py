"""The marts as assets: one dbt build for all days of a run, tests as checks, results in the lake."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from command_runs import CHECKOUT
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from document_runs import PNG, Pipeline, day, put, stand_ins
from scale import at_ci

from assay.documents.daily_texts import reconcile_daily_texts
from assay.documents.state import STATE
from assay.settings import SourceSettings
from assets.definitions import defs
from assets.marts import INGESTION_DAILY, MODELS, document_marts
from assets.resources import RESOURCES

DOCUMENT_INVENTORY = MODELS["gold/document_inventory"].table

DAYS = [day(1), day(2), day(3)]
FOLDERS: dict[int, dict[str, str | bytes | None]] = {
    1: {"a.md": "# A\n\nOf a.", "b.md": "# B\n\nOf b.", "broken.md": PNG},
    2: {"a.md": "# A\n\nOf a, edited.", "b.md": "# B\n\nOf b.", "broken.md": PNG},
    3: {"b.md": "# B\n\nOf b."},
}
CHECKS = {
    "every_chunk_is_in_the_inventory",
    "not_null_document_inventory_document_id",
    "one_row_per_source_and_day",
    "unique_document_inventory_document_id",
}


@dataclass(frozen=True)
class Materialized:
    """A run of the marts over all days: whether it succeeded, its numbers by asset and day, its checks by name."""

    run_id: str
    success: bool
    numbers: dict[str, dict[date, dict[str, Any]]]
    checks: dict[str, dg.AssetCheckEvaluation]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Three days through to the chunks, in a home that the environment names."""
    folder = tmp_path_factory.mktemp("marts")
    for number, files in FOLDERS.items():
        put(folder / f"2026-11-0{number}", files)
    pipeline = Pipeline.at(folder / "home", SourceSettings(name="docs", uri=f"{folder}/{{day}}"))
    with stand_ins(), pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHECKOUT)
        patch.setenv("ASSAY_HOME", str(pipeline.settings.home))
        pipeline.run(*DAYS, through="chunks")
        reconcile_daily_texts(pipeline.workspace())
        yield pipeline


def materialize(*days: date, selection: Any = None) -> Materialized:
    outcome = dg.materialize(
        [document_marts],
        resources=RESOURCES,
        selection=selection,
        tags={ASSET_PARTITION_RANGE_START_TAG: f"{days[0]}", ASSET_PARTITION_RANGE_END_TAG: f"{days[-1]}"},
        raise_on_error=False,
    )
    numbers: dict[str, dict[date, dict[str, Any]]] = {}
    for event in outcome.get_asset_materialization_events():
        made = event.step_materialization_data.materialization
        values = {name: value.value for name, value in made.metadata.items()}
        numbers.setdefault(made.asset_key.to_user_string(), {})[date.fromisoformat(made.partition or "")] = values
    checks = {one.check_name: one for one in outcome.get_asset_check_evaluations()}
    return Materialized(outcome.run_id, outcome.success, numbers, checks)


@pytest.fixture(scope="module")
def first(pipeline: Pipeline) -> Materialized:
    return materialize(*DAYS)


def test_a_range_publishes_both_marts_for_every_day(pipeline: Pipeline, first: Materialized) -> None:
    assert first.success
    assert {key: sorted(days) for key, days in first.numbers.items()} == {
        "gold/document_inventory": DAYS,
        "gold/ingestion_daily": DAYS,
    }
    assert [row["document_id"] for row in pipeline.read(DOCUMENT_INVENTORY)] == ["docs:b.md"]
    assert [row["day"] for row in pipeline.read(INGESTION_DAILY)] == DAYS


def test_each_day_shows_its_own_numbers(first: Materialized) -> None:
    names = ("observed", "added", "changed", "deleted", "quarantined", "embedded", "reused")
    numbers = first.numbers["gold/ingestion_daily"]
    assert {one: tuple(numbers[one][name] for name in names) for one in DAYS} == {
        day(1): (3, 3, 0, 0, 1, 2, 0),
        day(2): (3, 0, 1, 0, 0, 1, 0),
        day(3): (1, 0, 0, 2, 0, 0, 0),
    }
    assert numbers[day(1)]["dagster/row_count"] == 3
    assert numbers[day(1)]["unchanged"] is False
    assert "| 2026-11-03 | docs | 1 |" in numbers[day(1)]["last_days"]


def test_every_data_test_is_a_check(first: Materialized) -> None:
    assert first.checks.keys() == CHECKS
    assert all(check.passed for check in first.checks.values())
    assert first.checks["one_row_per_source_and_day"].asset_key == dg.AssetKey(["gold", "ingestion_daily"])
    assert first.checks["every_chunk_is_in_the_inventory"].asset_key == dg.AssetKey(["gold", "document_inventory"])


def test_no_check_of_a_mart_blocks() -> None:
    graph = defs.resolve_asset_graph()
    specs = [graph.get_check_spec(key) for key in graph.asset_check_keys if key.name in CHECKS]
    assert len(specs) == len(CHECKS)
    assert not any(spec.blocking for spec in specs)


def test_a_run_without_news_repeats_what_was_judged_and_by_whom(pipeline: Pipeline, first: Materialized) -> None:
    again = materialize(day(2))
    assert again.success
    assert again.numbers["gold/ingestion_daily"][day(2)]["unchanged"] is True
    assert again.checks.keys() == CHECKS
    assert {check.metadata["judged_by"].value for check in again.checks.values()} == {first.run_id}


def test_one_mart_can_be_materialized_alone(pipeline: Pipeline, first: Materialized) -> None:
    alone = materialize(day(3), selection=[dg.AssetKey(["gold", "document_inventory"])])
    assert alone.success
    assert alone.numbers.keys() == {"gold/document_inventory"}
    assert alone.checks.keys() == CHECKS - {"one_row_per_source_and_day"}


@at_ci("a build of dbt")
def test_a_failed_test_fails_its_check_and_holds_back_its_mart_alone(pipeline: Pipeline, first: Materialized) -> None:
    lake = pipeline.workspace().lake
    state, before = lake.read(STATE, where={"document_id": "docs:b.md"}), lake.version(DOCUMENT_INVENTORY)
    lake.replace_rows(STATE, pa.concat_tables([state, state]), column="document_id", values=["docs:b.md"])
    doubled = materialize(day(3))
    lake.replace_rows(STATE, state, column="document_id", values=["docs:b.md"])
    assert doubled.success
    failed = doubled.checks["unique_document_inventory_document_id"]
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert failed.metadata["failures"].value == 1
    assert doubled.numbers.keys() == {"gold/ingestion_daily"}
    assert lake.version(DOCUMENT_INVENTORY) == before


@at_ci("a build of dbt")
def test_without_the_warehouse_the_marts_are_built_again(pipeline: Pipeline, first: Materialized) -> None:
    pipeline.settings.warehouse_path.unlink()
    lake = pipeline.workspace().lake
    before = [lake.version(mart) for mart in (DOCUMENT_INVENTORY, INGESTION_DAILY)]
    again = materialize(*DAYS)
    assert again.success
    assert again.numbers["gold/document_inventory"][day(1)]["unchanged"] is False
    assert [lake.version(mart) for mart in (DOCUMENT_INVENTORY, INGESTION_DAILY)] == before
