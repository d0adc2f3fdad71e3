"""Documents: sources, parsing, chunking, and the bronze, silver and gold stages between them."""

from assay.documents.chunking import Chunk, chunk_text
from assay.documents.parsing import ParsedDocument, parse_document

__all__ = ["Chunk", "ParsedDocument", "chunk_text", "parse_document"]
