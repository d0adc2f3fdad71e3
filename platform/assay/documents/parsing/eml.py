"""EML: the head of a mail and its text. Attachments are named and not read."""

import email
import email.policy
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message

from assay.documents.parsing.content_type import MAIL, Content
from assay.documents.parsing.html import parse_html
from assay.documents.parsing.page_writer import PageWriter, as_prose
from assay.documents.parsing.parsed import has_words, normalize_text
from assay.documents.parsing.registry import Extracted, Parser
from assay.documents.parsing.text_encoding import decode, decode_as
from assay.documents.parsing.text_type import HTML, PLAIN
from assay.errors import DocumentRejected

_SHOWN_FIELDS = ("From", "To", "Cc", "Date", "Subject")
_MAX_FIELD_CHARACTERS = 10_000
# Heads of real mails are some kilobytes; each of their fields costs 10 microseconds.
_MAX_HEAD_BYTES = 2**20
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
# Every line of a mail is compared with every boundary that is open: parts in parts cost the square of their number.
_MAX_CONTAINERS = 200
_CONTAINER = re.compile(rb"content-type\s*:\s*(?:multipart|message)/", re.I)
# So do the parameters of a field, and both are read before anything else can be looked at.
_MAX_FIELD_BYTES = 16 * 1024
_PARAMETERS = re.compile(rb"^content-[a-z-]{1,40}+[ \t]*+:[^\r\n]*+(?:\r?\n[ \t][^\r\n]*+)*+", re.I | re.M)
_ENCRYPTED_TYPES = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_NOT_TEXT = re.compile(r"[\x00\ud800-\udfff]")


def parse_eml(content: Content) -> Extracted:
    """From, To, Cc, Date and Subject as lines, then the plain text, or the HTML where there is none.

    The subject is the title. The names of attachments, attached mails among them, are listed at the end.
    Raises DocumentRejected: `encrypted`, `too_large` (a head of more than 1 MiB, or more than 200 parts that hold
    others), `corrupt` (a field of more than 16 KiB, a text in no encoding).
    """
    if len(content.data) > _MAX_HEAD_BYTES and not _END_OF_HEAD.search(content.data, 0, _MAX_HEAD_BYTES):
        raise DocumentRejected("too_large", f"The head of the mail is longer than {_MAX_HEAD_BYTES:,} bytes.")
    if len(_CONTAINER.findall(content.data)) > _MAX_CONTAINERS:
        raise DocumentRejected("too_large", f"The mail has more than {_MAX_CONTAINERS} parts that hold other parts.")
    if any(len(field[0]) > _MAX_FIELD_BYTES for field in _PARAMETERS.finditer(content.data)):
        raise DocumentRejected("corrupt", f"A field of the mail is longer than {_MAX_FIELD_BYTES:,} bytes.")
    # The modern policies raise IndexError and more for damaged fields; this one keeps them as they are.
    message: Message = email.message_from_bytes(content.data, policy=email.policy.compat32)
    parts = list(_leaves(message))
    if _is_encrypted(message) or any(map(_is_encrypted, parts)):
        raise DocumentRejected("encrypted", "The mail is encrypted.")
    writer = PageWriter()
    fields = _fields(message)
    writer.prose("\n".join(f"{name}: {fields[name]}" for name in _SHOWN_FIELDS if fields.get(name)))
    attached = [part for part in parts if _is_attached(part)]
    _write_body(writer, [part for part in parts if not _is_attached(part)], content.name)
    if attached:
        writer.prose("Attachments, not read:")
    for part in attached:
        writer.item(_file_name(part), 0)
    return writer.extracted(fields.get("Subject"))


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that hold no others. A mail inside of a mail is one: what it holds is not this mail's."""
    pending = [message]
    while pending:
        part = pending.pop()
        inside = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inside, list):
            pending += [one for one in reversed(inside) if isinstance(one, Message)]
        else:
            yield part


def _write_body(writer: PageWriter, parts: list[Message], name: str) -> None:
    plain = [text for part in parts if part.get_content_type() == PLAIN and has_words(text := _text(part))]
    for text in plain:
        writer.markdown(as_prose(normalize_text(text).strip()))
    if plain:
        return
    for part in parts:
        if part.get_content_type() == HTML:
            page = parse_html(Content(b"", name, HTML, text=_text(part)))
            writer.markdown(page.pages[0], page.tables)


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset()
    return _NOT_TEXT.sub("", decode_as(data, charset))


def _fields(message: Message) -> dict[str, str]:
    """The shown fields that the mail has, of several the first, each as one line."""
    fields: dict[str, str] = {}
    for name, value in message.raw_items():
        if name.title() in _SHOWN_FIELDS and name.title() not in fields:
            fields[name.title()] = _decoded(value[:_MAX_FIELD_CHARACTERS])
    return fields


def _decoded(value: str) -> str:
    """A field without its encoding (RFC 2047); bytes beyond ASCII are what they are in a text."""
    try:
        plain = value if value.isascii() else decode(value.encode("ascii", "surrogateescape")).text
        plain = str(make_header(decode_header(plain)))
    except (HeaderParseError, LookupError, ValueError, DocumentRejected):
        plain = value
    return " ".join(_NOT_TEXT.sub("", plain).split())


def _is_encrypted(part: Message) -> bool:
    return part.get_content_type() in _ENCRYPTED_TYPES and part.get_param("smime-type") != "signed-data"


def _is_attached(part: Message) -> bool:
    if part.get_content_disposition() == "attachment" or part.get_content_type() not in (PLAIN, HTML):
        return True
    return part.get_filename() is not None


def _file_name(part: Message) -> str:
    return _decoded(part.get_filename() or f"unnamed, {part.get_content_type()}")


PARSER = Parser(name="eml", version=1, media_types=(MAIL,), parse=parse_eml)
