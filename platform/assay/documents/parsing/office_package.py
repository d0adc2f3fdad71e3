"""Office files (OOXML: DOCX, PPTX, XLSX) as the XML parts in their archive, none of it trusted.

Only XML is ever unpacked. Pictures, fonts, macros and embedded files, archives among them, are left as they are.
"""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from assay.errors import DocumentRejected

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
OTHER_PACKAGE = "application/vnd.openxmlformats-package"

CONTENT_TYPES = "[Content_Types].xml"
# What the main part of a package may be declared as; templates and files with macros hold the same XML.
_MAIN_PART = re.compile(
    r"application/vnd\.(?:openxmlformats-officedocument\.(?P<kind>wordprocessingml|presentationml|spreadsheetml)"
    r"\.(?:document|presentation|slideshow|sheet|template)"
    r"|ms-(?P<macro>word|powerpoint|excel)\.(?:document|presentation|slideshow|sheet|template)\.macroEnabled)\.main\+xml"
)
_MEDIA_TYPES = {
    "wordprocessingml": DOCX, "word": DOCX, "presentationml": PPTX, "powerpoint": PPTX, "spreadsheetml": XLSX,
    "excel": XLSX,
}  # fmt: skip
_MAX_CONTENT_TYPES_BYTES = 4 * 2**20
# A presentation of 500 slides has some 2,000 members.
_MAX_MEMBERS = 20_000
_DIRECTORY_ENTRY = b"PK\x01\x02"
# A book of 1,000 pages is some 20 MiB of XML. As a tree it takes ten times its bytes, and a worker has 2 GiB.
MAX_XML_BYTES = 64 * 2**20
# Of empty elements four bytes each, 64 MiB would be 3 GiB as a tree.
_MAX_TAGS = 4_000_000
_CHUNK_BYTES = 1 << 16
_XML_SUFFIXES = (".xml", ".rels")
_IS_ENCRYPTED = 0x1
# Names of the strict dialect (ISO 29500), which Office reads as those of the usual one.
_STRICT_NAME = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_RELATION = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_CORE_TITLE = "{http://purl.org/dc/elements/1.1/}title"


class XmlElement(Protocol):
    """What is used of an lxml element. Its tag is `{namespace}name`."""

    tag: str
    text: str | None

    def get(self, key: str) -> str | None: ...
    def find(self, path: str) -> "XmlElement | None": ...
    def findall(self, path: str) -> "list[XmlElement]": ...
    def iter(self, *tags: str) -> "Iterator[XmlElement]": ...
    def __iter__(self) -> "Iterator[XmlElement]": ...


@dataclass(frozen=True, slots=True)
class Relation:
    """`kind` is the last word of the relationship's type, `part` the name of the member it leads to."""

    kind: str
    part: str


@dataclass(frozen=True, slots=True)
class OfficePackage:
    """The XML members of an Office file by name, within MAX_XML_BYTES together."""

    members: Mapping[str, bytes]

    @classmethod
    def open(cls, data: bytes) -> "OfficePackage":
        """Raises DocumentRejected: `corrupt`, `encrypted`, `too_large`."""
        if data.count(_DIRECTORY_ENTRY) > _MAX_MEMBERS:
            raise DocumentRejected("too_large", f"The archive has more than {_MAX_MEMBERS:,} members.")
        with damage_is_corrupt(), zipfile.ZipFile(io.BytesIO(data)) as archive:
            xml = [member for member in archive.infolist() if member.filename.lower().endswith(_XML_SUFFIXES)]
            if sum(member.file_size for member in xml) > MAX_XML_BYTES:
                raise DocumentRejected("too_large", f"The XML in it is larger than {MAX_XML_BYTES:,} bytes.")
            left = MAX_XML_BYTES
            members: dict[str, bytes] = {}
            for member in xml:
                members[member.filename] = _plain_xml(read_member(archive, member, left))
                left -= len(members[member.filename])
            return cls(members)

    def root(self, part: str) -> XmlElement:
        """The parsed part. Raises DocumentRejected: `corrupt` where it is missing or no XML, `too_large`."""
        if part not in self.members:
            raise DocumentRejected("corrupt", f"The Office file lacks its part `{part[:100]}`.")
        if self.members[part].count(b"<") > _MAX_TAGS:
            raise DocumentRejected("too_large", f"`{part[:100]}` has more than {_MAX_TAGS:,} tags.")
        with damage_is_corrupt():
            return _parse_xml(self.members[part])

    def relations(self, part: str = "") -> dict[str, Relation]:
        """Id -> relation of a part to the others inside of the file; of the file itself without a name."""
        folder, _, name = part.rpartition("/")
        source = posixpath.join(folder, "_rels", f"{name}.rels")
        if source not in self.members:
            return {}
        found: dict[str, Relation] = {}
        for element in self.root(source).iter(_RELATION):
            if element.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, element.get("Target") or "")).lstrip("/")
                found[element.get("Id") or ""] = Relation((element.get("Type") or "").rpartition("/")[2], target)
        return found

    def related(self, kind: str, part: str = "") -> list[str]:
        """The parts that a part leads to by one kind of relation, and that are there."""
        parts = (relation.part for relation in self.relations(part).values() if relation.kind == kind)
        return [name for name in parts if name in self.members]

    def main_part(self) -> str:
        parts = self.related("officeDocument")
        if not parts:
            raise DocumentRejected("corrupt", "The Office file does not say which of its parts is the document.")
        return parts[0]

    def declared_title(self) -> str:
        """The title among the file's properties; empty without one."""
        found = (self.root(part).find(_CORE_TITLE) for part in self.related("core-properties"))
        return next((title.text or "" for title in found if title is not None), "")


def package_type(archive: zipfile.ZipFile) -> str:
    """The media type of an archive that has `[Content_Types].xml`, by what that says the main part is.

    Raises DocumentRejected: `corrupt`, `encrypted`, `too_large`.
    """
    with damage_is_corrupt():
        xml = read_member(archive, archive.getinfo(CONTENT_TYPES), _MAX_CONTENT_TYPES_BYTES)
        for declared in _parse_xml(_plain_xml(xml)):
            if found := _MAIN_PART.fullmatch(declared.get("ContentType") or ""):
                return _MEDIA_TYPES[found["kind"] or found["macro"]]
    return OTHER_PACKAGE


def whole_number(text: str | None, otherwise: int) -> int:
    """The number that an attribute holds; `otherwise` where it is missing or none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else otherwise


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """Unpack piece by piece, so that neither a false size nor a bomb takes more than `max_bytes` of memory."""
    if member.flag_bits & _IS_ENCRYPTED:
        raise DocumentRejected("encrypted", "The archive (perhaps an Office file) is under a password.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DocumentRejected("corrupt", f"`{member.filename[:100]}` is packed as no Office file is.")
    unpacked = bytearray()
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            unpacked += chunk
            if len(unpacked) > max_bytes:
                raise DocumentRejected("too_large", f"`{member.filename[:100]}` unpacks to too many bytes.")
    return bytes(unpacked)


@contextmanager
def damage_is_corrupt(*others: type[Exception]) -> Generator[None]:
    """What zipfile and XML parsers raise about damaged bytes, as DocumentRejected("corrupt"); `others` too."""
    damage = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, ValueError, OSError)
    try:
        yield
    except (*damage, SyntaxError, *others) as error:  # lxml's XMLSyntaxError is Python's SyntaxError
        detail = f"The Office file is damaged: {type(error).__name__}: {str(error)[:300]}"
        raise DocumentRejected("corrupt", detail) from None


def _plain_xml(data: bytes) -> bytes:
    # Office never writes a document type, and only there can entities be declared that grow when they are read.
    if b"<!DOCTYPE" in data.replace(b"\x00", b""):
        raise DocumentRejected("corrupt", "The Office file declares a document type (DTD) or entities in its XML.")
    return _STRICT_NAME.sub(rb"http://schemas.openxmlformats.org/\1/2006/\2", data)


def _parse_xml(data: bytes) -> XmlElement:
    etree = import_module("lxml.etree")  # it is C without type declarations
    # Without `huge_tree` nesting ends at 256 and a text at 10 million characters.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    return cast("XmlElement", etree.fromstring(data, parser))
