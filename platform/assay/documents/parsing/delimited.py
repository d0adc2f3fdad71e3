"""CSV and TSV: the whole file as one table."""

import csv
import io

from assay.documents.parsing.content_type import Content
from assay.documents.parsing.delimiters import find_delimiter
from assay.documents.parsing.page_writer import PageWriter
from assay.documents.parsing.pipe_tables import MAX_TABLE_CELLS
from assay.documents.parsing.registry import Extracted, Parser
from assay.documents.parsing.text_type import CSV, TSV
from assay.errors import DocumentRejected


def parse_delimited(content: Content) -> Extracted:
    """The first row is the head. Empty rows are left out. Raises DocumentRejected("too_large")."""
    text = content.text or ""
    delimiter = find_delimiter(text, is_named=True) or ","
    rows: list[list[str]] = []
    width = 0
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True):
            if any(value.strip() for value in row):
                rows.append(row)
                width = max(width, len(row))
            if width * len(rows) > MAX_TABLE_CELLS:
                raise DocumentRejected("too_large", f"The table has more than {MAX_TABLE_CELLS:,} cells.")
    except csv.Error:
        return Extracted(pages=(text,))  # a quote that is never closed: the text is read as it stands
    writer = PageWriter()
    writer.table(rows)
    return writer.extracted()


PARSER = Parser(name="delimited", version=1, media_types=(CSV, TSV), parse=parse_delimited)
