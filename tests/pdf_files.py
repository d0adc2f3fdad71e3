"""PDF files of a few objects, written byte by byte: pages of text, lines and pictures, forms, passwords."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL.Image import Image

LETTER = (612, 792)
# What PDF appends to passwords of less than 32 bytes (ISO 32000-1, algorithm 2).
_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
_ALL_PERMISSIONS = b"\xfc\xff\xff\xff"


@dataclass
class PdfPageSource:
    """A page: its content stream, its size in points, and what hangs on it."""

    content: str = ""
    size: tuple[float, float] = LETTER
    rotate: int = 0
    picture: Image | None = None
    # Objects of widget annotations, without `/Rect`.
    fields: Sequence[str] = field(default_factory=list)


def text(words: str, x: float, y: float, *, size: float = 11, font: str = "F1", turn: str = "1 0 0 1") -> str:
    """One line at a place; fonts are F1 (Helvetica), F2 (Helvetica-Bold), F3 (letters without a meaning)."""
    escaped = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /{font} {size} Tf {turn} {x} {y} Tm ({escaped}) Tj ET\n"


def paragraph(lines: Sequence[str], x: float, y: float, *, size: float = 11, leading: float = 14) -> str:
    return "".join(text(line, x, y - number * leading, size=size) for number, line in enumerate(lines))


def grid(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Every line of a grid, stroked."""
    across = [f"{xs[0]} {y} m {xs[-1]} {y} l S\n" for y in ys]
    down = [f"{x} {ys[0]} m {x} {ys[-1]} l S\n" for x in xs]
    return "".join(across + down)


def table(
    rows: Sequence[Sequence[str]], *, left: float = 72, top: float = 700, width: float = 90, height: float = 20
) -> str:
    """A ruled table with a line around every cell."""
    xs = [left + width * column for column in range(len(rows[0]) + 1)]
    ys = [top - height * row for row in range(len(rows) + 1)]
    cells = (
        text(cell, xs[column] + 4, ys[row] - height + 6, size=9)
        for row, line in enumerate(rows)
        for column, cell in enumerate(line)
        if cell
    )
    return grid(xs, ys) + "".join(cells)


def picture_over(size: tuple[float, float], name: str = "Im") -> str:
    """The page's picture in that size; as `Form` it is drawn by a form of one point, which is enlarged."""
    return f"q {size[0]} 0 0 {size[1]} 0 0 cm /{name} Do Q\n"


def pdf(*pages: PdfPageSource | str, title: str = "", password: str | None = None) -> bytes:
    """A whole file. With a password it is encrypted as in 1994 (RC4, 40 bits), which every reader still opens."""
    sources = [page if isinstance(page, PdfPageSource) else PdfPageSource(page) for page in pages]
    objects: dict[int, tuple[str, bytes | None]] = {
        1: ("<< /Type /Catalog /Pages 2 0 R ACROFORM >>", None),
        3: ("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>", None),
        4: ("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>", None),
        5: (_type3_font(), None),
        6: ("", b"1000 0 0 0 750 750 d1 0 0 750 750 re f"),
        7: (f"<< /Title ({title}) >>", None),
    }
    kids: list[int] = []
    widgets: list[int] = []
    for source in sources:
        page_number = max(objects) + 1
        kids.append(page_number)
        objects[page_number] = ("", None)
        objects[page_number + 1] = ("", zlib.compress(source.content.encode("cp1252")))
        number = page_number + 2
        resources = "/Font << /F1 3 0 R /F2 4 0 R /F3 5 0 R >>"
        if source.picture is not None:
            gray = source.picture.convert("L")
            head = f"/Type /XObject /Subtype /Image /Width {gray.width} /Height {gray.height} /ColorSpace /DeviceGray"
            objects[number] = (f"{head} /BitsPerComponent 8 ", zlib.compress(gray.tobytes()))
            form = f"/Type /XObject /Subtype /Form /BBox [0 0 1 1] /Resources << /XObject << /Im {number} 0 R >> >>"
            objects[number + 1] = (form, zlib.compress(b"/Im Do"))
            resources += f" /XObject << /Im {number} 0 R /Form {number + 1} 0 R >>"
            number += 2
        own: list[int] = []
        for one in source.fields:
            rectangle = f"/Rect [72 {100 + 30 * len(own)} 300 {120 + 30 * len(own)}]"
            objects[number] = (f"<< /Type /Annot /Subtype /Widget {rectangle} {one} >>", None)
            own.append(number)
            number += 1
        widgets += own
        annotations = f"/Annots [{' '.join(f'{one} 0 R' for one in own)}]" if own else ""
        objects[page_number] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {source.size[0]} {source.size[1]}] /Rotate {source.rotate} "
            f"/Resources << {resources} >> /Contents {page_number + 1} 0 R {annotations} >>",
            None,
        )
    objects[2] = (f"<< /Type /Pages /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] /Count {len(kids)} >>", None)
    form = f"/AcroForm << /Fields [{' '.join(f'{one} 0 R' for one in widgets)}] >>" if widgets else ""
    objects[1] = (objects[1][0].replace("ACROFORM", form), None)
    return _file(objects, password)


def _type3_font() -> str:
    """A font that draws boxes for the codes 1 and 2 and says of neither which letter it is."""
    glyphs = "/CharProcs << /a 6 0 R /b 6 0 R >> /Encoding << /Type /Encoding /Differences [1 /a /b] >>"
    widths = "/FirstChar 1 /LastChar 2 /Widths [1000 1000]"
    return (
        f"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 750 750] /FontMatrix [.001 0 0 .001 0 0] {glyphs} {widths} >>"
    )


def _file(objects: dict[int, tuple[str, bytes | None]], password: str | None) -> bytes:
    identity = bytes(range(16))
    key = b""
    trailer = ""
    if password is not None:
        padded = (password.encode() + _PADDING)[:32]
        owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
        key = hashlib.md5(padded + owner + _ALL_PERMISSIONS + identity).digest()[:5]
        user = _rc4(key, _PADDING)
        trailer = (
            f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{owner.hex()}> /U <{user.hex()}> >> "
            f"/ID [<{identity.hex()}> <{identity.hex()}>]"
        )
        objects = {**objects, 7: ("<< >>", None)}
    out = bytearray(b"%PDF-1.4\n")
    places: dict[int, int] = {}
    for number in sorted(objects):
        head, stream = objects[number]
        places[number] = len(out)
        out += f"{number} 0 obj\n".encode()
        if stream is None:
            out += head.encode()
        else:
            if key:
                salted = key + number.to_bytes(3, "little") + bytes(2)
                stream = _rc4(hashlib.md5(salted).digest()[:10], stream)
            packed = "" if head == "" and number == 6 else "/Filter /FlateDecode"
            out += f"<< {head} {packed} /Length {len(stream)} >>\nstream\n".encode() + stream + b"\nendstream"
        out += b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {max(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{places[number]:010d} 00000 n \n".encode() for number in sorted(objects))
    out += f"trailer << /Size {max(objects) + 1} /Root 1 0 R /Info 7 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
