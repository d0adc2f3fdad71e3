"""A small sound file of every format that is parsed, the same bytes at every call."""

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

WORDS = ("The", "committee", "approved", "the", "budget", "for", "a", "new", "laboratory", "on", "Thursday")
_MOMENT = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def seed_files() -> dict[str, list[bytes]]:
    """Format -> its one sound file."""
    return {kind: [make()] for kind, make in _MAKERS.items()}


def real_seed_files(shared_data: Path, max_bytes: int) -> dict[str, list[bytes]]:
    """Real files of these formats, no larger than `max_bytes`."""
    suffixes = {".jpg": "jpeg", ".tif": "tiff", **{f".{kind}": kind for kind in _MAKERS}}
    found: dict[str, list[bytes]] = {}
    for path in sorted(shared_data.glob("*/pdfs/**/*")):
        kind = suffixes.get(path.suffix.lower())
        if kind and "groundtruth" not in path.parts and 0 < path.stat().st_size <= max_bytes:
            found.setdefault(kind, []).append(path.read_bytes())
    return found


def member_names(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.namelist()


def member(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


def with_members(data: bytes, members: Mapping[str, bytes]) -> bytes:
    """The archive with these members instead of those of the same names, or beside them."""
    return zipped({name: member(data, name) for name in member_names(data)} | dict(members))


def zipped(members: Mapping[str, bytes]) -> bytes:
    """An archive of these members, all of 1 January 1980."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _page_image() -> "Image":
    from PIL import ImageDraw, ImageFont
    from PIL.Image import new

    image = new("L", (420, 90), 255)
    draw = ImageDraw.Draw(image)
    for line in range(2):
        draw.text(
            (10, 10 + 36 * line), " ".join(WORDS[line * 5 : line * 5 + 5]), fill=0, font=ImageFont.load_default(22)
        )
    return image


def _picture(file_format: str, **options: object) -> Callable[[], bytes]:
    def make() -> bytes:
        _page_image().save(buffer := io.BytesIO(), file_format, **options)
        return buffer.getvalue()

    return make


def pdf(*streams: bytes, filtered: bool = False, kids: int = 1) -> bytes:
    """A PDF whose pages show the streams in Helvetica."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    for stream in streams:
        objects.append(b"<< /Length %d %s >>\nstream\n%s\nendstream" % (
            len(stream), b"/Filter /FlateDecode" if filtered else b"", stream
        ))  # fmt: skip
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources << /Font << /F 3 0 R >> >> >>"
            % len(objects)
        )
    pages = b" ".join(b"%d 0 R" % number for number in range(5, len(objects) + 1, 2)) if streams else b""
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(streams) * kids, (pages + b" ") * kids)
    written, offsets = b"%PDF-1.7\n", list[int]()
    for number, content in enumerate(objects, start=1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return written + b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, table, len(objects) + 1, len(written)
    )  # fmt: skip


def _pdf_seed() -> bytes:
    lines = b" ".join(b"(%s) Tj T*" % " ".join(WORDS).encode() for _ in range(8))
    ruled = b"72 400 m 540 400 l S 72 430 m 540 430 l S 72 400 m 72 430 l S 540 400 m 540 430 l S 300 400 m 300 430 l S"
    return pdf(b"BT /F 12 Tf 14 TL 72 700 Td " + lines + b" ET " + ruled, b"BT /F 12 Tf 72 700 Td (Second page) Tj ET")


def _without_moments(data: bytes) -> bytes:
    core = "docProps/core.xml"
    fixed = {core: _MOMENT.sub(b"2026-11-24T00:00:00Z", member(data, core))}
    workbooks = (name for name in member_names(data) if name.endswith(".xlsx"))  # of charts, dated inside
    return with_members(data, fixed | dict.fromkeys(workbooks, b""))


def _docx_seed() -> bytes:
    import docx

    document = docx.Document()
    document.add_heading("Minutes", 0)
    document.add_paragraph(" ".join(WORDS))
    document.add_paragraph("item", style="List Bullet")
    table = document.add_table(rows=3, cols=3)
    for row in table.rows:
        for cell in row.cells:
            cell.text = "cell"
    table.cell(1, 0).merge(table.cell(2, 1))
    document.save(buffer := io.BytesIO())
    return _without_moments(buffer.getvalue())


def _pptx_seed() -> bytes:
    import pptx
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Quarter"
    slide.placeholders[1].text_frame.text = " ".join(WORDS)
    slide.shapes.add_table(2, 2, 0, 0, 99, 99).table.cell(0, 0).text = "head"
    slide.notes_slide.notes_text_frame.text = "Notes"
    numbers = CategoryChartData()
    numbers.categories = ["Q1", "Q2"]
    numbers.add_series("2026", (1, 2))
    slide.shapes.add_chart(XL_CHART_TYPE.LINE, 0, 0, 99, 99, numbers)
    deck.save(buffer := io.BytesIO())
    return _without_moments(buffer.getvalue())


def _xlsx_seed() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for row in range(20):
        book.active.append([f"name {row}", row / 7, row > 5, "=A1"])
    book.active.merge_cells("A3:B5")
    book.create_sheet("Second").append(["word", 1])
    book.save(buffer := io.BytesIO())
    return _without_moments(buffer.getvalue())


def _eml_seed() -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "a@example.org", "b@example.org"
    message["Subject"], message["Date"] = "Grüße", "Tue, 24 Nov 2026 23:48:45 +0000"
    message.set_content(" ".join(WORDS))
    message.add_alternative(_html_seed().decode(), subtype="html")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="übersicht.pdf")
    for part in message.walk():
        if part.is_multipart():
            part.set_boundary(f"boundary of {part.get_content_subtype()}")
    return message.as_bytes()


def _html_seed() -> bytes:
    items = "".join(f"<li>{word}</li>" for word in WORDS)
    rows = "<tr><td rowspan=2>a<td>b<tr><td>c"
    return f"<!doctype html><title>T</title><h1>T</h1><ul>{items}</ul><table>{rows}</table><pre>code</pre>".encode()


def _markdown_seed() -> bytes:
    return f"---\ntitle: T\n---\n\n# Title\n\n{' '.join(WORDS)}\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n```\nx\n```\n".encode()


_MAKERS: dict[str, Callable[[], bytes]] = {
    "docx": _docx_seed,
    "pptx": _pptx_seed,
    "xlsx": _xlsx_seed,
    "csv": lambda: "".join(f'{n},"{WORDS[n % len(WORDS)]}",{n / 7:.3f}\n' for n in range(60)).encode(),
    "eml": _eml_seed,
    "html": _html_seed,
    "md": _markdown_seed,
    "txt": lambda: "\n".join(" ".join(WORDS) for _ in range(20)).encode(),
    "pdf": _pdf_seed,
    "png": _picture("PNG"),
    "jpeg": _picture("JPEG", quality=60),
    "tiff": _picture("TIFF", compression="tiff_deflate"),
    "webp": _picture("WEBP", quality=60),
}
