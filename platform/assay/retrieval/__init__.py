"""Retrieval: the LanceDB index of chunks, the release that serves, and search over it."""

from assay.retrieval.fusion import fuse
from assay.retrieval.hits import Hit, Place, SearchResult
from assay.retrieval.index import ChunkIndex, IndexCommit, table_name
from assay.retrieval.legs import SearchMode
from assay.retrieval.maintenance import MaintenanceReport
from assay.retrieval.search import QueryModel, Searcher
from assay.retrieval.serving import ServingPointer, flip, read_head, read_history, read_pointer, retained_releases

__all__ = [
    "ChunkIndex",
    "Hit",
    "IndexCommit",
    "MaintenanceReport",
    "Place",
    "QueryModel",
    "SearchMode",
    "SearchResult",
    "Searcher",
    "ServingPointer",
    "flip",
    "fuse",
    "read_head",
    "read_history",
    "read_pointer",
    "retained_releases",
    "table_name",
]
