"""Secrets: those with a form of their own, and values behind a label such as `password=`.

A random-looking string without a label is none: hashes, ids and base64 are everywhere.
"""

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Iterator

from assay.documents.pii.finding import Finding

_OWN_FORMS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA)[A-Z2-7]{16}"  # AWS access key ids
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"  # GitHub tokens
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,200}"  # Slack tokens
    r"|sk_live_[A-Za-z0-9]{16,128}"  # Stripe keys
    r"|AIza[A-Za-z0-9_-]{35}"  # Google API keys
    r")(?![A-Za-z0-9])"
)
_KEY_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"(?:\s*[A-Za-z0-9+/=]{16,100}(?=\s|$))*")
# Longer than any key (an RSA key of 16,384 bits has 12,500); what ends later belongs to another one.
_KEY_CHARACTERS = 20_000
_JWT = re.compile(r"(?<![\w-])(eyJ[A-Za-z0-9_-]{8,2000})\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{16,2000}(?![\w-])")
_IN_URL = re.compile(r"(?<=://)[^\s/:@\"'<>]{1,64}:([^\s/:@\"'<>]{3,128})@")
_LABELLED = re.compile(
    r"(?P<label>pass(?:words?|wd|phrase|wort)|contraseña|pwd"
    r"|(?:api|access|account|secret|private|encryption|shared)[_ -]?key|secret"
    r"|(?:access|auth|bearer|refresh|api|session|security)[_ -]?token)"
    r"(?P<given>[\"'`*]{0,3}\s{0,3}(?:=>|:=|=|:)\s{0,3}|\s+is\s+)(?P<quote>[\"'`]?)(?P<value>(?:[^\s\"'`<>{}()|,;&]|&(?!\w{1,32}=)){4,512})(?P<after>.?)",
    re.IGNORECASE,
)
# Each label holds one of these words, after at most so many characters.
_WORDS_OF_LABELS = {
    "pass": 0, "contrase": 0, "pwd": 0, "secret": 0, "key": len("encryption-"), "token": len("security-"),
}  # fmt: skip
_PLACEHOLDER = re.compile(
    r"[$%<{\[(*@\\-]|.*(?:\.\.\.|…|\*\*\*|xxx|example|placeholder|changeme|redacted)|your|my_?(?:password|secret|key)|insert|enter"
    r"|(?:null|none|true|false|string|required|optional|password|secret|token|key|plaintext|securestring|https?:.*)$",
    re.IGNORECASE,
)
# Bits per character: English words have up to 3, random hexadecimal digits of 16 some 3.2, base64 more than 4.
_LEAST_ENTROPY_BITS, _LEAST_KEY_CHARACTERS = 3.1, 16


def find_secrets(text: str) -> Iterator[Finding]:
    """The values, without their labels; a private key with its first and last line."""
    for found in _OWN_FORMS.finditer(text):
        yield Finding("secret", found.start(), found.end())
    for found in _KEY_BEGIN.finditer(text):
        end = _KEY_END.search(text, found.end(), found.end() + _KEY_CHARACTERS)
        last = end or _KEY_BODY.match(text, found.end())
        yield Finding("secret", found.start(), last.end() if last else found.end())
    for found in _JWT.finditer(text):
        if _is_jwt_header(found[1]):
            yield Finding("secret", found.start(), found.end())
    for found in _IN_URL.finditer(text):
        if not _PLACEHOLDER.match(found[1]):
            yield Finding("secret", *found.span(1))
    for found in _labelled(text):
        value = found["value"].rstrip(".:")
        if _is_given(found, value):
            yield Finding("secret", found.start("value"), found.start("value") + len(value))


def _labelled(text: str) -> Iterator[re.Match[str]]:
    """The matches of `_LABELLED`, looked for around its words only: over the whole text it took as long as the rest."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few capital letters are two when they are small
        yield from _LABELLED.finditer(text)
        return
    end = 0
    for place, before in sorted(_places(lowered)):
        starts = range(max(end, place - before), place + 1)
        if found := next(filter(None, (_LABELLED.match(text, start) for start in starts)), None):
            yield found
            end = found.end()


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Every place of a word of `_WORDS_OF_LABELS`, and how far before it its label may begin."""
    for word, before in _WORDS_OF_LABELS.items():
        place = text.find(word)
        while place >= 0:
            yield place, before
            place = text.find(word, place + 1)


def _is_given(found: re.Match[str], value: str) -> bool:
    """Whether a labelled value is a secret and not a variable, a placeholder or the next word of a sentence."""
    if len(value) < 4 or _PLACEHOLDER.match(value) or found["after"] == "(":
        return False
    if not re.match(r"(?i)pass|pwd|contra", found["label"]):
        has_digit = any(character.isdigit() for character in value)
        return has_digit and len(value) >= _LEAST_KEY_CHARACTERS and _entropy_bits(value) >= _LEAST_ENTROPY_BITS
    if found["quote"] and found["after"] == found["quote"]:
        return found["given"].strip("\"'`* \t\n") != "is" or _is_mixed(value)
    is_tight = found["given"] == "="
    return _is_mixed(value) or (is_tight and len(value) >= 6 and "." not in value)


def _is_mixed(value: str) -> bool:
    """Letters with digits or signs, and no path, call or address."""
    has_letter = any(character.isalpha() for character in value)
    has_digit = any(character.isdigit() for character in value)
    has_sign = any(character in "!#$%^&*+?@" for character in value)
    return len(value) >= 6 and has_letter and (has_digit or has_sign) and not re.search(r"[/\\]|\w\.\w|::", value)


def _entropy_bits(value: str) -> float:
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def _is_jwt_header(part: str) -> bool:
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(header, dict) and "alg" in header
