"""What a recognizer gives: a kind and a place, never the value, so that nothing that prints a finding prints the value."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

PiiKind = Literal["email", "phone", "iban", "card", "ip", "secret"]
PII_KINDS: tuple[PiiKind, ...] = get_args(PiiKind)
# One of a kind and several of it, for people.
NAMES: Mapping[PiiKind, tuple[str, str]] = MappingProxyType(
    {
        "email": ("e-mail address", "e-mail addresses"),
        "phone": ("phone number", "phone numbers"),
        "iban": ("IBAN", "IBANs"),
        "card": ("card number", "card numbers"),
        "ip": ("IP address", "IP addresses"),
        "secret": ("secret", "secrets"),
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data or a secret at `text[start:end]`."""

    kind: PiiKind
    start: int
    end: int

    @property
    def token(self) -> str:
        """What stands in its place in a masked text."""
        return f"[{self.kind.upper()}]"
