"""Mails: the head as text, plain text before HTML, attachments by name, and fields made to do harm."""

from email.message import EmailMessage

import pytest

from assay.documents.parsing import ParsedDocument, parse_here
from assay.errors import DocumentRejected


def mail(subject: str = "Größe der Tabelle", **fields: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Zoë <zoe@example.org>"
    message["To"] = "a@example.org"
    message["Subject"] = subject
    for name, value in fields.items():
        message[name] = value
    return message


def read(message: EmailMessage | bytes) -> ParsedDocument:
    return parse_here(message if isinstance(message, bytes) else message.as_bytes(), "mail.eml")


def refusal(message: EmailMessage | bytes) -> str:
    with pytest.raises(DocumentRejected) as refused:
        read(message)
    return refused.value.reason


HEAD = "From: Zoë <zoe@example.org>\nTo: a@example.org\nSubject: Größe der Tabelle"
PAGE = "<p>Other <b>words</b></p><ul><li><table><tr><th>a<th>b<tr><td>1|2<td>e\u0301</table></ul>"


def test_a_mail_is_its_head_its_plain_text_and_the_names_of_what_is_attached() -> None:
    message = mail()
    message.set_content("Hello\n\n# not a heading\n> quoted\n")
    message.add_alternative(PAGE, subtype="html")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="Übersicht.pdf")
    message.add_attachment("its own text", filename="notes.txt")
    inside = mail("Inside")
    inside.set_content("Text of another mail")
    message.add_attachment(inside)
    parsed = read(message)
    assert parsed.text == (
        f"{HEAD}\n\nHello\n\n\\# not a heading\n> quoted\n\nAttachments, not read:\n\n"
        "- Übersicht.pdf\n- notes.txt\n- unnamed, message/rfc822"
    )
    assert (parsed.title, parsed.media_type, parsed.parser, parsed.tables) == (
        "Größe der Tabelle",
        "message/rfc822",
        "eml@1",
        (),
    )


def test_html_is_read_where_there_is_no_plain_text() -> None:
    message = mail()
    message.set_content(" \n")
    message.add_alternative(PAGE, subtype="html")
    parsed = read(message)
    [table] = parsed.tables
    assert parsed.text.startswith(f"{HEAD}\n\nOther words\n\n- | a | b |")
    assert table.rows == (("a", "b"), ("1|2", "é"))
    assert parsed.text[table.start : table.end] == "| a | b |\n  | --- | --- |\n  | 1\\|2 | é |"


@pytest.mark.parametrize(
    ("charset", "body"),
    [
        ("iso-8859-1", "Größe – “quoted”".encode("cp1252")),
        ("iso-2022-jp", "日本語の文章です".encode("iso-2022-jp")),
        ("no-such-charset", "Größe".encode()),
        ("punycode", b"Gr-e" * 20_000),
        ("us-ascii", "Größe".encode()),
    ],
)
def test_a_text_is_in_its_charset_or_in_one_that_fits(charset: str, body: bytes) -> None:
    head = f"From: a@example.org\nSubject: =?utf-8?b?R3LDtsOfZQ==?=\nContent-Type: text/plain; charset={charset}\n\n"
    expected = {"iso-8859-1": "Größe – “quoted”", "iso-2022-jp": "日本語の文章です", "punycode": "Gr-e" * 20_000}
    parsed = read(head.encode() + body)
    assert parsed.text.endswith(expected.get(charset, "Größe"))
    assert parsed.title == "Größe"


def test_fields_that_are_damaged_are_shown_as_they_are() -> None:
    parsed = read(
        "From: ü <a@example.org>\nSubject: =?utf-8?b?!!!?= =?nonsense?q?x?= tail\nDate: yesterday\n"
        "Content-Type: text/plain;;; charset\nContent-Disposition: ;\n\nText\x00 goes on".encode()
    )
    assert parsed.text.startswith("From: ü <a@example.org>\nDate: yesterday\nSubject: =?utf-8?b?!!!?=")
    assert parsed.text.endswith("Text goes on")


def test_encrypted_mails_are_refused_and_signed_ones_are_not() -> None:
    for kind in ('multipart/encrypted; boundary="b"', "application/pkcs7-mime; smime-type=enveloped-data"):
        assert refusal(f"From: a@b.org\nSubject: s\nContent-Type: {kind}\n\nMIAG".encode()) == "encrypted"
    signed = mail()
    signed.set_content("Signed text")
    signed.make_mixed()
    signed.replace_header("Content-Type", "multipart/signed")
    assert "Signed text" in read(signed).text


def nested(kind: str, depth: int) -> bytes:
    head = b"From: a@b.org\nSubject: s\n"
    for number in range(depth):
        head += b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (number, number)
        head += b"" if kind == "multipart" else b"Content-Type: message/rfc822\n\nSubject: s\n"
    return head + b"\nText\n"


@pytest.mark.timeout(20)
def test_parts_in_parts_and_long_fields_end_at_a_limit() -> None:
    assert "Text" in read(nested("multipart", 90)).text
    assert refusal(nested("multipart", 201)) == "too_large"
    assert refusal(nested("message", 101)) == "too_large"
    parameters = b'; a="' + b";x" * 500_000
    assert refusal(b"From: a@b.org\nSubject: s\nContent-Type: text/plain" + parameters + b'"\n\nText') == "corrupt"
    folded = b"From: a@b.org\nSubject: s\nContent-Disposition: attachment" + b";\n x*1=y" * 9_000 + b"\n\nText"
    assert refusal(folded) == "corrupt"
    assert refusal(b"From: a@b.org\nSubject: s\n" + b"X-Many: x\n" * 200_000 + b"\nText") == "too_large"
    lines = b"From: a@b.org\nSubject: s" + b" =?utf-8?q?a" * 50_000 + b"\n\nText"
    assert read(lines).text.endswith("Text")


def test_a_mail_without_a_word_in_it_is_no_text() -> None:
    assert refusal(b"Message-ID: <1@b.org>\nMIME-Version: 1.0\n\n \n") == "no_text"
