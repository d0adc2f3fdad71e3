"""What a deployment may set about parsing. It travels to the worker processes over their sockets, before any task."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from assay.settings import Settings


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """`passwords` are tried on encrypted files and never printed; `ocr_languages` are tesseract's, joined by `+`."""

    passwords: tuple[str, ...] = field(default=(), repr=False)
    ocr_languages: str = "eng"

    @classmethod
    def of(cls, settings: "Settings") -> Self:
        passwords = tuple(password.get_secret_value() for password in settings.document_passwords)
        return cls(passwords, settings.ocr_languages)


DEFAULT_OPTIONS = ParseOptions()
