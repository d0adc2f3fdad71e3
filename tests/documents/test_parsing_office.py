"""Word, PowerPoint and Excel: structure, tables in their place, what is left out, and files made to do harm."""

import datetime as dt
import io
import os
import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import qn
from openpyxl.chart import BarChart, Reference
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from assay.documents.parsing import ParsedDocument, office_package, parse_here, pipe_tables
from assay.errors import DocumentRejected

SHARED_DATA = Path(os.environ.get("ASSAY_SHARED_DATA", "/nonexistent"))
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def saved(document: object) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def changed(data: bytes, members: Mapping[str, bytes | None]) -> bytes:
    """The archive with other contents of these members; None takes one out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if (content := members.get(name, old.read(name))) is not None:
                new.writestr(name, content)
    return buffer.getvalue()


def member(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


def refusal(data: bytes, name: str) -> str:
    with pytest.raises(DocumentRejected) as refused:
        parse_here(data, name)
    return refused.value.reason


def assert_tables_stand(parsed: ParsedDocument) -> None:
    """Every table is where it says, on the page it says, and its rows are those of its Markdown."""
    for table in parsed.tables:
        page = parsed.pages[table.page - 1]
        assert page.start <= table.start < table.end <= page.end
        lines = parsed.text[table.start : table.end].split("\n")
        cells = [re.split(r"(?<!\\) \| ", line.removeprefix("| ").removesuffix(" |")) for line in lines]
        del cells[1]
        assert tuple(tuple(cell.replace("\\|", "|") for cell in row) for row in cells) == table.rows
        assert parsed.text[table.end : table.end + 1] in ("", "\n")
        assert table.confidence == 1


def word_file() -> bytes:
    document = docx.Document()
    document.core_properties.title = "Declared"
    document.add_heading("The e\u0301tude", 0)
    document.add_heading("Part one", 1)
    document.add_paragraph("# no heading")
    document.add_paragraph("first", style="List Bullet")
    document.add_paragraph("below", style="List Bullet 2")
    document.add_paragraph("one", style="List Number")
    document.add_paragraph("two", style="List Number")
    table = document.add_table(rows=3, cols=3)
    for row, texts in zip(table.rows, (["a|b", "head", "x"], ["wide", "", "1"], ["e\u0301", "3\n4", "5"]), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.cell(1, 0).merge(table.cell(1, 1))
    document.add_paragraph("After it.")
    return saved(document)


def test_word_has_its_structure() -> None:
    parsed = parse_here(word_file(), "report.docx")
    assert parsed.text == (
        "# The étude\n\n# Part one\n\n\\# no heading\n\n- first\n    - below\n\n1. one\n2. two\n\n"
        "| a\\|b | head | x |\n| --- | --- | --- |\n| wide | wide | 1 |\n| é | 3 4 | 5 |\n\nAfter it."
    )
    assert (parsed.title, parsed.parser, len(parsed.pages)) == ("The étude", "docx@1", 1)
    assert [table.rows for table in parsed.tables] == [(("a|b", "head", "x"), ("wide", "wide", "1"), ("é", "3 4", "5"))]
    assert_tables_stand(parsed)


def test_word_headings_come_from_outline_levels_of_any_style() -> None:
    document = docx.Document()
    style = document.styles.add_style("Kapitel", WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = document.styles["Heading 2"]
    document.add_paragraph("By its base", style="Kapitel")
    level = OxmlElement("w:outlineLvl")
    level.set(qn("w:val"), "2")
    document.add_paragraph("By itself")._p.get_or_add_pPr().append(level)
    document.add_paragraph("Body")
    assert parse_here(saved(document), "a.docx").text == "## By its base\n\n### By itself\n\nBody"


BODY = f"""<w:body xmlns:w="{W}"
 xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math">
<w:sdt><w:sdtContent><w:p><w:r><w:t>in a control</w:t></w:r></w:p></w:sdtContent></w:sdt>
<w:p><w:ins><w:r><w:t>inserted</w:t></w:r></w:ins><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>
 <w:r><w:rPr><w:vanish/></w:rPr><w:t>unseen</w:t></w:r></w:p>
<w:p><w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent>
 </mc:Choice><mc:Fallback><w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent></mc:Fallback>
 </mc:AlternateContent></w:r><w:r><w:t>beside</w:t></w:r></w:p>
<w:p><m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f></m:oMath></w:p>
<w:tbl><w:tr><w:tc><w:p><w:r><w:t>framed</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
</w:body>"""


def test_word_text_is_found_wherever_a_reader_sees_it_and_only_there() -> None:
    document = docx.Document()
    document.element.replace(document.element.body, parse_xml(BODY))
    parsed = parse_here(saved(document), "a.docx")
    assert parsed.text.split("\n\n") == ["in a control", "inserted", "beside", "boxed", "a/b", "framed"]
    assert parsed.tables == ()


def test_word_with_macros_of_the_strict_dialect_or_without_its_picture_is_read() -> None:
    data = word_file()
    text = parse_here(data, "a.docx").text
    types = member(data, "[Content_Types].xml")
    main = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    assert main in types
    macros = types.replace(main, b"application/vnd.ms-word.document.macroEnabled.main+xml")
    usual, strict = W.encode(), b"http://purl.oclc.org/ooxml/wordprocessingml/main"
    parts = ("word/document.xml", "word/styles.xml", "word/numbering.xml")
    relations = member(data, "word/_rels/document.xml.rels")
    gone = b'<Relationship Id="rId99" Type="x/image" Target="../NULL"/></Relationships>'
    for members in (
        {"[Content_Types].xml": macros},
        {part: member(data, part).replace(usual, strict) for part in parts},
        {"word/_rels/document.xml.rels": relations.replace(b"</Relationships>", gone)},
    ):
        other = changed(data, members)
        assert other != data
        assert parse_here(other, "a.docx").text == text


def slides() -> bytes:
    deck = pptx.Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Quarter"
    frame = first.placeholders[1].text_frame
    frame.text = "Up\vand away"
    frame.add_paragraph().text = "Detail"
    frame.paragraphs[1].level = 1
    table = first.shapes.add_table(2, 2, Inches(1), Inches(1), Inches(4), Inches(1)).table
    for row, texts in enumerate((["k", "v"], ["merged", ""])):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    table.cell(1, 0).merge(table.cell(1, 1))
    first.notes_slide.notes_text_frame.text = "Say it slowly."
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "Hidden"
    second._element.set("show", "0")
    third = deck.slides.add_slide(deck.slide_layouts[6])
    group = third.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, 9, 9).text_frame.text = "In a group"
    data = CategoryChartData()
    data.categories = ["Q1", "Q2"]
    data.add_series("2026", (10, 20.5))
    third.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, Inches(3), Inches(3), data)
    return saved(deck)


def test_powerpoint_has_a_page_per_slide() -> None:
    parsed = parse_here(slides(), "deck.pptx")
    pages = [parsed.text[page.start : page.end].strip() for page in parsed.pages]
    assert pages == [
        "# Quarter\n\n- Up\n  and away\n    - Detail\n\n| k | v |\n| --- | --- |\n| merged | merged |\n\n"
        "## Notes\n\nSay it slowly.",
        "",
        "In a group\n\n|  | 2026 |\n| --- | --- |\n| Q1 | 10 |\n| Q2 | 20.5 |",
    ]
    assert (parsed.title, parsed.parser) == ("Quarter", "pptx@1")
    assert [table.page for table in parsed.tables] == [1, 3]
    assert_tables_stand(parsed)


def workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sales"
    sheet["A1"] = "All of it"
    sheet.merge_cells("A1:C1")
    for row in (
        ["day", "share", "sum"],
        [dt.date(2026, 11, 24), 0.15, 0.1 + 0.2],
        [dt.datetime(2026, 1, 2, 3, 4), 1, True],
    ):
        sheet.append(row)
    sheet["B3"].number_format = "0%"
    sheet["A6"], sheet["C6"] = "x", "y"
    sheet["A7"], sheet["C7"] = "both", "z"
    sheet.merge_cells("A7:A8")
    sheet["C8"] = "w"
    sheet["XFD1048576"] = "far"
    book.create_sheet("Secret").append(["hidden"])
    book["Secret"].sheet_state = "hidden"
    book.create_sheet("Empty")
    chart = BarChart()
    chart.title = "Bars"
    chart.add_data(Reference(sheet, min_col=3, min_row=6, max_row=8))
    book.create_chartsheet("Chart").add_chart(chart)
    return saved(book)


def test_excel_has_a_page_per_visible_sheet() -> None:
    parsed = parse_here(workbook(), "sales.xlsx")
    pages = [parsed.text[page.start : page.end].strip() for page in parsed.pages]
    assert pages == [
        "# Sales\n\nAll of it\n\n| day | share | sum |\n| --- | --- | --- |\n| 2026-11-24 | 15% | 0.3 |\n"
        "| 2026-01-02 03:04:00 | 1 | TRUE |\n\n| x | y |\n| --- | --- |\n| both | z |\n| both | w |\n\nfar",
        "",
        "# Chart\n\nBars",
    ]
    assert (parsed.title, parsed.parser, len(parsed.tables)) == ("sales", "xlsx@1", 2)
    assert_tables_stand(parsed)


def test_excel_shows_what_its_formulas_gave_when_it_was_saved() -> None:
    book = openpyxl.Workbook()
    book.active.append(["n", "twice"])
    book.active.append([21, "=A2*2"])
    data = saved(book)
    sheet = member(data, "xl/worksheets/sheet1.xml")
    computed = sheet.replace(b"<v />", b"<v>42</v>").replace(b"<v/>", b"<v>42</v>").replace(b"<v></v>", b"<v>42</v>")
    assert computed != sheet
    assert "| 21 | 42 |" in parse_here(changed(data, {"xl/worksheets/sheet1.xml": computed}), "a.xlsx").text


@pytest.mark.parametrize(
    "make", [lambda: saved(docx.Document()), lambda: saved(pptx.Presentation()), lambda: saved(openpyxl.Workbook())]
)
def test_office_files_without_text_are_no_text(make) -> None:
    assert refusal(make(), "a") == "no_text"


def test_a_workbook_of_too_many_cells_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    book = openpyxl.Workbook()
    for row in range(60):
        book.active.cell(row + 1, row + 1, f"diagonal {row}")
        book.active.cell(row + 1, row + 2, "beside it")
    data = saved(book)
    assert parse_here(data, "a.xlsx").tables
    from assay.documents.parsing import xlsx, xlsx_cells

    monkeypatch.setattr(xlsx, "MAX_TABLE_CELLS", 60 * 61 - 1)
    assert refusal(data, "a.xlsx") == "too_large"
    monkeypatch.setattr(xlsx_cells, "MAX_TABLE_CELLS", 119)
    assert refusal(data, "a.xlsx") == "too_large"


MAIN_PARTS = {"docx": "word/document.xml", "pptx": "ppt/presentation.xml", "xlsx": "xl/workbook.xml"}
FILES = {"docx": word_file, "pptx": slides, "xlsx": workbook}
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "lol lol lol ">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]>"
)


@pytest.mark.parametrize("kind", FILES)
def test_entities_are_refused_before_they_are_read(kind: str) -> None:
    data = FILES[kind]()
    main = MAIN_PARTS[kind]
    body = re.sub(rb"<\?xml[^>]*\?>\s*", b"", member(data, main))
    for declaration in (LAUGHS, b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]>'):
        assert refusal(changed(data, {main: declaration + body}), f"a.{kind}") == "corrupt"
    wide = (LAUGHS.decode() + body.decode()).replace('<?xml version="1.0"?>', "").encode("utf-16")
    assert refusal(changed(data, {main: wide}), f"a.{kind}") == "corrupt"


@pytest.mark.parametrize("kind", FILES)
def test_bombs_end_before_they_are_unpacked(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office_package, "MAX_XML_BYTES", 1_000_000)
    monkeypatch.setattr(office_package, "_MAX_TAGS", 100_000)
    data, main = FILES[kind](), MAIN_PARTS[kind]
    spaces = b"<r>" + b" " * 1_000_001 + b"</r>"
    declared = changed(data, {main: spaces})
    assert refusal(declared, f"a.{kind}") == "too_large"
    # The same bytes under a size of 7 in both of the archive's directories.
    size = len(spaces).to_bytes(4, "little")
    assert declared.count(size) == 2
    assert refusal(declared.replace(size, (7).to_bytes(4, "little")), f"a.{kind}") == "corrupt"
    assert refusal(changed(data, {main: b"<r>" + b"<a/>" * 100_001 + b"</r>"}), f"a.{kind}") == "too_large"
    assert refusal(changed(data, {main: b"<a>" * 20_000 + b"</a>" * 20_000}), f"a.{kind}") == "corrupt"


def test_archives_inside_and_other_members_are_never_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office_package, "MAX_XML_BYTES", 1_000_000)
    with zipfile.ZipFile(inside := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * 2_000_000)
    with zipfile.ZipFile(outside := io.BytesIO(word_file()), "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/embeddings/inside.docx", inside.getvalue())
        archive.writestr("word/media/image1.png", b"0" * 2_000_000)
    assert parse_here(outside.getvalue(), "a.docx").text == parse_here(word_file(), "a.docx").text


def test_an_archive_of_too_many_members_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    data = word_file()
    members = len(zipfile.ZipFile(io.BytesIO(data)).namelist())
    monkeypatch.setattr(office_package, "_MAX_MEMBERS", members)
    assert parse_here(data, "a.docx").text
    monkeypatch.setattr(office_package, "_MAX_MEMBERS", members - 1)
    assert refusal(data, "a.docx") == "too_large"


@pytest.mark.parametrize("kind", FILES)
def test_damage_is_corrupt(kind: str) -> None:
    data, main = FILES[kind](), MAIN_PARTS[kind]
    for content in (None, b"", b"<r/", b"\x00" * 99, b"<a><b></a>"):
        assert refusal(changed(data, {main: content}), f"a.{kind}") == "corrupt"
    assert refusal(changed(data, {"_rels/.rels": None}), f"a.{kind}") == "corrupt"
    assert refusal(data[: len(data) // 2], f"a.{kind}") == "corrupt"
    name = MAIN_PARTS[kind].encode()
    at = data.index(name) + len(name) + 40
    assert (
        refusal(data[:at] + bytes(byte ^ 0x55 for byte in data[at : at + 40]) + data[at + 40 :], f"a.{kind}")
        == "corrupt"
    )


def test_archives_under_a_password_are_encrypted() -> None:
    data = bytearray(word_file())
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        data[at + 8] |= 1
    assert refusal(bytes(data), "a.docx") == "encrypted"


@pytest.mark.parametrize("kind", FILES)
def test_the_content_decides_whatever_the_name_says(kind: str) -> None:
    data = FILES[kind]()
    for name in ("a.pdf", "a.docx", "a.xlsx", "a", "a.txt"):
        assert parse_here(data, name).parser == f"{kind}@1"


def test_spans_beyond_the_limit_are_not_written_out() -> None:
    rows = [[pipe_tables.Cell("a", columns=1000, rows=9), pipe_tables.Cell("b")]] * 101
    assert pipe_tables.spread(rows)[0] == ["a", "b"]
    assert pipe_tables.spread(rows[:1])[0] == ["a"] * 1000 + ["b"]


# The lowest share seen is beside it. Missing are the names of charts' kinds, LaTeX's words and the sheet that is hidden;
# to docling a chart beside its numbers is another table.
LEAST_SHARE = {"docx": 0.78, "pptx": 0.86, "xlsx": 0.60, "csv": 0.98, "html": 0.95}


@pytest.mark.parametrize("kind", LEAST_SHARE)
def test_words_of_real_files_agree_with_another_tool(kind: str) -> None:
    folders = [path for path in SHARED_DATA.glob(f"*/pdfs/docling/{kind}") if path.is_dir()]
    if not folders:
        pytest.skip("needs pdfs/docling of the shared data: set ASSAY_SHARED_DATA")
    shares: list[float] = []
    for path in sorted(folders[0].glob(f"*.{kind}")):
        opinion = folders[0] / "groundtruth" / f"{path.name}.md"
        if not opinion.exists():
            continue
        parsed = parse_here(path.read_bytes(), path.name)
        assert_tables_stand(parsed)
        ours, theirs = (Counter(re.findall(r"\w{2,}", text)) for text in (parsed.text, visible(opinion)))
        shares.append((ours & theirs).total() / max(1, theirs.total()))
        assert not theirs or shares[-1] >= LEAST_SHARE[kind], f"{path.name} lost {theirs - ours}"
    assert len(shares) > 3
    assert sorted(shares)[len(shares) // 2] >= 0.96


def visible(path: Path) -> str:
    """Markdown without link targets, placeholders for images and escapes of HTML, which we do not write."""
    text = re.sub(r"\]\([^)]*\)|<!--.*?-->|&(?:lt|gt|amp);", " ", path.read_text(encoding="utf-8"))
    return text.replace("\\_", "_")
