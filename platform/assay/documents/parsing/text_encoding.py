"""From bytes to characters: a declared encoding, UTF-8, or a guess that is plausible. Never a mangled text.

charset-normalizer alone gave a wrong text for 9 of 22 short samples, most often a Central European one for French,
German or Danish. So Latin letters are judged by the alphabets of languages first, and any guess at another script
must show its language.
"""

import codecs
import re
from collections import Counter
from typing import NamedTuple

from assay.errors import DocumentRejected

# The UTF-32 marks come first: the little-endian one begins with the UTF-16 mark.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# `<meta charset=...>`, `<meta ... content="...; charset=...">` and `<?xml ... encoding="..."?>`.
_DECLARATION = re.compile(rb"""<(?:meta\s[^>]*?charset|\?xml\s[^>]*?encoding)\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""", re.I)
_DECLARATION_WINDOW_BYTES = 4096
# What browsers take these labels to mean (https://encoding.spec.whatwg.org/#names-and-labels).
_BROWSER_LABELS = {
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1", "ascii", "us-ascii"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "gb_2312-80"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987"), "cp949"),
    "iso-8859-9": "cp1254",
    "big5": "big5hkscs",
}
# Their decoders take quadratic time.
_OF_HOST_NAMES = frozenset({"idna", "punycode"})
_ASCII_LETTER = re.compile(rb"[A-Za-z]")
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")
# Enough for statistics of letters; a guess over 45 MB costs 1.7 s and says nothing else.
_GUESS_WINDOW_BYTES = 256 * 1024

_TYPOGRAPHIC = "\xa0\xad€‚„…†‡‰‹‘’“”•–—™›¡¢£¥§©ª«¬®°±²³´µ¶·¹º»¼½¾¿×÷"
_IN_WORD = "\xa0\xad’‘·–—…ªº"
_CAPITALS = "".join(letter for letter in map(chr, range(0xC0, 0x250)) if letter.isupper())
# A sign inside a word (unless it may stand there) or an accented capital after small letters is another letter misread.
_MISREAD = re.compile(rf"[^\W\d_](?![{_IN_WORD}])[^\w\s\x00-\x7f](?=[^\W\d_])|[a-z]{{2}}[{_CAPITALS}]")
# No Western language writes three accented letters in a row; other scripts read as cp1252 do nothing else.
_ACCENTED_RUN = re.compile(r"(?:(?=[^\W\d_])[^\x00-\x7f]){3}")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
# The accented letters of the languages that each encoding was made for. cp1252 comes first and wins a tie.
_ALPHABETS = {
    "cp1252": (
        "àâæçéèêëîïôœùûüÿ", "äöüßé", "áéíñóúü", "àáâãçéêíóôõúü", "æøåéö", "åäöéš", "áðéíóúýþæö", "áèéëïöüêóí",
        "àèéìíîòóù", "áéíóú", "àçèéíïòóúü",
    ),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž"),
    "iso8859_2": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž"),
    "cp1254": ("âçğıİîöşüû",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"),
}  # fmt: skip
# Another encoding is believed against cp1252 when a language of its own fits so much better: a text may quote others.
_CLEARLY_BETTER = 0.1
_LEAST_FIT = 0.9
# charset-normalizer's coherence was .27 to .7 wherever language and encoding were right.
_LEAST_COHERENCE = 0.25
# Frequent in any Chinese text of a few sentences, old-style characters included, and syllables so in Korean.
_FREQUENT_CHINESE = frozenset(
    "的一是不了在人有我他这這个個们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於"
)
_FREQUENT_KOREAN = frozenset("이다의는을를에가하고은한로지도기사")
_EAST_ASIAN_ENCODINGS = frozenset({
    "cp932", "shift_jis", "euc_jp", "euc_jis_2004", "gb18030", "gbk", "gb2312", "big5", "big5hkscs", "cp949", "euc_kr",
})  # fmt: skip
# Fewer characters than these fit some East Asian encoding by chance.
_LEAST_EAST_ASIAN_CHARACTERS = 8


class Decoded(NamedTuple):
    text: str
    encoding: str


def has_wide_mark(data: bytes) -> bool:
    """Whether the bytes announce UTF-16 or UTF-32, in which NUL bytes are ordinary."""
    return any(data.startswith(mark) for mark, encoding in _BYTE_ORDER_MARKS if encoding != "utf-8-sig")


def decode(data: bytes) -> Decoded:
    """The characters of `data` and the encoding that gave them; a byte order mark is dropped.

    Raises DocumentRejected(`corrupt`) when no encoding fits beyond doubt.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            text = _strictly(data, encoding)
            if text is None:
                raise DocumentRejected("corrupt", f"The bytes announce {encoding.removesuffix('-sig')} and are not.")
            return Decoded(text, encoding.removesuffix("-sig"))
    if (text := _strictly(data, "utf-8")) is not None:
        return Decoded(text, "utf-8")
    declared = _declared_encoding(data)
    if declared and (text := _strictly(data, declared)) is not None and not _has_c1_controls(text):
        return Decoded(text, declared)
    guess = _guessed_encoding(data)
    if guess and (text := _strictly(data, guess)) is not None:
        return Decoded(text, guess)
    raise DocumentRejected(
        "corrupt", "The bytes are not UTF-8, and no other encoding fits beyond doubt. Save the file as UTF-8."
    )


def decode_as(data: bytes, label: str | None) -> str:
    """The characters in the encoding that something beside the bytes declares; where it does not fit, as `decode`.

    Raises DocumentRejected(`corrupt`).
    """
    # What calls itself ASCII is what a program wrote that did not ask.
    declared = _encoding_of(label) if label and label.lower() not in ("ascii", "us-ascii") else None
    text = _strictly(data, declared) if declared else None
    return decode(data).text if text is None else text


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeError:
        return None


def _declared_encoding(data: bytes) -> str | None:
    found = _DECLARATION.search(data[:_DECLARATION_WINDOW_BYTES])
    return _encoding_of(found[1].decode("ascii")) if found else None


def _encoding_of(label: str) -> str | None:
    label = _BROWSER_LABELS.get(label.lower(), label.lower())
    try:
        codec = codecs.lookup(label)
    except (LookupError, ValueError):
        return None
    # Python also has codecs that are no character encodings (zip, base64, rot13), or are those of host names.
    return label if getattr(codec, "_is_text_encoding", True) and codec.name not in _OF_HOST_NAMES else None


def _has_c1_controls(text: str) -> bool:
    return any("\x80" <= character <= "\x9f" for character in text)


def _guessed_encoding(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    first_high = _HIGH_BYTE.search(data)
    start = max(0, first_high.start() - 1024) if first_high else 0
    window = data[start : start + _GUESS_WINDOW_BYTES]
    if latin := _latin_encoding(window):
        return latin
    best = from_bytes(window).best()
    if best is None:
        return None
    text = str(best)
    if best.coherence >= _LEAST_COHERENCE and not _is_latin(text) and not best.encoding.startswith("utf"):
        return best.encoding
    return best.encoding if best.encoding in _EAST_ASIAN_ENCODINGS and _is_east_asian(text) else None


def _latin_encoding(data: bytes) -> str | None:
    """The encoding in which the accented letters are those of one language; None for other scripts and DOS or Mac."""
    if len(_HIGH_BYTE.findall(data)) > 2 * len(_ASCII_LETTER.findall(data)):
        return None
    fits = {encoding: _fit(_strictly(data, encoding), alphabets) for encoding, alphabets in _ALPHABETS.items()}
    best = max(fits, key=lambda encoding: fits[encoding])
    western = _strictly(data, "cp1252")
    if western is not None and fits[best] < fits["cp1252"] + _CLEARLY_BETTER and _looks_western(western):
        return "cp1252"
    return best if best != "cp1252" and fits[best] >= _LEAST_FIT else None


def _fit(text: str | None, alphabets: tuple[str, ...]) -> float:
    """The share of accented letters, and of signs that stand for one, that the best fitting language has."""
    if text is None:
        return 0.0
    letters = Counter(character for character in _BEYOND_ASCII.findall(text) if character.isalpha())
    misread = len(_MISREAD.findall(text))
    total = letters.total() + misread
    if not total:
        return 1.0
    known = (sum(letters[letter] for letter in {*alphabet, *alphabet.upper()}) for alphabet in alphabets)
    return max(known) / total


def _looks_western(text: str) -> bool:
    signs = {character for character in _BEYOND_ASCII.findall(text) if not character.isalpha()}
    return signs <= set(_TYPOGRAPHIC) and not _MISREAD.search(text) and not _ACCENTED_RUN.search(text)


def _is_latin(text: str) -> bool:
    beyond_ascii = [character for character in text if character > "\x7f"]
    return sum(character < "\u0250" for character in beyond_ascii) > len(beyond_ascii) / 2


def _is_east_asian(text: str) -> bool:
    """Whether the text beyond ASCII reads as Japanese (kana), Korean or Chinese (their commonest characters)."""
    beyond_ascii = [character for character in text if character > "\x7f"]
    kana = sum("\u3041" <= character <= "\u30fa" for character in beyond_ascii)
    korean = sum(character in _FREQUENT_KOREAN for character in beyond_ascii)
    chinese = sum(character in _FREQUENT_CHINESE for character in beyond_ascii)
    total = len(beyond_ascii)
    return total >= _LEAST_EAST_ASIAN_CHARACTERS and (kana > total / 8 or max(korean, chinese) > total / 20)
