"""A range join in DuckDB over the raw log: right in every cell, and it looks at every visible row of every label."""

from pathlib import Path

import duckdb
import pyarrow as pa

from point_in_time_peers.history import TTL, VALUES, VIEWS
from point_in_time_peers.measured import System, run

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


def load(folder: Path) -> duckdb.DuckDBPyConnection:
    """In DuckDB's own tables, where it is fastest."""
    connection = duckdb.connect()
    for name in ("labels", *VIEWS):
        connection.execute(f"CREATE TABLE {name} AS FROM '{folder / name}.parquet'").complete()
    return connection


def join(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    joined = connection.sql("FROM labels ORDER BY label").to_arrow_table()
    for view in VIEWS:
        found = connection.sql(SQL.replace("JOIN log", f"JOIN {view} AS log"), params={"ttl": TTL}).to_arrow_table()
        for value in VALUES:
            joined = joined.append_column(f"{view}__{value}", found.column(value))
    return joined


if __name__ == "__main__":
    run(
        System(
            f"DuckDB {duckdb.__version__} range join", load, lambda connection: connection, join, lambda joined: joined
        )
    )
