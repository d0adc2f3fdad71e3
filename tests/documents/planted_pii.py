"""Personal data and secrets made by rules, planted into harmless text; and what only looks like them."""

from dataclasses import dataclass
from random import Random

from assay.documents.pii import PiiKind

_WORDS = [
    "the",
    "order",
    "was",
    "sent",
    "on",
    "monday",
    "and",
    "arrived",
    "late",
    "please",
    "confirm",
    "that",
    "everything",
    "is",
    "fine",
    "before",
    "we",
    "close",
    "this",
    "ticket",
    "release",
    "notes",
    "mention",
    "chapter",
    "results",
    "in",
    "table",
    "of",
    "contents",
    "measured",
    "values",
    "were",
    "stable",
    "across",
    "all",
    "runs",
]
_NAMES = ("mara.lind", "j_okafor", "o'brien", "team+news", "li", "sören.weiß", "a.b.c", "x92")
_HOSTS = ("example.org", "mail.example.co.uk", "sub.domain.example.com", "firma-xy.example.de", "a.io")
_IBANS = ("GB", 18, "WEST"), ("DE", 18, ""), ("FR", 23, ""), ("NL", 14, "ABNA"), ("NO", 11, ""), ("MT", 27, "MALT")
_CARDS = ("4", 16), ("4", 13), ("51", 16), ("2221", 16), ("34", 15), ("6011", 16), ("36", 14), ("3528", 16), ("62", 19)
_PHONES = (
    "+49 30 {7}", "+44 (0)20 7{3} {4}", "+1 (415) 555-{4}", "+1-212-555-{4}", "(415) 555-{4}", "415-555-{4}", "212.555.{4}",
    "+33 6 {2} {2} {2} {2}", "06 {2} {2} {2} {2}", "+34 612 {3} {3}", "030 {7}", "(030) {4} {4}", "089/{7}", "020 7{3} {4}",
    "0049 89 {7}", "+91 98{3} {5}", "Tel.: {3} {4}", "Phone: 415 555 {4}", "tel: {3}-{4}", "Fax: 555 {4}",
)  # fmt: skip
_SECRET_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
# What recognizers have to leave alone, each with digits or signs in a place where a value could have them.
HARMLESS = (
    "2026-11-01", "01.11.2026", "11/01/2026 12:30:45", "version 10.2.3.4", "v5.1.19041.1", "ModuleVersion = '2.4.6.8'",
    "1.2.3.4.5", "ISBN 978-3-16-148410-0", "ISBN 0-306-40615-2", "RFC 5321", "p < 0.00123456", "10,000,000,000",
    "1 234 567 890", "0.123456789012", "4111111111111112", "1234567812345678", "GB82 WEST 1234 5698 7654 33", "DE89 3704",
    "a1b2c3d4-e5f6-7890-abcd-ef1234567890", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "255.255.255.0",
    "127.0.0.1", "0.0.0.0", "1.0.0.0", "::1", "00:1A:2B:3C:4D:5E", "[Math]::Abs", "std::vector", "12:30:45",
    "user@host", "@param", "icon@2x.png", "git@github.com:owner/name.git", "$password = Read-Host -AsSecureString",
    "password: required", "password = <your password>", "PASSWORD=${SECRET}", "The password must have 12 characters",
    "api_key=YOUR_API_KEY", "token: string", "secret santa", "PublicKeyToken=31bf3856ad364e35", "+12%", "C++11",
    "(10 20 30)", "01 02 03 04 05", "2015-2016", "0xDEADBEEF", "#12345678", "doi:10.1000/182", "192.168.1",
)  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """A text with what was planted in it: kind, start and end of each."""

    text: str
    places: tuple[tuple[PiiKind, int, int], ...]


def planted_text(random: Random) -> Planted:
    """Some lines of words with values and look-alikes between them."""
    text, places = "", []
    for _ in range(random.randint(3, 8)):
        text += f"{_prose(random)} "
        if random.random() < 0.6:
            kind: PiiKind = random.choice(("email", "phone", "iban", "card", "ip", "secret"))
            before, value = _value(random, kind)
            places.append((kind, len(text) + len(before), len(text) + len(before) + len(value)))
            text += before + value + ("@db.example.org/app" if before == "postgres://app:" else "")
        else:
            text += random.choice(HARMLESS)
        text += random.choice((".\n", "\n", ", ", " ", "; "))
    return Planted(f"{text}{_prose(random)}\n", tuple(places))


def _value(random: Random, kind: PiiKind) -> tuple[str, str]:
    """What stands before a value, as a label, and the value."""
    if kind == "email":
        return random.choice(("", "mailto:", "<")), f"{random.choice(_NAMES)}@{random.choice(_HOSTS)}"
    if kind == "phone":
        label, _, number = random.choice(_PHONES).rpartition(": ")
        return (f"{label}: " if label else ""), _with_digits(random, number)
    if kind == "iban":
        return "", _iban(random, *random.choice(_IBANS))
    if kind == "card":
        return "", _card(random, *random.choice(_CARDS))
    if kind == "ip":
        return random.choice(_ADDRESSES)(random)
    return random.choice(_SECRETS)(random)


def _with_digits(random: Random, form: str) -> str:
    for count in range(2, 8):
        while f"{{{count}}}" in form:
            form = form.replace(f"{{{count}}}", str(random.randint(2, 9)) + _digits(random, count - 1), 1)
    return form


def _digits(random: Random, count: int) -> str:
    return "".join(random.choice("0123456789") for _ in range(count))


def _iban(random: Random, country: str, length: int, bank: str) -> str:
    account = bank + _digits(random, length - len(bank))
    number = int("".join(str(int(character, 36)) for character in f"{account}{country}00"))
    plain = f"{country}{98 - number % 97:02}{account}"
    grouped = " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))
    return random.choice((plain, grouped))


def _card(random: Random, prefix: str, length: int) -> str:
    digits = prefix + _digits(random, length - len(prefix) - 1)
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(digits)))
    plain = digits + str(-total % 10)
    return random.choice((plain, " ".join(plain[at : at + 4] for at in range(0, 16, 4)))) if length == 16 else plain


def _public_v4(random: Random) -> tuple[str, str]:
    return random.choice(
        ("", "from ", "host: ")
    ), f"{random.randint(80, 220)}.{_part(random)}.{_part(random)}.{_part(random)}"


def _private_v4(random: Random) -> tuple[str, str]:
    return random.choice(
        ("", "http://", "ping ")
    ), f"10.{random.randint(1, 9)}.{random.randint(1, 9)}.{random.randint(1, 9)}"


def _v6(random: Random) -> tuple[str, str]:
    return "", f"2001:db8:{random.getrandbits(12):x}::{random.getrandbits(16):x}"


def _part(random: Random) -> int:
    return random.randint(20, 250)


def _password(random: Random) -> tuple[str, str]:
    return random.choice(
        ("password=", "Password: ", "pwd = ", '"password": "')
    ), f"{_letters(random, 5)}{random.randint(10, 99)}!k"


def _api_key(random: Random) -> tuple[str, str]:
    return random.choice(("api_key=", "API-Key: ", "client_secret = ")), f"{_letters(random, 30)}7f"


def _aws(random: Random) -> tuple[str, str]:
    return "", "AKIA" + "".join(random.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))


def _github(random: Random) -> tuple[str, str]:
    return "", f"ghp_{_letters(random, 36)}"


def _private_key(random: Random) -> tuple[str, str]:
    body = "\n".join(_letters(random, 64) for _ in range(5))
    return "", f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"


def _jwt(random: Random) -> tuple[str, str]:
    return "Bearer ", f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ{_letters(random, 40)}.{_letters(random, 43)}"


def _in_url(random: Random) -> tuple[str, str]:
    return "postgres://app:", f"{_letters(random, 9)}42"


def _letters(random: Random, count: int) -> str:
    return "".join(random.choice(_SECRET_ALPHABET) for _ in range(count))


_ADDRESSES = (_public_v4, _private_v4, _v6)
_SECRETS = (_password, _api_key, _aws, _github, _private_key, _jwt, _in_url)


def _prose(random: Random) -> str:
    return " ".join(random.choice(_WORDS) for _ in range(random.randint(2, 7)))
