"""Which columns the columns of a dbt model are made of, read from its compiled SQL.

dagster-dbt tells this by `fetch_column_metadata` for builds that it starts itself, and not of columns that come from
sources of a plugin. Here the columns of sources and models are those that their YAML describes.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

_DIALECT = "duckdb"
# A column of a table of the lake or of a model: `("silver/events", "event_ts")`.
UpstreamColumn: TypeAlias = tuple[str, str]


def column_lineage(manifest: Mapping[str, Any], node: Mapping[str, Any]) -> dict[str, list[UpstreamColumn]] | None:
    """For each described column of a model the columns it is computed from, sorted; None where its SQL cannot be read.

    Of a window or a conditional count those that decide what is counted are named too; none for `count(*)` and constants,
    and nothing that only filters or joins rows. The manifest must be a compiled one.
    """
    upstream = {
        (one["schema"], one["name"]): one
        for unique_id in node["depends_on"]["nodes"]
        if (one := manifest["nodes"].get(unique_id) or manifest["sources"].get(unique_id))
    }
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for (name, table), one in upstream.items():
        schema.setdefault(name, {})[table] = {column: said["data_type"] for column, said in one["columns"].items()}
    try:
        query = parse_one(node["compiled_code"], dialect=_DIALECT)
        for table in query.find_all(exp.Table):
            table.set("catalog", None)  # the name of the file that it was compiled for
        found = lineage(None, query, schema, dialect=_DIALECT, copy=False)
    except SqlglotError:
        return None
    names = {place: _name(one) for place, one in upstream.items()}
    return {column: _sources(found[column].walk(), names) for column in node["columns"] if column in found}


def _name(node: Mapping[str, Any]) -> str:
    """The name of the table in the lake: of a source its own, of a model that which it is published under."""
    return f"{node.get('source_name') or node['schema']}/{node['name']}"


def _sources(nodes: Iterable[Node], names: Mapping[tuple[str, str], str]) -> list[UpstreamColumn]:
    """The ends of a lineage that are columns of tables; others are constants, or tables of which rows are counted."""
    found: set[UpstreamColumn] = set()
    for node in nodes:
        if isinstance(node.expression, exp.Table) and (name := names.get((node.expression.db, node.expression.name))):
            found.add((name, exp.to_column(node.name, dialect=_DIALECT).name))
    return sorted(found)
