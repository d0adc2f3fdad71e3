"""Files of few bytes that ask for much memory or time, in the way of their format."""

import functools
import io
import random
import zlib
from collections.abc import Callable

from sound_files import pdf

_MEBIBYTE = 2**20
_WORD_HEAD = b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
_WORD_TAIL = b"</w:tbl></w:body></w:document>"


def xml_bomb(chance: random.Random) -> bytes:
    """XML that grows, reads other files, or nests without end."""
    return chance.choice((_laughs, _quadratic, _external, _nested_tags, _attributes))()


def bomb(chance: random.Random, kind: str) -> bytes:
    """A file of the format; of an Office format its main part alone."""
    return BOMBS[kind](chance) if kind in BOMBS else _long_xml(chance)


def _long_xml(chance: random.Random) -> bytes:
    head, content, tail = chance.choice((
        (b"<r>", b" " * 200, b"</r>"),
        (b"<r>", b"<a/>", b"</r>"),
        (_WORD_HEAD, b"<w:p><w:r><w:t>word</w:t></w:r></w:p>", b"</w:body></w:document>"),
        (_WORD_HEAD + b"<w:tbl>", b'<w:tr><w:tc><w:tcPr><w:gridSpan w:val="9999"/></w:tcPr></w:tc></w:tr>', _WORD_TAIL),
    ))  # fmt: skip
    size = chance.choice((1, 20, 150)) * _MEBIBYTE
    return head + content * (size // len(content)) + tail


def _laughs() -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    return f"<?xml version='1.0'?><!DOCTYPE r [{entities}]><r>&e9;</r>".encode()


def _quadratic() -> bytes:
    return f"<!DOCTYPE r [<!ENTITY e '{'x' * 100_000}'>]><r>{'&e;' * 100_000}</r>".encode()


def _external() -> bytes:
    return b'<!DOCTYPE r [<!ENTITY e SYSTEM "file:///dev/zero">]><r>&e;</r>'


def _nested_tags() -> bytes:
    return b"<a>" * 200_000 + b"</a>" * 200_000


def _attributes() -> bytes:
    return b"<a " + b" ".join(b'a%d="1"' % number for number in range(100_000)) + b"/>"


def _picture_bomb(file_format: str, **options: object) -> Callable[[random.Random], bytes]:
    """An empty page of up to 16,000 x 16,000 pixels, compressed to little."""

    @functools.cache
    def make(side: int) -> bytes:
        from PIL import Image

        Image.new("L" if file_format != "TIFF" else "1", (side, side), 1).save(
            buffer := io.BytesIO(), file_format, **options
        )
        return buffer.getvalue()

    return lambda chance: make(chance.choice((3_000, 9_000, 16_000)))


def _pdf_bomb(chance: random.Random) -> bytes:
    way = chance.randrange(3)
    if way == 0:
        return pdf(zlib.compress(b"BT /F 1 Tf (x) Tj ET " * 2_000_000, 1), filtered=True)
    if way == 1:
        return pdf(b"BT /F 12 Tf 72 700 Td (again) Tj ET", kids=20_000)
    return pdf(zlib.compress(b"0 0 m 9 9 l S " * 1_000_000, 1), filtered=True)


BOMBS: dict[str, Callable[[random.Random], bytes]] = {
    "csv": lambda chance: chance.choice((b"," * 3_000_000 + b"\n1,2\n", b"a,b\n" * 400_000, b'"' * 1_000_001 + b",x\n1,2\n")),
    "eml": lambda chance: b"From: a@b.org\nSubject: s\n" + chance.choice((
        b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(5_000)),
        b'Content-Type: text/plain; a="' + b";x" * 1_000_000 + b'"\n\nText',
        b"X-Many: x\n" * 200_000 + b"\nText",
    )),
    "html": lambda chance: b"<!doctype html>" + chance.choice((
        b"<div>" * 300_000,
        b"<table>" + b"<tr><td colspan=1000 rowspan=65534>x<td>y" * 2_000,
        b"<b>x " * 100_000,
        b"<ul><li>x" * 100_000,
    )),
    "md": lambda chance: chance.choice((b"[" * 500_000, b"> " * 100_000 + b"x", b"```\n~~~\n" * 100_000, b"---\na: &a [x]\nb: [*a,*a]\n---\nx")),
    "txt": lambda chance: chance.choice((b"a" * 20 * _MEBIBYTE, b"x\n" * 3_000_000, "e\u0301".encode() * 2_000_000)),
    "pdf": _pdf_bomb,
    "png": _picture_bomb("PNG"),
    "jpeg": _picture_bomb("JPEG"),
    "tiff": _picture_bomb("TIFF", compression="tiff_deflate"),
    "webp": _picture_bomb("WEBP", lossless=True, method=0),
}  # fmt: skip
