"""What a document is, by its content. Its name and a declared media type only decide what content leaves open."""

import io
import re
import zipfile
from dataclasses import dataclass

from assay.documents.parsing.office_package import CONTENT_TYPES, package_type
from assay.documents.parsing.options import DEFAULT_OPTIONS, ParseOptions
from assay.documents.parsing.text_encoding import decode, has_wide_mark
from assay.documents.parsing.text_type import TEXT_SUFFIXES, suffix_of, text_type
from assay.errors import DocumentRejected

MAIL = "message/rfc822"

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
# The first member whose name begins so decides what another ZIP archive is.
_ZIP_MEMBERS = (
    ("META-INF/container.xml", "application/epub+zip"),
    ("META-INF/MANIFEST.MF", "application/java-archive"),
    ("content.xml", "application/vnd.oasis.opendocument"),
)
# Office files whose list of content is lost: damaged, and worth that name.
_OFFICE_FOLDERS = ("word/", "ppt/", "xl/")

# RFC 5322: fields of a name, a colon and lines that go on after white space, up to an empty line.
_MAIL_HEAD = re.compile(rb"(?:[!-9;-~]{1,76}+:[^\r\n]*+(?:\r?\n[ \t][^\r\n]*+)*+(?:\r?\n|\r|\Z))++")
_MAIL_FIELD = re.compile(rb"^(from|to|subject|date|message-id|received|mime-version)[ \t]*:", re.I | re.M)
_MAIL_WINDOW_BYTES = 64 * 1024
_LEAST_MAIL_FIELDS = 2
_MAIL_SUFFIXES = frozenset({"", ".eml", ".txt", ".text", ".mht", ".mhtml"})

# Text holds tabs, line ends, form feeds and terminal escapes; a tenth of other control bytes is no text.
_CONTROL_BYTES = bytes(code for code in (*range(32), 127) if code not in b"\t\n\r\f\x1b")
_MOST_CONTROL_RATIO = 0.1


@dataclass(frozen=True, slots=True)
class Content:
    """A document whose type is known. `text` and `encoding` are None for formats that are not text."""

    data: bytes
    name: str
    media_type: str
    text: str | None = None
    encoding: str | None = None
    options: ParseOptions = DEFAULT_OPTIONS


def detect(data: bytes, *, name: str, media_type: str | None = None) -> Content:
    """Find out what `data` is, and decode it when it is text.

    Raises DocumentRejected: `empty`, `encrypted` (an Office file under a password), `corrupt` (a damaged archive,
    bytes in no encoding, or no text at all under a name that promises text), `unsupported_type` (unknown binary).
    """
    if not data:
        raise DocumentRejected("empty", "The file has 0 bytes.")
    if binary := _binary_type(data):
        return Content(data, name, binary)
    if _is_mail(data, name, media_type):
        return Content(data, name, MAIL)
    if not has_wide_mark(data) and _is_binary(data):
        if suffix_of(name) in TEXT_SUFFIXES:
            raise DocumentRejected("corrupt", f"`{name}` is named as text and holds NUL or control bytes.")
        raise DocumentRejected("unsupported_type", "The bytes are no text and of no known type.")
    text, encoding = decode(data)
    if "\x00" in text:
        raise DocumentRejected("corrupt", f"The text, read as {encoding}, holds NUL characters.")
    return Content(data, name, text_type(text, name, media_type), text, encoding)


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
            if CONTENT_TYPES in names:
                return package_type(archive)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise DocumentRejected("corrupt", f"The ZIP archive (perhaps an Office file) is damaged: {error}.") from None
    if any(name.startswith(_OFFICE_FOLDERS) for name in names):
        raise DocumentRejected("corrupt", f"The Office file lacks its `{CONTENT_TYPES}`.")
    for start, media_type in _ZIP_MEMBERS:
        if any(name.startswith(start) for name in names):
            return media_type
    return "application/zip"


def _is_mail(data: bytes, name: str, media_type: str | None) -> bool:
    if suffix_of(name) not in _MAIL_SUFFIXES and not (media_type or "").startswith(MAIL):
        return False
    head = _MAIL_HEAD.match(data, 0, _MAIL_WINDOW_BYTES)
    if head is None:
        return False
    return len({found.lower() for found in _MAIL_FIELD.findall(head[0])}) >= _LEAST_MAIL_FIELDS


def _is_binary(data: bytes) -> bool:
    if b"\x00" in data:
        return True
    return len(data) - len(data.translate(None, _CONTROL_BYTES)) > _MOST_CONTROL_RATIO * len(data)
