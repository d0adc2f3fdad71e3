"""Who may find a document as of now: what the feed says, whatever becomes of its texts."""

import duckdb
import pyarrow as pa

from assay.documents.bronze import FEED
from assay.documents.manifests import MANIFESTS
from assay.documents.silver import DOCUMENTS
from assay.documents.state import tombstones
from assay.quality.blocked_days import blocked_days
from assay.warehouse import query, registered
from assay.workspace import Workspace


def fold_permissions(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """A row per id in the feed: `document_id`, `is_deleted`, `allowed_principals`, `gone_through`.

    `gone_through`: the version up to which all of the document was deleted, also where it was added again since; null
    where it was never deleted. Days whose texts are refused count, for a deletion waits for no text; days whose manifest
    or feed is refused do not.
    """
    blocked = blocked_days(workspace, (MANIFESTS, FEED))
    tables = {
        "feed": workspace.lake.dataset(FEED),
        "parsed": DOCUMENTS.empty(),
        "blocked_feeds": blocked,
        "blocked_texts": blocked.slice(0, 0),
        "tombstones": tombstones(workspace),
    }
    with registered(connection, tables):
        latest = query(connection, "assay.documents", "document_state.sql")
        with registered(connection, {"latest": latest}):
            return query(connection, "assay.documents", "permissions.sql")
