"""The block structure of a Markdown text at exact character offsets: its headings and where it may be cut."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

# A heading's entry in a path is context for every chunk below it; a setext heading may run over a whole page.
MAX_TITLE_CHARACTERS = 200

_LINE_END = re.compile(r"\r\n?|\n")  # what CommonMark calls a line ending; str.splitlines knows eight more
_FRONT_MATTER = re.compile(r"---[ \t]*+(?:\r\n?+|\n)(?=[\w\"'-]+:)")
_FRONT_MATTER_END = re.compile(r"(?:(?<=\n)|(?<=\r))(?:---|\.\.\.)[ \t]*+(?:\r\n?+|\n|\Z)")
_EMPTY_LINE = re.compile(r"(?:(?<=\n)|(?<=\r))[ \t]*+[\r\n]")
_INLINE_MARKUP = re.compile(r"[*_`\[\]<>&\\!]")
_LINEWISE = frozenset({"fence", "code_block", "html_block"})
_LEAVES = frozenset({"inline", "thead_open", "tbody_open", "tr_open"})


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the document itself, not of a quote or a list. `body`: offset of the line below it."""

    start: int
    body: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class Blocks:
    """`headings` in order; `cuts[0]` holds the start of every block, headings included, `cuts[1]` those of its parts
    (list items, table rows, lines of code, blocks of a quote), and so on inwards. `front_matter`: where it ends."""

    headings: tuple[Heading, ...]
    cuts: tuple[Sequence[int], ...]
    front_matter: int


def scan_blocks(text: str) -> Blocks:
    """Find the blocks of a CommonMark text with tables and, at its start, YAML front matter.

    Link reference definitions count as paragraphs. Below the parser's nesting limit of 20, text is not looked into.
    """
    front_matter = _front_matter_end(text)
    source = text[front_matter:]
    lines = [front_matter, *(front_matter + end.end() for end in _LINE_END.finditer(source)), len(text)]
    headings: list[Heading] = []
    cuts: list[list[int]] = [[], [end.end() for end in _LINE_END.finditer(text, 0, front_matter)]]
    tokens = _block_parser().parse(source)
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            start, body = lines[token.map[0]], lines[token.map[1]]
            headings.append(Heading(start, body, int(token.tag[1:]), _title(tokens[index + 1].content)))
        for depth, line in _cuts_of(tokens, index):
            while len(cuts) <= depth:
                cuts.append([])
            cuts[depth].append(lines[line])
    return Blocks(tuple(headings), tuple(cuts), front_matter)


def _cuts_of(tokens: Sequence[Token], index: int) -> Iterator[tuple[int, int]]:
    """(depth, line) of the cuts that one token of the parser offers."""
    token = tokens[index]
    if token.map is None:
        return
    first, last = token.map
    if token.type not in _LEAVES:
        yield token.level, first
    if token.type in _LINEWISE:
        # An opening or closing fence alone would be a chunk that says nothing.
        margin = 1 if token.type == "fence" else 0
        for line in range(first + 1 + margin, last - margin):
            yield token.level + 1, line
    # A header row stays with the first row below it: only a row that follows a row of the body offers a cut.
    if token.type == "tr_open" and tokens[index - 1].type == "tr_close":
        yield token.level - 1, first


def _front_matter_end(text: str) -> int:
    """Offset behind YAML front matter; 0 without. To CommonMark it would be a rule and a heading of level 2.

    An empty line ends the search: what stands between two rules is more likely text.
    """
    opening = _FRONT_MATTER.match(text)
    closing = _FRONT_MATTER_END.search(text, opening.end()) if opening else None
    if opening is None or closing is None or _EMPTY_LINE.search(text, opening.end(), closing.start()):
        return 0
    return closing.end()


def _title(content: str) -> str:
    """A heading's text without marks: emphasis, code, links, escapes and inline HTML are taken off."""
    content = content[: 2 * MAX_TITLE_CHARACTERS]
    if _INLINE_MARKUP.search(content):
        children = _inline_parser().parseInline(content)[0].children or []
        content = "".join(" " if child.type in ("softbreak", "hardbreak") else _words(child) for child in children)
    return " ".join(content.split())[:MAX_TITLE_CHARACTERS]


def _words(token: Token) -> str:
    return "" if token.type == "html_inline" else token.content


@lru_cache(maxsize=1)
def _block_parser() -> MarkdownIt:
    # Reference definitions are text to us, and collecting them would let one section change another.
    parser = MarkdownIt("commonmark").enable("table").disable("reference")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


@lru_cache(maxsize=1)
def _inline_parser() -> MarkdownIt:
    return MarkdownIt("commonmark")
