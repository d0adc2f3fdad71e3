"""Personal data and secrets in a text, by recognizers that check what they find: check digits, validity, context.

Names, street addresses and birthdays are not looked for: nothing about them can be checked.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from assay.documents.pii.account_numbers import find_cards, find_ibans
from assay.documents.pii.credentials import find_secrets
from assay.documents.pii.emails import find_emails
from assay.documents.pii.finding import NAMES, PII_KINDS, Finding, PiiKind
from assay.documents.pii.ip_addresses import find_ip_addresses
from assay.documents.pii.phones import find_phones

__all__ = ["NAMES", "PII_KINDS", "Finding", "PiiKind", "find_pii", "masked", "masked_rows", "masker"]

# Of findings that overlap the one whose recognizer comes first counts: the surest, and those that hold others.
_RECOGNIZERS: tuple[Callable[[str], Iterable[Finding]], ...] = (
    find_secrets,
    find_emails,
    find_ibans,
    find_cards,
    find_ip_addresses,
    find_phones,
)
# These are known by their form; the others also by what stands before them, which a table's cell lacks.
_KNOWN_BY_FORM: frozenset[PiiKind] = frozenset({"email", "iban", "card"})
# Values are looked up by so many of their first characters; none is shorter.
_BEGINNING = 3
_WORD_BEGIN, _WORD_PART = re.compile(r"(?<!\w)\S"), re.compile(r"\w")


def find_pii(text: str) -> list[Finding]:
    """What was found, in the order of the text, without overlaps."""
    taken: list[Finding] = []
    for recognizer in _RECOGNIZERS:
        taken = sorted([*taken, *_beside(taken, recognizer(text))], key=lambda one: one.start)
    return taken


def masked(text: str) -> str:
    """The text with a token such as `[EMAIL]` in the place of everything that is found in it."""
    return _with_tokens(text, find_pii(text))


def masked_rows(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The cells of a table with a token in the place of everything that is found in it as a whole.

    What tells a value from any other number may stand in the cell before it.
    """
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    mask = masker({text[one.start : one.end]: one.kind for one in find_pii(text)})
    return [[mask(cell) for cell in row] for row in rows]


def masker(values: Mapping[str, PiiKind]) -> Callable[[str], str]:
    """How to mask the cells and the title of a document that holds `values`: a token in the place of each.

    E-mail addresses, IBANs and card numbers are masked wherever they are; the others where the text has them too, with
    whatever beside them.
    """
    lengths: dict[str, set[int]] = {}
    for value in values:
        lengths.setdefault(value[:_BEGINNING], set()).add(len(value))
    longest_first = {beginning: sorted(those, reverse=True) for beginning, those in lengths.items()}

    def known(text: str) -> Iterator[Finding]:
        """The values themselves. Looked up, for a table may have as many values as cells."""
        for place in (found.start() for found in _WORD_BEGIN.finditer(text)):
            for end in (place + length for length in longest_first.get(text[place : place + _BEGINNING], ())):
                if (kind := values.get(text[place:end])) and not _WORD_PART.match(text, end):
                    yield Finding(kind, place, min(end, len(text)))
                    break

    def masked_part(text: str) -> str:
        found = find_pii(text)
        sure = (one for one in found if one.kind in _KNOWN_BY_FORM or text[one.start : one.end] in values)
        return _with_tokens(text, _joined([*known(text), *sure]))

    return masked_part


def _joined(findings: Iterable[Finding]) -> list[Finding]:
    """In the order of the text; those that overlap as one, of the kind of the first; of two from one place on, the longer."""
    joined: list[Finding] = []
    for one in sorted(findings, key=lambda one: (one.start, -one.end)):
        if joined and one.start < joined[-1].end:
            joined[-1] = replace(joined[-1], end=max(joined[-1].end, one.end))
        else:
            joined.append(one)
    return joined


def _with_tokens(text: str, findings: Iterable[Finding]) -> str:
    parts: list[str] = []
    at = 0
    for one in findings:
        parts += [text[at : one.start], one.token]
        at = one.end
    return "".join([*parts, text[at:]])


def _beside(taken: list[Finding], found: Iterable[Finding]) -> Iterator[Finding]:
    """Those of `found` that overlap none of `taken`, both in order; of those that overlap each other the longest."""
    rivals = sorted(found, key=lambda one: (one.start, -one.end))
    place, end = 0, -1
    for one in rivals:
        while place < len(taken) and taken[place].end <= one.start:
            place += 1
        is_free = place == len(taken) or one.end <= taken[place].start
        if is_free and one.start >= end:
            yield one
            end = one.end
