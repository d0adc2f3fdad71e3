"""What a document is, by its content; and every refusal with its reason."""

import gzip
import io
import random
import unicodedata
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.documents.parsing import ParsedDocument, parse_document, parse_here, registry
from assay.errors import DocumentRejected

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def zip_of(*names: str, content: str = "content") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


REFUSED = {
    "no bytes": (b"", "a.txt", "empty", "0 bytes"),
    "no bytes, named pdf": (b"", "a.pdf", "empty", "0 bytes"),
    "white space": (b" \n\t\r\n ", "a.txt", "no_text", ""),
    "byte order mark alone": (b"\xef\xbb\xbf", "a.md", "no_text", ""),
    "invisible characters": ("\u200b\u200b\n\ufeff".encode(), "a.txt", "no_text", ""),
    "page without text": (b"<!doctype html><script>x=1</script><p> <br></p>", "a.html", "no_text", ""),
    "front matter alone": (b"---\ntitle: T\n---\n", "a.md", "no_text", ""),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\n1 0 obj", "notes.txt", "corrupt", "PDF"),
    "PDF after a line": (b"\n\n%PDF-1.4\nx", "a", "corrupt", "PDF"),
    "PNG": (PNG, "a.md", "corrupt", "image"),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(32), "a.jpg", "corrupt", "image"),
    "GIF": (b"GIF89a" + bytes(32), "a.gif", "unsupported_type", "GIF"),
    "TIFF": (b"II*\x00" + bytes(32), "a.tif", "corrupt", "image"),
    "WebP": (b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(32), "a.webp", "corrupt", "image"),
    "gzip": (gzip.compress(b"text"), "a.txt", "unsupported_type", "gzip"),
    "ELF": (b"\x7fELF\x02\x01\x01" + bytes(32), "a.txt", "unsupported_type", "elf"),
    "RTF": (rb"{\rtf1\ansi text}", "a.txt", "unsupported_type", "RTF"),
    "old Office": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.doc", "unsupported_type", "OLE2"),
    "Office under a password": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
        "a.docx",
        "encrypted",
        "password",
    ),
    "Office without its content types": (zip_of("word/document.xml"), "a.docx", "corrupt", "[Content_Types].xml"),
    "Office with damaged content types": (zip_of("[Content_Types].xml", "xl/workbook.xml"), "a", "corrupt", "Office"),
    "Office of another kind": (
        zip_of("[Content_Types].xml", "visio/document.xml", content="<Types/>"),
        "a.vsdx",
        "unsupported_type",
        "openxmlformats-package",
    ),
    "ZIP": (zip_of("a.txt"), "a.md", "unsupported_type", "ZIP"),
    "half a DOCX": (zip_of("word/document.xml")[:40], "a.docx", "corrupt", "ZIP"),
    "NUL, named text": (b"text\x00text", "a.txt", "corrupt", "a.txt"),
    "NUL, named Markdown": (b"# T\n\x00\x01\x02", "b.md", "corrupt", "b.md"),
    "NUL, named otherwise": (b"text\x00text", "a.bin", "unsupported_type", ""),
    "control bytes": (b"\x01\x02\x03\x04text" * 9, "a.txt", "corrupt", ""),
    "UTF-16 cut short": (b"\xff\xfea\x00b", "a.txt", "corrupt", "utf-16"),
    "NUL in UTF-16": ("a\x00b".encode("utf-16"), "a.txt", "corrupt", "NUL"),
    "broken UTF-8 after its mark": (b"\xef\xbb\xbfa\xff\xfe", "a.txt", "corrupt", "utf-8"),
    "no encoding fits": (bytes(random.Random(1).choices(range(32, 256), k=200)), "a.txt", "corrupt", "UTF-8"),
    "Mac Roman": ("Le cœur de l’été : une journée très agréable".encode("mac_roman"), "a.txt", "corrupt", "UTF-8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_have_their_reason(case: str) -> None:
    data, name, reason, detail = REFUSED[case]
    with pytest.raises(DocumentRejected) as refused:
        parse_here(data, name)
    assert refused.value.reason == reason
    assert detail in refused.value.detail


def test_refusals_cross_the_process_border_whole() -> None:
    with pytest.raises(DocumentRejected, match=r"unsupported_type: The content is GIF image, which is not read yet\."):
        parse_document(b"GIF89a" + bytes(32), name="scan.gif")


def test_a_text_beyond_the_limit_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_TEXT_CHARACTERS", 10)
    assert parse_here("é".encode() * 10, "a.txt").text == "é" * 10
    with pytest.raises(DocumentRejected) as refused:
        parse_here(b"x" * 11, "a.txt")
    assert refused.value.reason == "too_large"


HTML, MARKDOWN, PLAIN, MAIL = "text/html", "text/markdown", "text/plain", "message/rfc822"
CSV, TSV = "text/csv", "text/tab-separated-values"
PARSER_NAMES = {HTML: "html", MARKDOWN: "markdown", PLAIN: "plain", MAIL: "eml", CSV: "delimited", TSV: "delimited"}
TYPES: list[tuple[str, str, str | None, str]] = [
    ("<!DOCTYPE html><p>x", "page.txt", None, HTML),
    ("\n <!-- c -->\n<?xml version='1.0'?><html><p>x", "page.md", "text/plain", HTML),
    ("<head><title>T</title></head>x", "", None, HTML),
    ("<h1>T</h1><p>x", "fragment.html", None, HTML),
    ("<h1>T</h1><p>x", "fragment", "text/html; charset=utf-8", HTML),
    ("no tags at all", "a.html", None, PLAIN),
    ("HTTP/1.1 200 OK\n\n<html><p>x", "dump", None, HTML),
    ("<div align='center'>\n\n# Project\n\n</div>", "README.md", None, MARKDOWN),
    ("How to: use `<html>` and <body> in text.", "a.txt", None, PLAIN),
    ("words only", "a.md", None, MARKDOWN),
    ("words only", "a.MARKDOWN", None, MARKDOWN),
    ("words only", "a", "text/markdown", MARKDOWN),
    ("words only", "a.txt", None, PLAIN),
    ("Intro\n\n# Title\n\nSee [the guide](https://example.org/guide).", "notes.txt", None, MARKDOWN),
    ("---\ntitle: T\n---\n\n```\ncode\n```\n", "post", None, MARKDOWN),
    ("| a | b |\n| --- | --- |\n| 1 | 2 |\n\n**bold** words", "table", None, MARKDOWN),
    ("# one comment\n\nkey = value\n", "settings", None, PLAIN),
    ("# Title\n\nSee [x](https://example.org).", "script.py", None, PLAIN),
    ("# Title\n\nSee [x](https://example.org).", "a", "text/plain", PLAIN),
    ("PK is a country code", "a.txt", None, PLAIN),
    ("a,b\n1,2\n", "a.csv", None, CSV),
    ("a\tb\n1\t2\n", "a.csv", None, TSV),
    ("a;b\n1;2\n", "a", "text/csv", CSV),
    ("A note, with a comma.\n\nAnd a longer line without any\nor with, well, three\n", "a.csv", None, PLAIN),
    ("Industry\nSales\nOther\n", "a.csv", None, PLAIN),
    ("id\tname\tcity\n1\tA\tX\n2\tB\tY\n3\tC\tZ\n", "export", None, TSV),
    ("id,name,city\n1,A,X\n2,B,Y\n3,C,Z\n", "export", "text/plain", PLAIN),
    ("First, second, third.\n" * 5, "notes.txt", None, PLAIN),
    ("let a = f(x, y, z);\n" * 5, "a.js", None, PLAIN),
    ("From: a@example.org\nSubject: s\n\nText", "mail", None, MAIL),
    ("Received: by x;\n\ttoday\nMIME-Version: 1.0\n\nText", "m.txt", None, MAIL),
    ("From: a@example.org\nX-Other: s\n\nText", "a.eml", None, PLAIN),
    ("from: a\nto: b\n", "routes.yaml", None, PLAIN),
    ("Notes\nFrom: a@example.org\nSubject: s\n", "a.eml", None, PLAIN),
    ("MZ begins this text, and ID3 is in it", "a.txt", None, PLAIN),
]


@pytest.mark.parametrize(("text", "name", "media_type", "expected"), TYPES)
def test_content_decides_and_names_and_hints_fill_the_gaps(
    text: str, name: str, media_type: str | None, expected: str
) -> None:
    parsed = parse_here(text.encode(), name, media_type)
    assert parsed.media_type == expected
    assert parsed.parser.partition("@")[0] == PARSER_NAMES[expected]


SENTENCES = {
    "cp1252": [
        "Le cœur de l’été : une journée très agréable, où l'on déguste des crêpes. Ça coûte 5 € à Noël.",
        "Café",
        "Größere Änderungen führen zu überraschenden Ergebnissen auf der Straße.",
        "El niño comió piñas mañana. ¿Cómo está usted? ¡Qué día tan bonito!",
        "A ação não é só uma questão de opinião; você está à disposição.",
        "Rødgrød med fløde på en ø i Ærøskøbing.",
        "De coördinatie van geïnteresseerde patiënten — én hun ideeën.",
        "Það er gott veður í dag og við förum á ströndina með börnin.",
        "The “smart” quotes — and an em-dash… it’s 20° outside ©2024",
    ],
    "cp1250": [
        "Zażółć gęślą jaźń. Dzień dobry, proszę państwa, jesteśmy w Łodzi.",
        "Příliš žluťoučký kůň úpěl ďábelské ódy. Děkujeme za vaši návštěvu.",
        "Bună ziua, această propoziţie este scrisă în limba română şi ştim bine.",
    ],
    "cp1251": ["Привет, как дела? Это обычный русский текст для проверки кодировки документа."],
    "cp1253": ["Καλημέρα κόσμε. Αυτό είναι ένα ελληνικό κείμενο για δοκιμή."],
    "cp1254": ["Türkçe bir metin: şeker, ığdır, çağ, öğrenci, güneş ve ışık."],
    "cp932": ["これは日本語の文章です。文字コードの判定を確認するためのテストです。"],
    "gb18030": ["这是一个中文文档，用于测试编码检测是否正确。我们希望结果准确。"],
    "cp949": ["이것은 한국어 문장입니다. 문자 인코딩 판정을 확인하기 위한 시험입니다."],
    "utf-16": ["Ünïcode mit Marke"],
    "utf-32": ["Ünïcode mit Marke"],
    "utf-8": ["Ünïcode, 日本語, 🎉"],
}


@pytest.mark.parametrize("encoding", SENTENCES)
@pytest.mark.parametrize("repeated", [1, 30])
def test_texts_in_other_encodings_come_out_right(encoding: str, repeated: int) -> None:
    for sentence in SENTENCES[encoding]:
        text = "\n".join([sentence] * repeated)
        parsed = parse_here(text.encode(encoding), "a.txt")
        assert (parsed.text, parsed.encoding) == (text, encoding)


def test_byte_order_marks_are_dropped() -> None:
    parsed = parse_here(b"\xef\xbb\xbfword", "a.txt")
    assert (parsed.text, parsed.encoding) == ("word", "utf-8")


def test_a_declared_encoding_beats_a_guess() -> None:
    page = '<html><head><meta charset="koi8-r"><title>да</title></head><body><p>мир</p></body></html>'
    parsed = parse_here(page.encode("koi8-r"), "a.html")
    assert (parsed.text, parsed.title, parsed.encoding) == ("мир", "да", "koi8-r")
    wrong = '<html><meta charset="iso-8859-1"><p>Größe – 日本</p></html>'
    assert parse_here(wrong.encode(), "a.html").text == "Größe – 日本"


READABLE = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs", "Cc", "Cf"]), min_size=1).filter(
    str.strip
)


@settings(max_examples=200, deadline=None)
@given(READABLE, st.sampled_from(["\n", "\r\n", "\r"]), READABLE)
def test_plain_text_comes_through_in_nfc(first: str, line_end: str, second: str) -> None:
    parsed = parse_here(f"x {first}{line_end}{second}".encode(), "dir/My notes.txt", "text/plain")
    # A mark that stands first on a line must not merge with what precedes it.
    assert parsed.text == unicodedata.normalize("NFC", f"x {first}\n{second}")
    assert (parsed.title, parsed.encoding, parsed.tables) == ("My notes", "utf-8", ())
    assert_sound(parsed)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["a.txt", "a.md", "a.html", "a", "a.pdf"]))
def test_any_bytes_are_a_sound_document_or_a_refusal(data: bytes, name: str) -> None:
    try:
        parsed = parse_here(data, name)
    except DocumentRejected:
        return
    assert_sound(parsed)


MARKUP = st.lists(
    st.sampled_from(
        [
            "<p>",
            "</p>",
            "<ul>",
            "<ol>",
            "<li>",
            "</ul>",
            "<table>",
            "<tr>",
            "<td",
            "rowspan=3>",
            "<th",
            "colspan=2>",
            "</table>",
            "<pre>",
            "</pre>",
            "<code>",
            "<h2>",
            "</h2>",
            "<br>",
            "<blockquote>",
            "<nav>",
            "</nav>",
            "<main>",
            "<article>",
            "<header>",
            "<form>",
            "<section>",
            "&amp;",
            "&#0;",
            "word",
            "#",
            "-",
            "|",
            "```",
        ]
    ),
    max_size=60,
).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(MARKUP)
def test_any_markup_is_a_sound_document(markup: str) -> None:
    assert_sound(parse_here(f"<!doctype html><body>{markup}<p>end".encode(), "a.html"))


def assert_sound(parsed: ParsedDocument) -> None:
    assert parsed.text.strip()
    assert parsed.title.strip()
    assert unicodedata.is_normalized("NFC", parsed.text)
    assert not {"\r", "\x00"} & set(parsed.text)
    assert [(page.number, page.start, page.end) for page in parsed.pages] == [(1, 0, len(parsed.text))]
