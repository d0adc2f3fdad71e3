"""The lake's Delta tables as dbt sources; `meta.lake_table` of a source table names the one it stands for.

dbt-duckdb's own `delta` plugin fails on a table that was never written and puts the home's path into the manifest.
Through `Lake` such a table is empty, and one with other columns than its row class has is refused.
"""

import json
import os

import pyarrow.dataset as ds
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.duckdb.utils import SourceConfig

from assay.dbt import LAKE_VERSIONS
from assay.lake import LakeAt
from assay.lake_tables import LAKE_TABLES
from assay.settings import load_settings


class Plugin(BasePlugin):
    """What dbt-duckdb asks for the rows of a source."""

    def load(self, source_config: SourceConfig) -> ds.Dataset:
        versions = json.loads(os.environ.get(LAKE_VERSIONS, "{}"))
        return LakeAt(load_settings().lake_path, versions).dataset(LAKE_TABLES[source_config["lake_table"]])

    def default_materialization(self) -> str:
        return "view"  # a table would copy the lake into the warehouse
