"""The tables that dbt makes, as tables of the lake: the YAML of a model is the one description of its mart.

A model with `meta.table` in its configuration is published into the lake. `key` names the columns that identify a row;
then either `partition_by` names its one date column, by whose days it is written, or `replaced_by` the column of the key
by whose values its rows are replaced. Types and descriptions are those of the columns, nullability follows from the
contract's `not_null` constraints.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Annotated, Any

import pyarrow as pa

from assay.errors import ConfigurationError
from assay.lake_tables import LAKE_TABLES
from assay.schema import TIMESTAMP, Table, column
from assay.tables import ComputedAt, RunId

# Appended to the columns of a feature view when it is published; the gate of the features fills them.
LogicVersion = Annotated[
    str, "Which logic computed the row: a hash of the view's compiled SQL and of all it is built on."
]
PUBLISHED_COLUMNS: Mapping[str, Any] = {"logic_version": LogicVersion, "run_id": RunId, "computed_at": ComputedAt}

_ARROW_TYPES: Mapping[str, pa.DataType] = {
    "varchar": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp with time zone": TIMESTAMP,
    "varchar[]": pa.list_(pa.field("element", pa.string(), nullable=False)),
}


@dataclass(frozen=True)
class ModelTable:
    """A published model: its table in the lake, its node of the manifest, and its relation in the warehouse file."""

    table: Table
    node: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The model's name in dbt."""
        return self.node["name"]

    @property
    def relation(self) -> str:
        return f"{self.node['schema']}.{self.node['name']}"

    @property
    def day_column(self) -> str | None:
        """The column by whose days the table is written; None for one that is replaced by `replaced_by`."""
        return self.table.partition_by[0] if self.table.partition_by else None

    @property
    def replaced_by(self) -> str:
        """The column of the key by whose values the rows of a table without partitions are replaced."""
        return self.node["config"]["meta"]["table"]["replaced_by"]

    @property
    def feature_view(self) -> Mapping[str, Any] | None:
        """What the model says of itself as a feature view; None where it is none."""
        return self.node["config"]["meta"].get("feature_view")

    @property
    def built_table(self) -> Table:
        """The table as dbt builds it: a feature view lacks what is appended when it is published."""
        if self.feature_view is None:
            return self.table
        built = [field for field in self.table.schema if field.name not in PUBLISHED_COLUMNS]
        return Table(self.table.name, self.table.description, self.table.key, self.table.partition_by, pa.schema(built))


def model_tables(manifest: Mapping[str, Any], *, tag: str | None = None) -> Mapping[str, ModelTable]:
    """The published models of a manifest by the name of their table, those with the tag or all, in the order of the build.

    Raises ConfigurationError for a model whose description does not make a table.
    """
    found = [_model_table(node) for node in models_of(manifest, tag) if "table" in node["config"].get("meta", {})]
    return {one.table.name: one for one in found}


def lake_tables(manifest: Mapping[str, Any]) -> Mapping[str, Table]:
    """Every table of the lake by name, those that dbt makes included: what an upkeep or a comparison goes through."""
    return {**LAKE_TABLES, **{name: one.table for name, one in model_tables(manifest).items()}}


def models_of(manifest: Mapping[str, Any], tag: str | None = None) -> list[Mapping[str, Any]]:
    """The nodes of the models with the tag, or of all models; each after those that it reads."""
    nodes = {one: node for one, node in sorted(manifest["nodes"].items()) if node["resource_type"] == "model"}
    order = TopologicalSorter({one: node["depends_on"]["nodes"] for one, node in nodes.items()}).static_order()
    return [nodes[one] for one in order if one in nodes and (tag is None or tag in nodes[one]["tags"])]


def _model_table(node: Mapping[str, Any]) -> ModelTable:
    meta = node["config"]["meta"]
    fields = [_field(node, one) for one in node["columns"].values()]
    if "feature_view" in meta:
        fields += [column(name, hint) for name, hint in PUBLISHED_COLUMNS.items()]
    schema, said = pa.schema(fields), meta["table"]
    key, partition_by = tuple(said.get("key", ())), tuple(said.get("partition_by", ()))
    written_by = [*partition_by, *([said["replaced_by"]] if "replaced_by" in said else [])]
    required = {field.name for field in schema if not field.nullable}
    if not node["contract"]["enforced"]:
        raise _refused(node, "has no enforced contract")
    if len(written_by) != 1 or not key:
        raise _refused(
            node, "needs in `meta.table` a `key`, and either one column in `partition_by` or a `replaced_by`"
        )
    if optional := [name for name in (*key, *written_by) if name not in required]:
        raise _refused(node, f"is told apart by {optional}, which are not columns with a `not_null` constraint")
    if partition_by and schema.field(partition_by[0]).type != pa.date32():
        raise _refused(node, f"is partitioned by `{partition_by[0]}`, which is no date")
    table = Table(f"{node['schema']}/{node['name']}", node["description"], key, partition_by, schema)
    return ModelTable(table, node)


def _field(node: Mapping[str, Any], said: Mapping[str, Any]) -> pa.Field:
    if said["data_type"] not in _ARROW_TYPES:
        raise _refused(node, f"has the column `{said['name']}` of type `{said['data_type']}`, which no table holds")
    required = any(one["type"] == "not_null" for one in said["constraints"])
    comment = {"comment": said["description"]}
    return pa.field(said["name"], _ARROW_TYPES[said["data_type"]], nullable=not required, metadata=comment)


def _refused(node: Mapping[str, Any], problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"The model `{node['name']}` {problem}. Nothing was run. Mend `dbt_project/{node['original_file_path']}` or the "
        "YAML beside it, then look with `make dbt-manifest`."
    )
