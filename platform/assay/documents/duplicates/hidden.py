"""The tables of duplicates, and which documents they keep out of gold."""

import duckdb
import pyarrow as pa

from assay.schema import table_of
from assay.tables import ComparedTextsRow, DuplicateRow, TextSignatureRow
from assay.warehouse import query, registered

SIGNATURES = table_of(TextSignatureRow)
COMPARED = table_of(ComparedTextsRow)
DUPLICATES = table_of(DuplicateRow)


def hidden_documents(connection: duckdb.DuckDBPyConnection, state: pa.Table, duplicates: pa.Table) -> pa.Table:
    """`document_id` and `canonical_id` of the duplicates that this very state hides behind a current document.

    A row that is of another state hides nothing: a run between would have deleted, edited or narrowed the canonical.
    """
    with registered(connection, {"state": state, "duplicates": duplicates}):
        return query(connection, "assay.documents.duplicates", "hidden_documents.sql")
