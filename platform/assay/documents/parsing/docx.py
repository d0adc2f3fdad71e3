"""DOCX: the body as Markdown, with headings by style, lists by numbering and tables in their place.

The XML is walked here, for python-docx 1.2 passes over content controls, text boxes, inserted text and footnotes, and
refuses a file with macros, of the strict dialect, or with a picture that is gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from assay.documents.parsing.content_type import Content
from assay.documents.parsing.docx_styles import DocxStyles, W, value_of
from assay.documents.parsing.office_charts import CHART, write_chart
from assay.documents.parsing.office_package import DOCX, OfficePackage, XmlElement, whole_number
from assay.documents.parsing.page_writer import PageWriter
from assay.documents.parsing.pipe_tables import MAX_TABLE_CELLS
from assay.documents.parsing.registry import Extracted, Parser
from assay.errors import DocumentRejected

_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_CHARACTERS = {f"{W}tab": " ", f"{W}cr": "\n", f"{W}br": "\n", f"{W}noBreakHyphen": "\u2011"}
# What a formula's parts are parted by: a/b, a^b, a_b.
_BEFORE_MATH = {f"{_M}den": "/", f"{_M}sup": "^", f"{_M}sub": "_"}
# Properties, what was deleted or moved away, the codes of fields, and pictures of a text that is there as text.
_NOT_TEXT = frozenset({
    f"{W}pPr", f"{W}rPr", f"{W}tcPr", f"{W}tblPr", f"{W}trPr", f"{W}sdtPr", f"{W}del", f"{W}moveFrom", f"{W}delText",
    f"{W}instrText", f"{W}fldData", f"{W}delInstrText", f"{_M}rPr", f"{_MC}Fallback",
})  # fmt: skip
_NOTES = {f"{W}footnoteReference": "footnotes", f"{W}endnoteReference": "endnotes"}
_NOTE_PREFIXES = {"footnotes": "", "endnotes": "e"}
_MAX_COLUMNS = 63  # of a table in Word
_OFF = ("0", "false", "off")


def parse_docx(content: Content) -> Extracted:
    """One page: Word breaks pages when it prints. Headers, footers, comments, deleted and hidden text are left out.

    Foot- and endnotes follow the text. The title is that of the first heading, else the one among the properties.
    """
    package = OfficePackage.open(content.data)
    main = package.main_part()
    reader = _Reader(package, main, DocxStyles.of(package, main))
    for body in package.root(main).findall(f"{W}body"):
        reader.read(body)
    for kind in _NOTE_PREFIXES:
        for part in package.related(kind, main):
            reader.read_notes(package.root(part), kind)
    return reader.writer.extracted(reader.title or package.declared_title())


@dataclass(slots=True)
class _Reader:
    package: OfficePackage
    main: str
    styles: DocxStyles
    writer: PageWriter = field(default_factory=PageWriter)
    title: str = ""
    noted: set[str] = field(default_factory=set[str])
    cells: int = 0

    def read(self, container: XmlElement) -> None:
        for block in container:
            if block.tag == f"{W}p":
                self._paragraph(block)
            elif block.tag == f"{W}tbl":
                self._table(block)
            elif block.tag not in _NOT_TEXT:  # content controls, insertions, custom XML
                self.read(block)

    def read_notes(self, root: XmlElement, kind: str) -> None:
        for note in root:
            mark = f"[^{_NOTE_PREFIXES[kind]}{note.get(f'{W}id')}]"
            if mark in self.noted:
                self.writer.prose(f"{mark}: {' '.join(self._texts_in(note))}")

    def _paragraph(self, paragraph: XmlElement) -> None:
        properties = paragraph.find(f"{W}pPr")
        boxes: list[XmlElement] = []
        text = "".join(self._inline(paragraph, boxes))
        if text.strip():
            if (level := self.styles.heading_level(properties)) is not None:
                self.writer.heading(text, level)
                self.title = self.title or text
            elif (item := self.styles.item(properties)) is not None:
                self.writer.item(text, item.level, item.marker)
            else:
                self.writer.prose(text)
        for box in boxes:
            if box.tag == CHART:
                write_chart(self.writer, box, self.package, self.main)
            else:
                self.read(box)

    def _inline(self, element: XmlElement, boxes: list[XmlElement]) -> Iterator[str]:
        """The text of a paragraph piece by piece; text boxes and charts anchored in it are put aside."""
        for child in element:
            tag = child.tag
            if tag in (f"{W}t", f"{_M}t"):
                yield child.text or ""
            elif tag in _CHARACTERS:
                yield "" if child.get(f"{W}type") in ("page", "column") else _CHARACTERS[tag]
            elif tag in _NOTES:
                mark = f"[^{_NOTE_PREFIXES[_NOTES[tag]]}{child.get(f'{W}id')}]"
                self.noted.add(mark)
                yield mark
            elif tag in (f"{W}txbxContent", CHART):
                boxes.append(child)
            elif tag not in _NOT_TEXT and not (tag == f"{W}r" and _is_hidden(child)):
                yield _BEFORE_MATH.get(tag, "")
                yield from self._inline(child, boxes)

    def _table(self, table: XmlElement) -> None:
        rows: list[list[str]] = []
        cells: list[XmlElement] = []
        for row in _inside(table, f"{W}tr"):
            if row.find(f"{W}trPr/{W}del") is not None:
                continue
            line: list[str] = []
            for cell in _inside(row, f"{W}tc"):
                cells.append(cell)
                columns = min(whole_number(value_of(cell, f"{W}tcPr/{W}gridSpan"), 1), _MAX_COLUMNS)
                text = self._merged_text(cell, rows, len(line))
                line += [" ".join(self._texts_in(cell)) if text is None else text] * columns
            rows.append(line)
            self.cells += len(line)
            if self.cells > MAX_TABLE_CELLS:
                raise DocumentRejected("too_large", f"Its tables have more than {MAX_TABLE_CELLS:,} cells.")
        if max(map(len, rows), default=0) > 1:
            self.writer.table(rows)
        else:  # a frame around text
            for cell in cells:
                self.read(cell)

    def _merged_text(self, cell: XmlElement, above: list[list[str]], column: int) -> str | None:
        """The text of the cell above for one that continues it; None for one of its own."""
        merge = cell.find(f"{W}tcPr/{W}vMerge")
        if merge is None or merge.get(f"{W}val") == "restart" or not above or column >= len(above[-1]):
            return None
        return above[-1][column]

    def _texts_in(self, element: XmlElement) -> Iterator[str]:
        """The texts of all paragraphs below an element, those of nested tables and text boxes too."""
        for child in element:
            if child.tag == f"{W}p":
                boxes: list[XmlElement] = []
                yield "".join(self._inline(child, boxes))
                for box in boxes:
                    yield from self._texts_in(box)
            elif child.tag not in _NOT_TEXT:
                yield from self._texts_in(child)


def _inside(element: XmlElement, tag: str) -> Iterator[XmlElement]:
    """The rows of a table or cells of a row, also those in content controls; not those of nested tables."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag not in _NOT_TEXT:
            yield from _inside(child, tag)


def _is_hidden(run: XmlElement) -> bool:
    vanish = run.find(f"{W}rPr/{W}vanish")
    return vanish is not None and vanish.get(f"{W}val") not in _OFF


PARSER = Parser(name="docx", version=1, media_types=(DOCX,), parse=parse_docx)
