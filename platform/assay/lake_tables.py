"""Every table of the lake by name: what a backup, an upkeep or a comparison of two homes has to go through."""

from collections.abc import Mapping
from types import MappingProxyType

from assay import event_tables, tables
from assay.quality import outcomes, verdicts
from assay.schema import Table, table_of

LAKE_TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table_of(row_class).name: table_of(row_class)
        for module in (tables, event_tables, outcomes, verdicts)
        for row_class in vars(module).values()
        if hasattr(row_class, "__assay_table__")
    }
)
