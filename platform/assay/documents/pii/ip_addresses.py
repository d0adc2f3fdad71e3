"""IP addresses, told from version and section numbers of the same form by validity and by the words around them."""

import ipaddress
import re
from collections.abc import Iterator

from assay.documents.pii.finding import Finding

_V4 = re.compile(r"(?<![\w./\\-])(?:https?://|ftp://|//|\\\\)?((?:\d{1,3}\.){3}\d{1,3})(?![\w-])(?!\.\d)")
_V6 = re.compile(r"(?<![\w:.\])'\"])(?=[0-9A-Fa-f:]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:]{3,45}(?:\.\d{1,3}){0,3}(?![\w:])")
# How far before a number its context is looked for: half a line.
_CONTEXT_CHARACTERS = 40
_OF_A_VERSION = re.compile(
    r"\w*(?:version|\bver|\bv|\bbuild|\brelease|\brevision|\bassembly|\bmodule|\bruntime|\bframework|\bsdk|\bpackage"
    r"|\bupdate|\bpatch|\bdriver|\bfirmware)s?\b(?P<between>[\w\"'`*:=()|.,>< -]{0,24})$",
    re.IGNORECASE,
)
_OF_A_SECTION = re.compile(r"(?:\b(?:section|sec|chapter|clause|figure|table|oid)s?|§)[ .:]{0,3}$", re.IGNORECASE)
_OF_AN_ADDRESS = re.compile(
    r"(?:\bip\b|ipv4|ipaddress|address|host|server|client|gateway|router|dns|subnet|ping|ssh|remote|from|peer|listen|bind"
    r"|network|computer|://)[\w\"'`*:=()|., -]{0,24}$",
    re.IGNORECASE,
)
_AFTER_AN_ADDRESS = re.compile(r":\d{2,5}\b|/(?:[0-9]|[12]\d|3[0-2])\b")
# Parts of versions are mostly smaller; 10.x, the largest private network, is written with small parts too.
_SMALL_PART = 20


def find_ip_addresses(text: str) -> Iterator[Finding]:
    yield from _v4(text)
    yield from _v6(text)


def _v4(text: str) -> Iterator[Finding]:
    for found in _V4.finditer(text):
        start, end = found.span(1)
        try:
            address = ipaddress.IPv4Address(found[1])
        except ValueError:
            continue
        if address.is_loopback or address.is_unspecified or address.is_multicast or found[1].startswith(("0.", "255.")):
            continue
        # A network or a host of it ends otherwise; versions often end so.
        if found[1].endswith(".0.0"):
            continue
        before = text[max(0, start - _CONTEXT_CHARACTERS) : start].rpartition("\n")[2]
        of_version, of_address = _OF_A_VERSION.search(before), _OF_AN_ADDRESS.search(before)
        parts = address.packed
        # Most parts of an address are large: then only a word that stands right before it tells otherwise.
        is_large = sum(part >= _SMALL_PART for part in parts) >= 3
        if of_version and is_large and any(character.isalpha() for character in of_version["between"]):
            of_version = None
        # The nearer word decides: `version of the server 10.2.3.4`.
        if of_version and not (of_address and of_address.start() > of_version.start()):
            continue
        if _OF_A_SECTION.search(before) and not is_large:
            continue
        is_small = parts[0] != 10 and max(parts) < _SMALL_PART
        if is_small and not of_address and not _AFTER_AN_ADDRESS.match(text, end):
            continue
        yield Finding("ip", start, end)


def _v6(text: str) -> Iterator[Finding]:
    for found in _V6.finditer(text):
        written = found[0].rstrip(".")
        # A colon at the end belongs to the sentence, `::` to the address.
        if written.endswith(":") and not written.endswith("::"):
            written = written[:-1]
        try:
            address = ipaddress.IPv6Address(written)
        except ValueError:
            continue
        groups = [group for group in written.split(":") if group]
        # MAC-like bytes have two digits in every group; `a::b` may be a name of C++.
        if max(map(len, groups), default=0) < 3 or not any(character.isdigit() for character in written):
            continue
        if not (address.is_loopback or address.is_unspecified or address.is_multicast):
            yield Finding("ip", found.start(), found.start() + len(written))
