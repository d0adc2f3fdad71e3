"""What a document is, by its content. Its name and a declared media type only decide what content leaves open."""

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath

from assay.documents.parsing.text_encoding import decode, has_wide_mark
from assay.errors import DocumentRejected

HTML = "text/html"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"

# Magic bytes at an offset. Those that are words in ASCII count only beside NUL bytes: a text may begin with them.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"\x00\x00\x01\x00", "image/x-icon"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar", "application/x-tar"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xca\xfe\xba\xbe", "application/java-vm"),
    (0, b"\x00asm", "application/wasm"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"ARROW1", "application/vnd.apache.arrow.file"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
)
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")
_WINDOW_BYTES = 1024
# The first member whose name begins so decides what a ZIP archive is.
_ZIP_MEMBERS = (
    ("word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("META-INF/container.xml", "application/epub+zip"),
    ("META-INF/MANIFEST.MF", "application/java-archive"),
    ("content.xml", "application/vnd.oasis.opendocument"),
)

_MARKDOWN_SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".mkd", ".mdown"})
_HTML_SUFFIXES = frozenset({".html", ".htm", ".xhtml"})
_PLAIN_SUFFIXES = frozenset({
    ".txt", ".text", ".log", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini", ".cfg",
    ".conf", ".rst", ".adoc", ".org", ".tex", ".eml", ".srt", ".sql", ".py", ".js", ".ts", ".java", ".c", ".h", ".cpp",
    ".rs", ".go", ".rb", ".sh", ".css",
})  # fmt: skip
# A name that promises prose but not which: here the content may show that it is Markdown.
_UNDECIDED_SUFFIXES = frozenset({"", ".txt", ".text"})

# Text holds tabs, line ends, form feeds and terminal escapes; a tenth of other control bytes is no text.
_CONTROL_BYTES = bytes(code for code in (*range(32), 127) if code not in b"\t\n\r\f\x1b")
_MOST_CONTROL_RATIO = 0.1

# Atomic: comments that are not followed by a page must not be tried in every combination.
_SKIPPABLE = r"(?>\s+|\ufeff|<!--.{0,4000}?-->|<\?.{0,400}?\?>)*+"
_HTML_START = re.compile(
    _SKIPPABLE + r"<(?:!doctype\s+html|(?:html|head|body|title|meta|link|style|script|base)[\s>/])", re.I | re.S
)
_HTML_LINE = re.compile(r"^[ \t]*<(?:!doctype\s+html|html[\s>]|body[\s>])", re.I | re.M)
_ANY_TAG = re.compile(r"<(?:h[1-6]|p|div|span|table|ul|ol|section|article|main|br|a|b|i|em|strong|img|pre)[\s>/]", re.I)

_MARKDOWN_WINDOW_CHARACTERS = 64 * 1024
# Each is ordinary in Markdown and rare in other text; two kinds of them together are taken for Markdown.
_MARKDOWN_KINDS = (
    re.compile(r"(?:\A|\n\n)#{1,6} [^\n]+\n\n"),
    re.compile(r"\[[^\]\n]{1,200}\]\((?:https?:|/|\.|#|[\w-]{1,100}\.)[^)\n]{0,500}\)"),
    re.compile(r"^\|?[ \t]*:?-{3,}:?[ \t]*\|[ \t:|-]*$", re.M),
    re.compile(r"(?:^|\s)\*\*[^\s*][^*\n]*\*\*"),
    re.compile(r"\A(?:---|\+\+\+)\n[\w-]+\s*[:=]"),
)


@dataclass(frozen=True, slots=True)
class Content:
    """A document whose type is known. `text` and `encoding` are None for formats that are not text."""

    data: bytes
    name: str
    media_type: str
    text: str | None = None
    encoding: str | None = None


def detect(data: bytes, *, name: str, media_type: str | None = None) -> Content:
    """Find out what `data` is, and decode it when it is text.

    Raises DocumentRejected: `empty`, `encrypted` (an Office file under a password), `corrupt` (a damaged archive,
    bytes in no encoding, or no text at all under a name that promises text), `unsupported_type` (unknown binary).
    """
    if not data:
        raise DocumentRejected("empty", "The file has 0 bytes.")
    if binary := _binary_type(data):
        return Content(data, name, binary)
    if not has_wide_mark(data) and _is_binary(data):
        if _suffix(name) in _MARKDOWN_SUFFIXES | _HTML_SUFFIXES | _PLAIN_SUFFIXES:
            raise DocumentRejected("corrupt", f"`{name}` is named as text and holds NUL or control bytes.")
        raise DocumentRejected("unsupported_type", "The bytes are no text and of no known type.")
    text, encoding = decode(data)
    if "\x00" in text:
        raise DocumentRejected("corrupt", f"The text, read as {encoding}, holds NUL characters.")
    return Content(data, name, _text_type(text, name, media_type), text, encoding)


def _binary_type(data: bytes) -> str | None:
    head = data[:_WINDOW_BYTES]
    if head.lstrip().startswith(b"%PDF-") or (b"\n%PDF-" in head and b"%%EOF" in data[-2 * _WINDOW_BYTES :]):
        return "application/pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_type(data)
    if head.startswith(_OLE2):
        if _ENCRYPTED_OFFICE in data:
            raise DocumentRejected("encrypted", "The Office file is under a password.")
        return "application/x-ole-storage"
    if head.startswith(b"{\\rtf"):
        return "application/rtf"
    if head.startswith(b"%!PS"):
        return "application/postscript"
    for offset, magic, media_type in _SIGNATURES:
        if head.startswith(magic, offset) and (not magic.isascii() or not magic.strip().isalnum() or b"\x00" in head):
            return media_type
    return None


def _zip_type(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise DocumentRejected("corrupt", f"The ZIP archive (perhaps an Office file) is damaged: {error}.") from None
    for start, media_type in _ZIP_MEMBERS:
        if any(name.startswith(start) for name in names):
            return media_type
    return "application/zip"


def _is_binary(data: bytes) -> bool:
    if b"\x00" in data:
        return True
    return len(data) - len(data.translate(None, _CONTROL_BYTES)) > _MOST_CONTROL_RATIO * len(data)


def _text_type(text: str, name: str, media_type: str | None) -> str:
    suffix = _suffix(name)
    hint = (media_type or "").partition(";")[0].strip().lower()
    if _HTML_START.match(text):
        return HTML
    if suffix in _MARKDOWN_SUFFIXES:
        return MARKDOWN
    if suffix in _HTML_SUFFIXES or hint in (HTML, "application/xhtml+xml"):
        return HTML if _ANY_TAG.search(text) or _HTML_LINE.search(text) else PLAIN
    if hint == MARKDOWN or hint == "text/x-markdown":
        return MARKDOWN
    if suffix in _UNDECIDED_SUFFIXES or suffix not in _PLAIN_SUFFIXES:
        if _HTML_LINE.search(text[:_WINDOW_BYTES]):
            return HTML
        if hint != PLAIN and _shows_markdown(text[:_MARKDOWN_WINDOW_CHARACTERS]):
            return MARKDOWN
    return PLAIN


def _shows_markdown(text: str) -> bool:
    prose: list[str] = []
    fences = 0
    fence = ""
    for line in text.splitlines():
        mark = line[:3] if line.startswith(("```", "~~~")) else ""
        if mark and fence in ("", mark):
            fence = "" if fence else mark
            fences += 1
        elif not fence:
            prose.append(line)
    without_code = "\n".join(prose)
    return sum(kind.search(without_code) is not None for kind in _MARKDOWN_KINDS) + (fences > 1) >= 2


def _suffix(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()
