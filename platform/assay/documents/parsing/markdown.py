"""Markdown: its source is the text, without the front matter that static site generators put before it."""

import re
from typing import Any

from assay.documents.parsing.content_type import Content
from assay.documents.parsing.parsed import normalize_text
from assay.documents.parsing.registry import Extracted, Parser
from assay.documents.parsing.text_type import MARKDOWN

# Front matter is a screenful; what goes on longer is a document that begins with a rule.
_MAX_FRONT_MATTER_CHARACTERS = 16 * 1024
_FRONT_MATTER = re.compile(
    r"(?P<mark>---|\+\+\+)[ \t]*\n(?=\S)(?P<block>.*?)^(?:(?P=mark)|\.\.\.)[ \t]*(?:\n+|\Z)", re.M | re.S
)
_MAX_TITLE_CHARACTERS = 1000  # of a line; markup is looked for with patterns that take quadratic time
# Up to four words: `external help file: ...` of PowerShell's pages. More is prose before a colon.
_KEY_LINE = re.compile(r"[\w.-]+(?: [\w.-]+){0,3}\s*[:=]")
_KEY = re.compile(r"[\w.:-]+(?: [\w.:-]+){0,3}")
_TITLE_LINE = re.compile(r"title\s*[:=]\s*(?P<title>\S.*)")

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(?P<title>\S.*)")
_SETEXT_RULE = re.compile(r" {0,3}(?:=+|-+)[ \t]*\Z")
# A line that is no paragraph cannot become a heading by a rule under it.
_NOT_PARAGRAPH = re.compile(r"\s*(?:\Z|[-*+>|#]|\d+[.)]\s|<)|    ")
_INLINE_MARKUP = re.compile(
    r"!?\[(?P<label>[^\]]*)\]\([^)]*\)|\[(?P<reference>[^\]]*)\]\[[^\]]*\]|[*`~]+|\{#[^}]*\}|<[^>]*>"
)


def parse_markdown(content: Content) -> Extracted:
    text = normalize_text(content.text or "")
    metadata, body = split_front_matter(text)
    return Extracted(pages=(body,), title=metadata.get("title") or first_heading(body))


def split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """The top-level strings of YAML (`---`) or TOML (`+++`) front matter, and the text after it.

    A text without front matter, or with a rule and no `key: value` under it, comes back whole.
    """
    found = _FRONT_MATTER.match(text, 0, _MAX_FRONT_MATTER_CHARACTERS)
    if found is None:
        return {}, text
    metadata = _metadata(found["block"], is_toml=found["mark"] == "+++")
    return ({}, text) if metadata is None else (metadata, text[found.end() :])


def _metadata(block: str, *, is_toml: bool) -> dict[str, str] | None:
    try:
        values = _read_toml(block) if is_toml else _read_yaml(block)
    except (ValueError, RecursionError):
        # Site generators forgive what YAML does not (`title: Part 1: the start`), so keys decide.
        top_level = [line for line in block.splitlines() if line.strip() and line[0] not in " \t#-]}"]
        if not top_level or not all(map(_KEY_LINE.match, top_level)):
            return None
        title = next(filter(None, map(_TITLE_LINE.match, top_level)), None)
        return {"title": title["title"].strip().strip("\"'")} if title else {}
    if not isinstance(values, dict) or not all(_KEY.fullmatch(str(key)) for key in values):
        return None
    return {str(key): value for key, value in values.items() if isinstance(value, str)}


def _read_toml(block: str) -> Any:
    import tomllib

    return tomllib.loads(block)


def _read_yaml(block: str) -> Any:
    import yaml

    try:
        # The base loader makes strings, lists and dicts only: `title: 2024` stays "2024" and no date can be invalid.
        return yaml.load(block, Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def first_heading(text: str) -> str | None:
    """The words of the first heading outside of code fences, without their markup; None without one."""
    fence = ""
    before = ""
    for line in text.split("\n"):
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
            before = ""
            continue
        if fence:
            continue
        line = line[:_MAX_TITLE_CHARACTERS]
        if heading := _ATX_HEADING.match(line):
            title = _without_markup(re.sub(r"[ \t]+#+[ \t]*\Z", "", heading["title"]))
        elif _SETEXT_RULE.match(line) and not _NOT_PARAGRAPH.match(before):
            title = _without_markup(before)
        else:
            before = line
            continue
        if title:
            return title
        before = ""
    return None


def _without_markup(line: str) -> str:
    plain = _INLINE_MARKUP.sub(lambda found: found["label"] or found["reference"] or "", line)
    return " ".join(plain.split())


PARSER = Parser(name="markdown", version=1, media_types=(MARKDOWN,), parse=parse_markdown)
