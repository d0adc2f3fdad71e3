"""Handmade nodes of a dbt manifest, for models whose relations a test writes itself."""

from collections.abc import Mapping, Sequence
from typing import Any


def model_node(
    schema: str, name: str, columns: Mapping[str, str], meta: Mapping[str, Any], *, reads: Sequence[str] = ()
) -> dict[str, Any]:
    """A model of the events; a column whose type ends in `?` may be null."""
    return {
        "resource_type": "model",
        "unique_id": f"model.assay.{name}",
        "schema": schema,
        "name": name,
        "description": f"Rows of {name}.",
        "original_file_path": f"models/{name}.sql",
        "tags": ["events"],
        "contract": {"enforced": True},
        "config": {"materialized": "table", "meta": dict(meta)},
        "depends_on": {"nodes": list(reads)},
        "columns": {
            column: {
                "name": column,
                "data_type": kind.removesuffix("?"),
                "description": f"The {column}.",
                "constraints": [] if kind.endswith("?") else [{"type": "not_null"}],
            }
            for column, kind in columns.items()
        },
    }


def manifest_with(*nodes: dict[str, Any], lake_tables: Sequence[str] = ()) -> dict[str, Any]:
    """A manifest of these models and of sources for these tables of the lake."""
    return {
        "nodes": {node["unique_id"]: node for node in nodes},
        "sources": {source_id(name): {"config": {"meta": {"lake_table": name}}} for name in lake_tables},
    }


def source_id(lake_table: str) -> str:
    return f"source.assay.{lake_table.replace('/', '.')}"
