"""DOCX, PPTX and XLSX of the sample, the same bytes whenever they are made."""

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from source_blocks import Block

# What the formats record of their making; a clock would make every file another one each time.
MADE_AT = datetime(2026, 11, 3, 8, 0)
_STYLES = {
    "heading": "Title", "subheading": "Heading 1", "bullet": "List Bullet", "number": "List Number", "quote": "Quote",
}  # fmt: skip


def docx(blocks: Sequence[Block]) -> bytes:
    """A document with a title, headings, lists and tables by Word's own styles."""
    import docx as library

    document = library.Document()
    for block in blocks:
        if block.kind == "table":
            table = document.add_table(rows=0, cols=len(block.rows[0]), style="Table Grid")
            for row in block.rows:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
        else:
            document.add_paragraph(block.text, style=_STYLES.get(block.kind))
    return _saved(document, document.core_properties)


def pptx(blocks: Sequence[Block]) -> bytes:
    """A slide for every heading: its lists and paragraphs in the body, its table below."""
    import pptx as library
    from pptx.util import Cm

    presentation = library.Presentation()
    body: Any = None
    for block in blocks:
        if block.kind == "heading":
            slide = presentation.slides.add_slide(presentation.slide_layouts[1])
            slide.shapes.title.text, body = block.text, slide.placeholders[1].text_frame
        elif block.kind == "table":
            body.text = body.text or "In numbers"
            frame = slide.shapes.add_table(len(block.rows), len(block.rows[0]), Cm(2), Cm(8), Cm(21), Cm(6))
            for position, row in enumerate(block.rows):
                for column, text in enumerate(row):
                    frame.table.cell(position, column).text = text
        elif body.text:
            body.add_paragraph().text = block.text
        else:
            body.text = block.text
    return _saved(presentation, presentation.core_properties)


def xlsx(blocks: Sequence[Block]) -> bytes:
    """A sheet for every heading, with the table under it; what reads as a number is one."""
    import openpyxl

    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for block in blocks:
        if block.kind == "heading":
            sheet = workbook.create_sheet(block.text)
        for row in block.rows:
            sheet.append([_number(cell) for cell in row])
    return _saved(workbook, workbook.properties)


def _number(cell: str) -> str | int | float:
    if cell.isdigit():
        return int(cell)
    return float(cell) if cell.replace(".", "", 1).isdigit() else cell


def _saved(document: Any, properties: Any) -> bytes:
    for name in ("created", "modified"):
        setattr(properties, name, MADE_AT)
    written = io.BytesIO()
    document.save(written)
    return _without_times(written.getvalue())


def _without_times(archive: bytes) -> bytes:
    """The same archive with one time for all its members, and openpyxl's note of the moment of saving."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as read, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        for member in read.infolist():
            data = read.read(member)
            if member.filename == "docProps/core.xml":
                data = _with_fixed_times(data)
            written.writestr(zipfile.ZipInfo(member.filename, MADE_AT.timetuple()[:6]), data, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _with_fixed_times(properties: bytes) -> bytes:
    import re

    return re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", MADE_AT.strftime("%Y-%m-%dT%H:%M:%SZ").encode(), properties)
