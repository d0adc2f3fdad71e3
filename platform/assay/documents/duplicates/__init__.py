"""Exact and near duplicates among the current documents: which one of them is found, and which are hidden behind it."""

from assay.documents.duplicates.hidden import COMPARED, DUPLICATES, SIGNATURES, hidden_documents
from assay.documents.duplicates.reconcile import (
    DuplicatesReport,
    derive_duplicates,
    duplicates_lock,
    write_duplicates,
)

__all__ = [
    "COMPARED",
    "DUPLICATES",
    "SIGNATURES",
    "DuplicatesReport",
    "derive_duplicates",
    "duplicates_lock",
    "hidden_documents",
    "write_duplicates",
]
