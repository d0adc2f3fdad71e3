"""Tables of the lake from the YAML of models: all that is said of a mart is said there."""

from typing import Any

import pyarrow as pa
import pytest
from command_runs import CHECKOUT
from made_models import manifest_with, model_node

from assay.dbt import manifest_of
from assay.errors import ConfigurationError
from assay.lake_tables import LAKE_TABLES
from assay.model_tables import lake_tables, model_tables
from assay.schema import TIMESTAMP

COLUMNS = {
    "day": "date",
    "who": "varchar",
    "rows": "bigint",
    "share": "double?",
    "is_new": "boolean",
    "seen_at": "timestamp with time zone?",
    "tags": "varchar[]?",
}
BY_DAY = {"table": {"key": ["who", "day"], "partition_by": ["day"]}}


def test_a_model_by_day() -> None:
    [model] = model_tables(manifest_with(model_node("gold", "people", COLUMNS, BY_DAY))).values()
    table = model.table
    assert (table.name, table.description, table.key, table.partition_by) == (
        "gold/people",
        "Rows of people.",
        ("who", "day"),
        ("day",),
    )
    assert (model.relation, model.day_column, model.feature_view) == ("gold.people", "day", None)
    assert table.schema.types == [
        pa.date32(),
        pa.string(),
        pa.int64(),
        pa.float64(),
        pa.bool_(),
        TIMESTAMP,
        pa.list_(pa.field("element", pa.string(), nullable=False)),
    ]
    assert [field.name for field in table.schema if field.nullable] == ["share", "seen_at", "tags"]
    assert table.column_descriptions["who"] == "The who."


def test_a_feature_view_is_published_with_what_computed_its_rows() -> None:
    view = model_node("features", "activity", COLUMNS, {**BY_DAY, "feature_view": {"entity": ["who"]}})
    [model] = model_tables(manifest_with(view)).values()
    assert model.built_table.schema.names == list(COLUMNS)
    assert model.table.schema.names == [*COLUMNS, "logic_version", "run_id", "computed_at"]
    assert not any(field.nullable for field in model.table.schema if field.name not in COLUMNS)


def test_models_come_after_those_that_they_read_and_by_tag() -> None:
    first = model_node("gold", "z", COLUMNS, BY_DAY)
    second = model_node("gold", "a", COLUMNS, BY_DAY, reads=[first["unique_id"]])
    kept_inside = model_node("gold", "inner", COLUMNS, {})
    manifest = manifest_with(second, first, kept_inside)
    assert list(model_tables(manifest)) == ["gold/z", "gold/a"]
    assert model_tables(manifest, tag="documents") == {}
    assert lake_tables(manifest).keys() == LAKE_TABLES.keys() | {"gold/z", "gold/a"}


@pytest.mark.parametrize(
    ("columns", "said", "problem"),
    [
        ({"day": "timestamp"}, {"key": ["day"], "partition_by": ["day"]}, "`day` of type `timestamp`, which no table"),
        ({"day": "date?"}, {"key": ["day"], "partition_by": ["day"]}, r"told apart by \['day', 'day'\]"),
        ({"day": "varchar"}, {"key": ["day"], "partition_by": ["day"]}, "partitioned by `day`, which is no date"),
        ({"day": "date"}, {"key": ["day"]}, "needs in `meta.table` a `key`, and either"),
        ({"day": "date"}, {"key": ["day"], "partition_by": ["day"], "replaced_by": "day"}, "and either one column"),
        ({"day": "date"}, {"key": ["other"], "replaced_by": "day"}, r"told apart by \['other'\]"),
    ],
)
def test_a_description_that_makes_no_table_is_refused(
    columns: dict[str, str], said: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"The model `people` .*{problem}.*Nothing was run.*dbt-manifest"):
        model_tables(manifest_with(model_node("gold", "people", columns, {"table": said})))


def test_a_mart_without_a_contract_is_refused() -> None:
    node = model_node("gold", "people", COLUMNS, BY_DAY)
    node["contract"]["enforced"] = False
    with pytest.raises(ConfigurationError, match="has no enforced contract"):
        model_tables(manifest_with(node))


def test_every_model_of_the_project_is_published() -> None:
    manifest = manifest_of(CHECKOUT / "dbt_project", CHECKOUT / ".assay")
    found = model_tables(manifest)
    assert {name.rpartition("/")[2] for name in found} == {
        node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "model"
    }
    assert model_tables(manifest, tag="documents").keys() == {"gold/document_inventory", "gold/ingestion_daily"}
    assert found.keys() - model_tables(manifest, tag="events").keys() == model_tables(manifest, tag="documents").keys()
