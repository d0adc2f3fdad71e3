"""The dbt project on a real lake, by the `dbt` of this environment."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from random_lakes import ingestion_days, inventory_of, random_rows
from scale import AT_CI, at_ci

from assay.lake import Lake
from assay.lake_tables import LAKE_TABLES
from assay.model_tables import model_tables
from assay.schema import Table, table_of
from assay.settings import Settings
from assay.tables import ChunkRow, DailyTextsRow, DocumentRow, DocumentStateRow

PROJECT = Path(__file__).parents[1] / "dbt_project"
DBT = Path(sys.executable).with_name("dbt")
DAY = date(2026, 11, 2)
VERSION = 1_793_577_600_000_000  # the start of DAY
EDITED = datetime(2026, 11, 3, 0, 0, 0, 1, UTC)
DOCUMENTS = "path:models/documents"
# The five problem shapes, and the model with unit tests that shows each.
PROBLEM_SHAPES = {
    "events_deduplicated": "Deduplication",
    "viewer_sessions": "Sessionization",
    "top_streams_by_category": "Top-N per group",
    "dim_creators": "A slowly changing dimension",
    "impressions_daily": "Partition pruning and late restatement",
}
# A random lake takes a build of 4 s.
SEEDS = range(3) if AT_CI else range(1)


@dataclass(frozen=True)
class Home:
    """A home with a lake, and dbt's artifacts beside it."""

    settings: Settings
    artifacts: Path

    def dbt(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run dbt on this home, warnings being errors."""
        paths = ["--profiles-dir", PROJECT, "--target-path", self.artifacts, "--log-path", self.artifacts]
        return subprocess.run(
            [DBT, "--no-use-colors", "--warn-error", *command, *paths],
            cwd=PROJECT,
            env={**os.environ, "ASSAY_HOME": str(self.settings.home)},
            capture_output=True,
            text=True,
            timeout=250,
        )

    def build(self, select: str = DOCUMENTS) -> set[str]:
        """Build, which succeeds in every node; the names of them."""
        result = self.dbt("build", "--select", select)
        assert result.returncode == 0, result.stdout
        statuses = self.statuses()
        assert {*statuses.values()} == {"pass", "success"}, statuses
        return {*statuses}

    def statuses(self) -> dict[str, str]:
        nodes = {**self.manifest()["nodes"], **self.manifest()["unit_tests"]}
        results = json.loads((self.artifacts / "run_results.json").read_text())["results"]
        return {nodes[one["unique_id"]]["name"]: one["status"] for one in results if one["unique_id"] in nodes}

    def manifest(self) -> dict[str, Any]:
        return json.loads((self.artifacts / "manifest.json").read_text())

    def inventory(self) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.settings.warehouse_path, read_only=True) as connection:
            return connection.sql("from gold.document_inventory order by document_id").fetchall()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """An empty home whose project was parsed."""
    folder = tmp_path_factory.mktemp("dbt")
    (folder / "home").mkdir()
    home = Home(Settings(home=folder / "home"), folder / "artifacts")
    result = home.dbt("parse")
    assert result.returncode == 0, result.stdout
    return home


def test_sources_say_what_the_row_classes_say(home: Home) -> None:
    sources = home.manifest()["sources"].values()
    assert sources
    for source in sources:
        table = LAKE_TABLES[source["config"]["meta"]["lake_table"]]
        assert f"{source['source_name']}/{source['name']}" == table.name
        assert source["description"] == table.description
        columns = [(one["name"], one["data_type"], one["description"]) for one in source["columns"].values()]
        assert columns == described_columns(table)


def test_no_name_stands_for_two_things_and_no_column_is_undescribed(home: Home) -> None:
    manifest = home.manifest()
    relations = [
        *manifest["sources"].values(),
        *(one for one in manifest["nodes"].values() if one["resource_type"] == "model"),
    ]
    schemas = {"lake_bronze", "lake_silver", "lake_gold", "lake_quality", "silver", "gold", "features"}
    assert {one["schema"] for one in relations} == schemas
    assert {one["database"] for one in relations} == {home.settings.warehouse_path.stem}
    assert home.settings.warehouse_path.stem not in schemas
    undescribed = [
        f"{one['name']}.{column['name']}"
        for one in relations
        for column in one["columns"].values()
        if not column["description"]
    ]
    assert undescribed == []


def test_every_node_is_described_and_every_model_teaches_and_is_published(home: Home) -> None:
    manifest = home.manifest()
    nodes = [*manifest["nodes"].values(), *manifest["unit_tests"].values(), *manifest["exposures"].values()]
    assert [one["name"] for one in nodes if not one["description"]] == []
    models = [one for one in nodes if one["resource_type"] == "model"]
    assert [one["name"] for one in models if not one["config"]["meta"]["teaches"]] == []
    assert [one["name"] for one in models if not one["contract"]["enforced"]] == []
    assert {f"{one['schema']}/{one['name']}" for one in models} == model_tables(manifest).keys()
    # A test is about one model, or Dagster has no asset to show it at.
    tests = [one for one in nodes if one["resource_type"] == "test"]
    unplaced = [
        one["name"]
        for one in tests
        if len([of for of in one["depends_on"]["nodes"] if of.startswith("model.")]) != 1
        and "ref" not in one["config"]["meta"].get("dagster", {})
    ]
    assert unplaced == []


def test_every_model_has_unit_tests_and_the_problem_shapes_are_named(home: Home) -> None:
    manifest = home.manifest()
    models = {one["name"]: one for one in manifest["nodes"].values() if one["resource_type"] == "model"}
    tested = {one["model"] for one in manifest["unit_tests"].values()}
    # Feature views are compared with brute force, in `tests/features`.
    assert [one for one in models.keys() - tested if "feature_view" not in models[one]["config"]["meta"]] == []
    for name, shape in PROBLEM_SHAPES.items():
        assert models[name]["config"]["meta"]["teaches"].startswith(f"{shape}")


def test_everything_builds_on_an_empty_lake_and_every_unit_test_passes(home: Home, tmp_path: Path) -> None:
    empty = Home(Settings(home=tmp_path), home.artifacts)
    manifest = home.manifest()
    built = empty.build("*")
    assert built == {one["name"] for kind in ("nodes", "unit_tests") for one in manifest[kind].values()}
    with duckdb.connect(empty.settings.warehouse_path, read_only=True) as connection:
        for one in model_tables(manifest).values():
            assert connection.table(one.relation).count("*").fetchall() == [(0,)], one.name


@at_ci("a build of dbt for every lake")
@pytest.mark.parametrize("seed", SEEDS)
def test_both_models_say_what_brute_force_says(home: Home, tmp_path: Path, seed: int) -> None:
    """On a lake of random rows, in which nothing fits together but what the models join on."""
    home = Home(Settings(home=tmp_path), home.artifacts)
    rows, lake = random_rows(Random(seed)), Lake(home.settings.lake_path)
    for name, table in LAKE_TABLES.items():
        values = {row[table.key[0]] for row in rows[name]}
        fresh = pa.Table.from_pylist(rows[name], schema=table.schema)
        lake.replace_rows(table, fresh, column=table.key[0], values=values)
    home.build()
    with duckdb.connect(home.settings.warehouse_path, read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        daily = connection.sql("from gold.ingestion_daily order by day, source").to_arrow_table().to_pylist()
        inventory = connection.sql("from gold.document_inventory order by document_id").to_arrow_table().to_pylist()
    assert daily == ingestion_days(rows)
    assert inventory == inventory_of(rows)


def test_the_random_lakes_hold_every_kind_of_day_and_document() -> None:
    lakes = [random_rows(Random(seed)) for seed in SEEDS]
    daily = [row for rows in lakes for row in ingestion_days(rows)]
    assert any(row["embedded"] and row["reused"] for row in daily)
    assert {row["is_blocked"] for row in daily} == {True, False}
    inventory = [row for rows in lakes for row in inventory_of(rows)]
    assert {min(row["chunks"], 1) for row in inventory} == {0, 1}
    assert {row["duplicate_of"] is None for row in inventory} == {True, False}


def test_the_manifest_serves_every_home(home: Home) -> None:
    assert str(home.settings.home) not in (home.artifacts / "manifest.json").read_text()


@at_ci("four builds of dbt")
def test_the_inventory_follows_the_lake(home: Home) -> None:
    lake = Lake(home.settings.lake_path)

    # A candidate's chunks stand beside those of what serves, and are not counted.
    put(
        lake,
        state("s:a", "umbra"),
        text("s:a", "añ😀"),
        chunk("s:a", 0, 7),
        chunk("s:a", 1, 5),
        chunk("s:a", 2, 3, "other"),
    )
    table = table_of(DailyTextsRow)
    lake.replace_rows(table, table.rows([daily_texts("s:a")]), column="document_id", values=["s:a"])
    put(lake, state("s:b"), text("s:b", "held back"))
    put(lake, state("s:gone", is_deleted=True), text("s:gone", "gone"))
    put(lake, state("s:unusable", has_text=False))
    home.build()
    start = datetime(2026, 11, 2, tzinfo=UTC)
    a = ("s:a", "s", "umbra", "Title of s:a", "en", "file:///s:a", 3, 2, 12, None, start)
    b = ("s:b", "s", "default", "Title of s:b", "en", "file:///s:b", 9, 0, 0, None, start)
    assert home.inventory() == [a, b]

    edited = microseconds(EDITED)
    put(lake, state("s:a", is_deleted=True))
    lake.replace_rows(table_of(ChunkRow), table_of(ChunkRow).empty(), column="document_id", values=["s:a"])
    put(lake, state("s:b", version=edited), text("s:b", "longer than before", version=edited), chunk("s:b", 0, 9))
    home.build()
    inventory = [("s:b", "s", "default", "Title of s:b", "en", "file:///s:b", 18, 1, 9, None, EDITED)]
    assert home.inventory() == inventory

    home.settings.warehouse_path.unlink()
    home.build()
    assert home.inventory() == inventory

    # What breaks the contract leaves the inventory that stands, and fails the build.
    put(lake, state("s:textless", text_day=date(2026, 10, 1)))
    failed = home.dbt("build", "--select", DOCUMENTS)
    assert failed.returncode == 1
    assert "NOT NULL constraint failed: document_inventory__dbt_tmp." in failed.stdout
    assert home.statuses()["document_inventory"] == "error"
    assert home.inventory() == inventory


def described_columns(table: Table) -> list[tuple[str, str, str]]:
    """Name, DuckDB type and description of each column of a row class."""
    relation = duckdb.from_arrow(table.empty())
    types = dict(zip(relation.columns, relation.types, strict=True))
    return [(name, str(types[name]).lower(), text) for name, text in table.column_descriptions.items()]


def microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def put(lake: Lake, *rows: DocumentStateRow | DocumentRow | ChunkRow) -> None:
    """Write rows, replacing those of the same table and document."""
    for row_class in (DocumentStateRow, DocumentRow, ChunkRow):
        table, of_table = table_of(row_class), [row for row in rows if isinstance(row, row_class)]
        if of_table:
            ids = {row.document_id for row in of_table}
            lake.replace_rows(table, table.rows(of_table), column="document_id", values=ids)


def state(
    document_id: str,
    tenant: str = "default",
    *,
    version: int = VERSION,
    is_deleted: bool = False,
    has_text: bool = True,
    text_day: date = DAY,
) -> DocumentStateRow:
    """The standing version of a document of source `s`."""
    stands = has_text and not is_deleted
    return DocumentStateRow(
        document_id=document_id,
        document_version=version,
        source="s",
        is_deleted=is_deleted,
        text_version=version if stands else None,
        text_source="s" if stands else None,
        text_day=text_day if stands else None,
        text_hash="hash" if stands else None,
        title=f"Title of {document_id}" if stands else None,
        uri=f"file:///{document_id}",
        tenant=tenant,
        allowed_principals=["public"],
    )


def text(document_id: str, content: str, *, version: int = VERSION) -> DocumentRow:
    return DocumentRow(
        source="s",
        day=DAY,
        document_id=document_id,
        document_version=version,
        content_hash="hash",
        media_type="text/plain",
        title=f"Title of {document_id}",
        language="en",
        text=content,
        text_hash="hash",
        page_starts=[0],
        parser="plain-1",
        cleaning="cleaning-1",
        pii_kinds=[],
        piece_starts=[0, len(content)],
        piece_source_starts=[0, len(content)],
        ocr_pages=[],
        ocr_confidences=[],
        refused_pages=[],
        refused_page_reasons=[],
        table_rows=0,
        ocr_words=0,
    )


def daily_texts(document_id: str) -> DailyTextsRow:
    return DailyTextsRow("s", DAY, document_id, "hash", "fixed", [])


def chunk(document_id: str, ordinal: int, token_count: int, chunker: str = "fixed") -> ChunkRow:
    return ChunkRow(
        chunk_id=f"{document_id}/{ordinal}",
        document_id=document_id,
        document_version=VERSION,
        document_text_hash="hash",
        source="s",
        tenant="default",
        allowed_principals=["public"],
        uri=f"file:///{document_id}",
        title=f"Title of {document_id}",
        heading_path=[],
        ordinal=ordinal,
        page=1,
        start=0,
        end=1,
        text="t",
        text_hash="hash",
        context_text="t",
        context_hash="hash",
        token_count=token_count,
        chunker=chunker,
    )
