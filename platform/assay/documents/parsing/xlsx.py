"""XLSX: a page per visible sheet, with the values that its formulas had when it was saved.

Sheets are read here: openpyxl 3.1 makes an object of every cell of a merged range (17 billion at most) and yields a row
for every number that a sheet skips. What a number format means is openpyxl's.
"""

from collections.abc import Iterator

from assay.documents.parsing.content_type import Content
from assay.documents.parsing.office_charts import CHART, write_chart
from assay.documents.parsing.office_package import XLSX, OfficePackage, XmlElement
from assay.documents.parsing.page_writer import PageWriter
from assay.documents.parsing.pipe_tables import MAX_TABLE_CELLS
from assay.documents.parsing.registry import Extracted, Parser
from assay.documents.parsing.xlsx_cells import CellReader, Grid, S
from assay.errors import DocumentRejected

_RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_SHOWN = (None, "visible")


def parse_xlsx(content: Content) -> Extracted:
    """Hidden sheets are left out, hidden rows and columns are not. Of charts only those are read that fill a sheet: the
    others stand beside their numbers.

    A sheet is cut at its empty rows. What then has two columns and two rows is a table, its first row the head; a row
    above it that says one thing is its caption. Raises DocumentRejected("too_large") beyond MAX_TABLE_CELLS cells.
    """
    package = OfficePackage.open(content.data)
    main = package.main_part()
    relations = package.relations(main)
    reader = CellReader.of(package, main)
    writer = PageWriter()
    for sheet in package.root(main).findall(f"{S}sheets/{S}sheet"):
        relation = relations.get(sheet.get(_RELATION_ID) or "")
        if relation is None:
            raise DocumentRejected("corrupt", "The workbook lists a sheet that is not in it.")
        if sheet.get("state") not in _SHOWN:
            continue
        grid = reader.grid(package.root(relation.part))
        charts = [] if grid else _charts(package, relation.part)
        if grid or charts:
            writer.heading(sheet.get("name") or "", 1)
        _write_cells(writer, grid)
        for chart, drawing in charts:
            write_chart(writer, chart, package, drawing)
        writer.end_page()
    return writer.extracted(package.declared_title())


def _charts(package: OfficePackage, sheet: str) -> list[tuple[XmlElement, str]]:
    """The charts of a sheet, each with the drawing that refers to it."""
    return [(chart, part) for part in package.related("drawing", sheet) for chart in package.root(part).iter(CHART)]


def _write_cells(writer: PageWriter, grid: Grid) -> None:
    for block in _blocks(grid):
        columns = sorted({column for row in block for column in row})
        if len(columns) * len(block) > MAX_TABLE_CELLS:
            raise DocumentRejected("too_large", f"A sheet has more than {MAX_TABLE_CELLS:,} places between its cells.")
        while len(block) > 1 and len(set(block[0].values())) == 1:
            writer.prose(next(iter(block.pop(0).values())))
        if len(columns) > 1 and len(block) > 1:
            writer.table([[row.get(column, "") for column in columns] for row in block])
        else:
            writer.prose("\n".join(" ".join(dict.fromkeys(row[column] for column in sorted(row))) for row in block))


def _blocks(grid: Grid) -> Iterator[list[dict[int, str]]]:
    """Runs of rows that follow each other."""
    block: list[dict[int, str]] = []
    before = 0
    for number in sorted(grid):
        if block and number != before + 1:
            yield block
            block = []
        block.append(grid[number])
        before = number
    if block:
        yield block


PARSER = Parser(name="xlsx", version=1, media_types=(XLSX,), parse=parse_xlsx)
