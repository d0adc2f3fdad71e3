"""What kind of text a text is: HTML, Markdown, a table of values, or plain. The suffixes that promise text."""

import re
from pathlib import PurePosixPath

from assay.documents.parsing.delimiters import find_delimiter

HTML = "text/html"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"
CSV = "text/csv"
TSV = "text/tab-separated-values"

_MARKDOWN_SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".mkd", ".mdown"})
_HTML_SUFFIXES = frozenset({".html", ".htm", ".xhtml"})
_TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab"})
_PLAIN_SUFFIXES = frozenset({
    ".txt", ".text", ".log", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini", ".cfg",
    ".conf", ".rst", ".adoc", ".org", ".tex", ".srt", ".sql", ".py", ".js", ".ts", ".java", ".c", ".h", ".cpp",
    ".rs", ".go", ".rb", ".sh", ".css",
})  # fmt: skip
# A name that promises prose but not which: here the content may show that it is Markdown.
_UNDECIDED_SUFFIXES = frozenset({"", ".txt", ".text"})
TEXT_SUFFIXES = _MARKDOWN_SUFFIXES | _HTML_SUFFIXES | _TABLE_SUFFIXES | _PLAIN_SUFFIXES

# Atomic: comments that are not followed by a page must not be tried in every combination.
_SKIPPABLE = r"(?>\s+|\ufeff|<!--.{0,4000}?-->|<\?.{0,400}?\?>)*+"
_HTML_START = re.compile(
    _SKIPPABLE + r"<(?:!doctype\s+html|(?:html|head|body|title|meta|link|style|script|base)[\s>/])", re.I | re.S
)
_HTML_LINE = re.compile(r"^[ \t]*<(?:!doctype\s+html|html[\s>]|body[\s>])", re.I | re.M)
_ANY_TAG = re.compile(r"<(?:h[1-6]|p|div|span|table|ul|ol|section|article|main|br|a|b|i|em|strong|img|pre)[\s>/]", re.I)

_HTML_WINDOW_CHARACTERS = 1024
_MARKDOWN_WINDOW_CHARACTERS = 64 * 1024
# Each is ordinary in Markdown and rare in other text; two kinds of them together are taken for Markdown.
_MARKDOWN_KINDS = (
    re.compile(r"(?:\A|\n\n)#{1,6} [^\n]+\n\n"),
    re.compile(r"\[[^\]\n]{1,200}\]\((?:https?:|/|\.|#|[\w-]{1,100}\.)[^)\n]{0,500}\)"),
    re.compile(r"^\|?[ \t]*:?-{3,}:?[ \t]*\|[ \t:|-]*$", re.M),
    re.compile(r"(?:^|\s)\*\*[^\s*][^*\n]*\*\*"),
    re.compile(r"\A(?:---|\+\+\+)\n[\w-]+\s*[:=]"),
)


def text_type(text: str, name: str, media_type: str | None) -> str:
    """The media type of a text: by its content, then by its name and the type that was declared for it."""
    suffix = suffix_of(name)
    hint = (media_type or "").partition(";")[0].strip().lower()
    if _HTML_START.match(text):
        return HTML
    if suffix in _MARKDOWN_SUFFIXES:
        return MARKDOWN
    if suffix in _HTML_SUFFIXES or hint in (HTML, "application/xhtml+xml"):
        return HTML if _ANY_TAG.search(text) or _HTML_LINE.search(text) else PLAIN
    if hint == MARKDOWN or hint == "text/x-markdown":
        return MARKDOWN
    is_named = suffix in _TABLE_SUFFIXES or hint in (CSV, TSV)
    if is_named and (delimiter := find_delimiter(text, is_named=True)):
        return TSV if delimiter == "\t" else CSV
    if suffix in _UNDECIDED_SUFFIXES or suffix not in TEXT_SUFFIXES:
        if _HTML_LINE.search(text[:_HTML_WINDOW_CHARACTERS]):
            return HTML
        if hint != PLAIN and _shows_markdown(text[:_MARKDOWN_WINDOW_CHARACTERS]):
            return MARKDOWN
        if hint != PLAIN and not is_named and (delimiter := find_delimiter(text, is_named=False)):
            return TSV if delimiter == "\t" else CSV
    return PLAIN


def _shows_markdown(text: str) -> bool:
    prose: list[str] = []
    fences = 0
    fence = ""
    for line in text.splitlines():
        mark = line[:3] if line.startswith(("```", "~~~")) else ""
        if mark and fence in ("", mark):
            fence = "" if fence else mark
            fences += 1
        elif not fence:
            prose.append(line)
    without_code = "\n".join(prose)
    return sum(kind.search(without_code) is not None for kind in _MARKDOWN_KINDS) + (fences > 1) >= 2


def suffix_of(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()
