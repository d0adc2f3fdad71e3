"""Assay: documents and events in; searchable chunks, embeddings and releases that were tested before they serve."""
