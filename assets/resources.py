"""What the assets are given: the workspace, the in-memory engine, the embedding model with its cache."""

from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource

from assay import warehouse
from assay.settings import load_settings
from assay.workspace import Run, Workspace


class LakeEngine(DuckDBResource):
    """dagster-duckdb's resource as an in-memory engine over the lake.

    Its own `get_connection` leaves the connection open when the block raises; a file would stay locked for everybody.
    """

    database: str = ":memory:"

    @contextmanager
    def get_connection(self) -> Generator[duckdb.DuckDBPyConnection]:
        with closing(
            duckdb.connect(self.database, config={**warehouse.SETTINGS, **self.connection_config})
        ) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection


class AssayHome(dg.ConfigurableResource):
    """Settings and lake from the environment; every run opens its own workspace."""

    def workspace(self, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Workspace:
        return Workspace(load_settings(), Run(context.run.run_id, datetime.now(UTC)))


RESOURCES = {"home": AssayHome(), "engine": LakeEngine()}
