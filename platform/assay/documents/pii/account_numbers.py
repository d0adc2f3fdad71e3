"""IBANs and card numbers: the form first, then the check digits, which one number in 97 or in 10 passes by chance."""

import re
from collections.abc import Iterator

from assay.documents.pii.finding import Finding

# ISO 13616 registry: characters of an IBAN by country.
_IBAN_LENGTHS = {
    length: countries.split()
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC",
        33: "RU",
    }.items()
}  # fmt: skip
_LENGTH_OF = {country: length for length, countries in _IBAN_LENGTHS.items() for country in countries}
_IBAN_BEGIN = re.compile(r"(?<![A-Za-z0-9_])([A-Z]{2})[ \u00a0]?(?=\d\d)")
_IBAN_REST = {
    length: re.compile(rf"\d\d(?:[ \u00a0-]?[A-Z0-9]){{{length - 4}}}(?![A-Za-z0-9_])") for length in _IBAN_LENGTHS
}

# A lone run of digits, or groups as cards are printed: 4-4-4-4, with 3 more, 4-6-5 (American Express), 4-6-4 (Diners).
_CARD = re.compile(
    r"(?<![\w.,/+=&%#-])(?<!\d[ \u00a0])"
    r"(?:\d{12,19}|\d{4}([ \u00a0-])(?:\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{6}\1\d{4,5}))"
    r"(?![\w%])(?![.,/ \u00a0-]\d)"
)
# ISO 7812 prefixes with their lengths, as (first, last, digits compared, lengths).
_CARD_PREFIXES = (
    (4, 4, 1, (13, 16, 19)),  # Visa
    (51, 55, 2, (16,)), (2221, 2720, 4, (16,)),  # Mastercard
    (34, 34, 2, (15,)), (37, 37, 2, (15,)),  # American Express
    (6011, 6011, 4, (16, 19)), (644, 659, 3, (16, 19)),  # Discover
    (300, 305, 3, (14,)), (36, 36, 2, (14,)), (38, 39, 2, (14,)),  # Diners Club
    (3528, 3589, 4, (16, 19)),  # JCB
    (62, 62, 2, (16, 17, 18, 19)),  # UnionPay
    (5018, 5018, 4, (12, 13, 15, 16, 19)), (5020, 5020, 4, (12, 13, 15, 16, 19)), (6304, 6304, 4, (16, 18, 19)),
    (6759, 6759, 4, (12, 13, 15, 16, 18, 19)), (6761, 6763, 4, (12, 13, 15, 16, 18, 19)),  # Maestro
)  # fmt: skip


def find_ibans(text: str) -> Iterator[Finding]:
    for begin in _IBAN_BEGIN.finditer(text):
        if length := _LENGTH_OF.get(begin[1]):
            rest = _IBAN_REST[length].match(text, begin.end())
            if rest and _mod_97(begin[1] + _plain(rest[0])) == 1:
                yield Finding("iban", begin.start(), rest.end())


def find_cards(text: str) -> Iterator[Finding]:
    for found in _CARD.finditer(text):
        digits = _plain(found[0])
        if digits.isascii() and _is_issued(digits) and _luhn(digits):
            yield Finding("card", found.start(), found.end())


def _plain(number: str) -> str:
    return re.sub(r"[ \u00a0-]", "", number)


def _mod_97(iban: str) -> int:
    """ISO 7064: the number that the IBAN is with its first four characters last and letters as 10 to 35."""
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97


def _is_issued(digits: str) -> bool:
    return any(
        first <= int(digits[:compared]) <= last and len(digits) in lengths
        for first, last, compared, lengths in _CARD_PREFIXES
    )


def _luhn(digits: str) -> bool:
    """ISO 7812: every second digit from the right counts double, as the sum of its digits."""
    values = [int(digit) for digit in reversed(digits)]
    return (sum(values[::2]) + sum(sum(divmod(2 * value, 10)) for value in values[1::2])) % 10 == 0
