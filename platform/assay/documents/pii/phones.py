"""Phone numbers: international ones, national ones of common forms, and any other behind a label such as `Tel.`"""

import re
from collections.abc import Iterator

from assay.documents.pii.finding import Finding

# ITU-T E.164; 1 and 7 have a single digit.
_COUNTRY_CODE = re.compile(
    r"7|20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|21[12368]|2[2-4]\d|25[0-8]|26\d|29[01789]|3[578]\d|42[013]|5[09]\d|6[789]\d|8[058]\d|9[679]\d"
)
_SEPARATOR = r"[ \u00a0.\u2010\u2011-]"
# Between digits at most one separator, or a group in brackets.
_BETWEEN = rf"(?:{_SEPARATOR}|/| ?\(0?\d{{0,4}}\) ?)?"
_INTERNATIONAL = re.compile(
    rf"(?<![\w+.=-])(?:\+|\(\+|00(?=[1-9]))[1-9](?:\)?{_BETWEEN}\d){{6,17}}(?![\w%]|-\w|[.,]\d)"
)
# North America: area and exchange begin with 2 to 9. Written with one separator throughout, or with a bracketed area.
_NORTH_AMERICAN = re.compile(
    r"(?<![\w/=#.+&%-])(?:1[ .-])?(?:\([2-9]\d\d\) ?[2-9]\d\d[ .-]\d{4}|[2-9]\d\d([.-])[2-9]\d\d\1\d{4})(?![\w/%-])(?!\.\d)"
)
# Elsewhere a 0 leads: an area of 2 to 5 digits, then groups. `0.123` and `0-306-40615-2`, an ISBN, have an area of one.
_TRUNK = re.compile(
    r"(?<![\w/=#.+&%:,-])(?:\(0[1-9]\d{0,3}\) ?|0[1-9]\d{0,3}[ /\u00a0-])\d{2,8}(?:[ \u00a0-]\d{2,6}){0,4}(?![\w/%-])(?![.,:]\d)"
)
_FRENCH = re.compile(r"(?<![\w/=#.+&%:,-])0[1-9](?:([ .-])\d\d)(?:\1\d\d){3}(?![\w/%-])(?![.,: ]\d)")
_LABELLED = re.compile(
    r"(?<![^\W_])(?:tel|telephone|phone|mobile|cellphone|fax|telefon|telefax|handy|mobil|t[ée]l[ée]phone|tel[ée]fono|m[óo]vil)\b"
    r"(?: ?(?:no|nr|number|num)\b)?[\s.:*_|\"'-]{1,6}(\(?\d(?:[ \u00a0().\u2010\u2011/-]{0,2}\d){5,13})(?![\w%])(?![.,:]\d)",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:19|20)\d\d[-./ ]\d\d?[-./ ]\d\d?|\d\d?[-./ ]\d\d?[-./ ](?:19|20)\d\d")


def find_phones(text: str) -> Iterator[Finding]:
    """Numbers may be given by more than one form; the caller keeps one of those that overlap."""
    for found in _INTERNATIONAL.finditer(text):
        # Digits in one run behind `00` are as likely an id with leading zeros.
        if _is_international(found[0].replace("(0)", "")) and not found[0].isdigit():
            yield Finding("phone", found.start(), found.end())
    for found in _NORTH_AMERICAN.finditer(text):
        yield Finding("phone", found.start(), found.end())
    for found in _FRENCH.finditer(text):
        if not _counts_up(found[0]):
            yield Finding("phone", found.start(), found.end())
    for found in _TRUNK.finditer(text):
        is_grouped = any(len(group) > 2 for group in re.findall(r"\d+", found[0])[1:])
        if is_grouped and 9 <= len(_digits(found[0])) <= 12 and not _DATE.search(found[0]):
            yield Finding("phone", found.start(), found.end())
    for found in _LABELLED.finditer(text):
        if 6 <= len(_digits(found[1])) <= 14 and not _DATE.fullmatch(found[1]):
            yield Finding("phone", *found.span(1))


def _is_international(written: str) -> bool:
    digits = _digits(written).removeprefix("00")
    if digits.startswith("1"):
        return len(digits) == 11 and digits[1] in "23456789" and digits[4] in "23456789"
    return 9 <= len(digits) <= 15 and bool(_COUNTRY_CODE.match(digits))


def _counts_up(written: str) -> bool:
    """`01 02 03 04 05` is a row of numbers."""
    groups = [int(group) for group in re.findall(r"\d+", written)]
    return groups == list(range(groups[0], groups[0] + len(groups)))


def _digits(written: str) -> str:
    return re.sub(r"\D", "", written)
