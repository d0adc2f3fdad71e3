"""PDFs with text and ruled tables, and scans: pages drawn as pictures, turned, tilted or worn."""

import io
import random
import textwrap
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from source_blocks import Block

# A4 in points, and the margins of the text.
PAGE_WIDTH, PAGE_HEIGHT, MARGIN = 595, 842, 57
_LINE_CHARACTERS = 92
_LEADING = 14
_ROW_HEIGHT = 20
_SIZES = {"heading": 18, "subheading": 13}


def pdf(blocks: Sequence[Block]) -> bytes:
    """A PDF of Helvetica text in which tables have ruled cells; `page` blocks begin a page."""
    pages: list[list[bytes]] = [[]]
    top = PAGE_HEIGHT - MARGIN
    for block in blocks:
        height = _height(block)
        if block.kind == "page" or top - height < MARGIN:
            pages.append([])
            top = PAGE_HEIGHT - MARGIN
        pages[-1] += _table(block, top) if block.kind == "table" else _text(block, top)
        top -= height
    return _file([b"\n".join(page) for page in pages])


def _height(block: Block) -> int:
    if block.kind == "table":
        return _ROW_HEIGHT * len(block.rows) + 16
    return 0 if block.kind == "page" else sum(_SIZES.get(block.kind, 10) + 4 for _ in _lines(block)) + 8


def _lines(block: Block) -> list[str]:
    mark = {"bullet": "\N{BULLET} ", "number": "\N{EN DASH} "}.get(block.kind, "")
    width = _LINE_CHARACTERS * 10 // _SIZES.get(block.kind, 10)
    return textwrap.wrap(mark + block.text, width, subsequent_indent=" " * len(mark)) if block.text else []


def _text(block: Block, top: int) -> Iterator[bytes]:
    size = _SIZES.get(block.kind, 10)
    for number, line in enumerate(_lines(block)):
        yield _shown(line, MARGIN, top - size - number * (size + 4), size, is_bold=size > 10)


def _table(block: Block, top: int) -> Iterator[bytes]:
    columns = len(block.rows[0])
    longest = [max(len(row[column]) for row in block.rows) + 2 for column in range(columns)]
    width = PAGE_WIDTH - 2 * MARGIN
    edges = [MARGIN + width * sum(longest[:column]) // sum(longest) for column in range(columns + 1)]
    bottom = top - _ROW_HEIGHT * len(block.rows)
    yield b"0.8 w"
    for edge in edges:
        yield b"%d %d m %d %d l S" % (edge, top, edge, bottom)
    for number in range(len(block.rows) + 1):
        y = top - number * _ROW_HEIGHT
        yield b"%d %d m %d %d l S" % (MARGIN, y, MARGIN + width, y)
    for number, row in enumerate(block.rows):
        for edge, cell in zip(edges, row, strict=False):
            if cell:
                yield _shown(cell, edge + 4, top - number * _ROW_HEIGHT - 14, 9, is_bold=number == 0)


def _shown(text: str, x: int, y: int, size: int, *, is_bold: bool) -> bytes:
    escaped = text.encode("cp1252").replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
    return b"BT /F%d %d Tf %d %d Td (%s) Tj ET" % (2 if is_bold else 1, size, x, y, escaped)


def _file(contents: Sequence[bytes]) -> bytes:
    fonts = [
        b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>" % name
        for name in (b"Helvetica", b"Helvetica-Bold")
    ]
    kids = b" ".join(b"%d 0 R" % (5 + 2 * number) for number in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents)),
        *fonts,
    ]
    for number, content in enumerate(contents):
        packed = zlib.compress(content, 9)
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>" % (PAGE_WIDTH, PAGE_HEIGHT, 6 + 2 * number),
            b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed),
        ]
    return assembled(objects)


def assembled(objects: Sequence[bytes]) -> bytes:
    """A PDF of these objects, numbered from 1, the first of which is its catalog."""
    written, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return bytes(written + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))


@dataclass(frozen=True)
class Wear:
    """What became of a page on its way to the scanner."""

    dpi: int = 150
    turned_degrees: int = 0
    tilted_degrees: float = 0.0
    blur_radius: float = 0.0
    grain: int = 0
    ink: int = 20


def drawn(blocks: Sequence[Block], wear: Wear) -> Any:
    """The page as a grey picture (PIL), with Pillow's own font, so that no machine's fonts matter."""
    from PIL import Image, ImageDraw, ImageFilter, ImageFont

    scale = wear.dpi / 72
    page = Image.new("L", (round(PAGE_WIDTH * scale), round(PAGE_HEIGHT * scale)), 250)
    pen = ImageDraw.Draw(page)
    y = MARGIN * scale
    for number, block in enumerate(blocks):
        size = {"heading": 19}.get(block.kind, 13)
        font = ImageFont.load_default(size * scale)
        ordinal = sum(one.kind == "number" for one in blocks[: number + 1])
        text = f"{ordinal}. {block.text}" if block.kind == "number" else block.text
        for line in textwrap.wrap(text, 44 if size > 13 else 66):
            pen.text((MARGIN * scale, y), line, fill=wear.ink, font=font)
            y += size * scale * 1.35
        y += size * scale * (0.5 if block.kind == "number" else 0.9)
    page = page.rotate(wear.tilted_degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=250)
    page = page.rotate(wear.turned_degrees, expand=True)
    if wear.blur_radius:
        page = page.filter(ImageFilter.GaussianBlur(wear.blur_radius))
    if wear.grain:
        grains = random.Random(7)  # noqa: S311  not for secrets
        page.putdata(
            [min(255, max(0, value + grains.randrange(-wear.grain, wear.grain))) for value in page.get_flattened_data()]
        )
    return page


def png(page: Any, wear: Wear) -> bytes:
    return _encoded(page.quantize(16), "PNG", optimize=True, dpi=(wear.dpi, wear.dpi))


def jpg(page: Any, wear: Wear) -> bytes:
    return _encoded(page, "JPEG", quality=60, dpi=(wear.dpi, wear.dpi))


def tiff(page: Any, wear: Wear) -> bytes:
    """One bit a pixel and fax compression, as scanners of offices write."""
    return _encoded(
        page.point(lambda value: 255 * (value > 150), "1"), "TIFF", compression="group4", dpi=(wear.dpi, wear.dpi)
    )


def scanned_pdf(page: Any, wear: Wear) -> bytes:
    """A PDF whose one page is a picture and holds no text."""
    picture = _encoded(page, "JPEG", quality=45)
    content = b"q %d 0 0 %d 0 0 cm /Im Do Q" % (PAGE_WIDTH, PAGE_HEIGHT)
    return assembled(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R "
            b"/Resources << /XObject << /Im 5 0 R >> >> >>" % (PAGE_WIDTH, PAGE_HEIGHT),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 "
            b"/Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream" % (*page.size, len(picture), picture),
        ]
    )


def _encoded(picture: Any, form: str, **options: Any) -> bytes:
    written = io.BytesIO()
    picture.save(written, form, **options)
    return written.getvalue()
