"""PPTX: a page per slide, with its title, texts, tables, the numbers of its charts, and the speaker's notes.

The XML is walked here: python-pptx 1.0 refuses a file with a picture that is gone, takes a chart's or a table's word
for how many cells to read, and does not see SmartArt.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from assay.documents.parsing.content_type import Content
from assay.documents.parsing.office_charts import CHART, write_chart
from assay.documents.parsing.office_package import PPTX, OfficePackage, XmlElement, whole_number
from assay.documents.parsing.page_writer import PageWriter
from assay.documents.parsing.registry import Extracted, Parser
from assay.errors import DocumentRejected

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TEXTS = (f"{_A}t", "{http://schemas.openxmlformats.org/officeDocument/2006/math}t")
_TITLES = frozenset({"title", "ctrTitle"})
_BOILERPLATE = frozenset({"dt", "ftr", "hdr", "sldNum", "sldImg"})
# What a placeholder without a type is, and what its paragraphs are by default: items of a list.
_BODIES = frozenset({"body", "obj"})
_OFF = ("0", "false")


def parse_pptx(content: Content) -> Extracted:
    """A hidden slide keeps its number and is an empty page. The title is that of the first slide that has one."""
    package = OfficePackage.open(content.data)
    main = package.main_part()
    relations = package.relations(main)
    writer = PageWriter()
    title = ""
    for slide in package.root(main).iter(f"{_P}sldId"):
        relation = relations.get(slide.get(f"{_R}id") or "")
        if relation is None:
            raise DocumentRejected("corrupt", "The presentation lists a slide that is not in it.")
        root = package.root(relation.part)
        if root.get("show") not in _OFF:
            reader = _Slide(package, relation.part, writer)
            reader.read(root)
            title = title or reader.title
            for notes in package.related("notesSlide", relation.part):
                _write_notes(writer, package.root(notes))
        writer.end_page()
    return writer.extracted(title or package.declared_title())


@dataclass(slots=True)
class _Slide:
    package: OfficePackage
    part: str
    writer: PageWriter
    title: str = ""
    counts: dict[int, int] = field(default_factory=dict[int, int])

    def read(self, root: XmlElement) -> None:
        """Titles first: a slide's tree is in the order of drawing."""
        shapes = list(_shapes(root))
        for shape in sorted(shapes, key=lambda shape: _placeholder(shape) not in _TITLES):
            if shape.tag == f"{_P}sp":
                self._text(shape)
            else:
                self._graphic(shape)

    def _text(self, shape: XmlElement) -> None:
        kind = _placeholder(shape)
        paragraphs = [paragraph for body in shape.findall(f"{_P}txBody") for paragraph in body.findall(f"{_A}p")]
        texts = [(paragraph, text) for paragraph in paragraphs if (text := _text_of(paragraph)).strip()]
        if kind in _BOILERPLATE:
            return
        if kind in _TITLES:
            title = " ".join(text for _, text in texts)
            self.title = self.title or title
            self.writer.heading(title, 1)
            return
        for paragraph, text in texts:
            self._paragraph(paragraph, text, is_list=kind in _BODIES and len(texts) > 1)

    def _paragraph(self, paragraph: XmlElement, text: str, *, is_list: bool) -> None:
        properties = paragraph.find(f"{_A}pPr")
        level = 0 if properties is None else whole_number(properties.get("lvl"), 0)
        marks = set() if properties is None else {child.tag for child in properties}
        if f"{_A}buAutoNum" in marks:
            self.counts = {at: count for at, count in self.counts.items() if at <= level}
            self.counts[level] = self.counts.get(level, 0) + 1
            self.writer.item(text, level, f"{self.counts[level]}. ")
            return
        self.counts.clear()
        if f"{_A}buChar" in marks or f"{_A}buBlip" in marks or (is_list and f"{_A}buNone" not in marks):
            self.writer.item(text, level)
        else:
            self.writer.prose(text)

    def _graphic(self, frame: XmlElement) -> None:
        for table in frame.iter(f"{_A}tbl"):
            self.writer.table(_rows(table))
        for chart in frame.iter(CHART):
            write_chart(self.writer, chart, self.package, self.part)
        for diagram in frame.iter(_DIAGRAM):
            relation = self.package.relations(self.part).get(diagram.get(f"{_R}dm") or "")
            if relation is not None and relation.part in self.package.members:
                for paragraph in self.package.root(relation.part).iter(f"{_A}p"):
                    self.writer.item(_text_of(paragraph), 0)


def _shapes(element: XmlElement) -> Iterator[XmlElement]:
    """Shapes with text and graphic frames, those in groups too, without the hidden ones."""
    for child in element:
        if child.tag in (f"{_P}sp", f"{_P}graphicFrame"):
            if not any(named.get("hidden") not in (None, *_OFF) for named in child.iter(f"{_P}cNvPr")):
                yield child
        elif child.tag != _FALLBACK:
            yield from _shapes(child)


def _placeholder(shape: XmlElement) -> str | None:
    found = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return None if found is None else found.get("type") or "obj"


def _text_of(paragraph: XmlElement) -> str:
    parts = (child.text or "" if child.tag in _TEXTS else "\n" for child in paragraph.iter(*_TEXTS, f"{_A}br"))
    return "".join(parts).replace("\v", "\n")


def _rows(table: XmlElement) -> list[list[str]]:
    """A cell over several places is followed by one for each other place, which names it."""
    rows: list[list[str]] = []
    for row in table.findall(f"{_A}tr"):
        line: list[str] = []
        for column, cell in enumerate(row.findall(f"{_A}tc")):
            if cell.get("hMerge") not in (None, *_OFF) and line:
                line.append(line[-1])
            elif cell.get("vMerge") not in (None, *_OFF) and rows and column < len(rows[-1]):
                line.append(rows[-1][column])
            else:
                line.append(" ".join(_text_of(paragraph) for paragraph in cell.iter(f"{_A}p")))
        rows.append(line)
    return rows


def _write_notes(writer: PageWriter, notes: XmlElement) -> None:
    bodies = [shape for shape in _shapes(notes) if _placeholder(shape) == "body"]
    texts = [text for body in bodies for paragraph in body.iter(f"{_A}p") if (text := _text_of(paragraph)).strip()]
    if texts:
        writer.heading("Notes", 2)
    for text in texts:
        writer.prose(text)


PARSER = Parser(name="pptx", version=1, media_types=(PPTX,), parse=parse_pptx)
