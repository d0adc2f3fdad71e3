"""The block structure of a Markdown text at exact character offsets: headings, tables, and where it may be cut."""

import re
from collections.abc import Callable, Iterator, Sequence
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
_LISTS = frozenset({"bullet_list_open", "ordered_list_open"})
_INTRODUCED = _LISTS | _LINEWISE | {"table_open"}
_COLONS = (":", "：")
# What may stand around a colon that ends a lead-in: `**Steps:**`.
_MARKS = " \t*_`"
# What a line of code without content holds: blanks, and the marks of a quote around the code.
_BLANK = " \t\r\n>"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the document itself, not of a quote or a list. `body`: offset of the line below it."""

    start: int
    body: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table with rows: `columns` are its header cells, `body` is the offset of the first row below the rule."""

    start: int
    body: int
    end: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeadIn:
    """A paragraph that introduces the block right after it: it ends with a colon, or a list follows on its next line.

    `body` is where that block starts, `first_part` where its first item ends (of other blocks, `end`).
    """

    start: int
    body: int
    first_part: int
    end: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """`headings` in order; `cuts[0]` holds the start of every block, headings included, `cuts[1]` those of its parts
    (list items, table rows, code after an empty line, blocks of a quote), and so on inwards; lines of code come last.
    `tables` and `lead_ins` in order. `front_matter`: where it ends."""

    headings: tuple[Heading, ...]
    tables: tuple[Table, ...]
    lead_ins: tuple[LeadIn, ...]
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
    tables: list[Table] = []
    lead_ins: list[LeadIn] = []
    cuts: list[list[int]] = [[], [end.end() for end in _LINE_END.finditer(text, 0, front_matter)]]
    tokens = _block_parser().parse(source)

    def is_blank(line: int) -> bool:
        return not text[lines[line] : lines[line + 1]].strip(_BLANK)

    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            start, body = lines[token.map[0]], lines[token.map[1]]
            headings.append(Heading(start, body, int(token.tag[1:]), _title(tokens[index + 1].content)))
        elif token.type == "tbody_open" and (table := _table(tokens, index, lines)):
            tables.append(table)
        elif token.type in _INTRODUCED and (lead_in := _lead_in(tokens, index, lines)):
            lead_ins.append(lead_in)
        for depth, line in _cuts_of(tokens, index, is_blank):
            while len(cuts) <= depth:
                cuts.append([])
            cuts[depth].append(lines[line])
    return Blocks(tuple(headings), tuple(tables), tuple(lead_ins), tuple(cuts), front_matter)


def _table(tokens: Sequence[Token], index: int, lines: Sequence[int]) -> Table | None:
    """The table whose rows begin at `tokens[index]`."""
    opening = index
    while tokens[opening].type != "table_open":
        opening -= 1
    whole, body = tokens[opening].map, tokens[index].map
    if whole is None or body is None:
        return None
    columns = (token.content for token in tokens[opening:index] if token.type == "inline")
    return Table(lines[whole[0]], lines[body[0]], lines[whole[1]], tuple(columns))


def _lead_in(tokens: Sequence[Token], index: int, lines: Sequence[int]) -> LeadIn | None:
    """The paragraph before the block that begins at `tokens[index]`, where it introduces that block."""
    block = tokens[index]
    if index < 3 or tokens[index - 1].type != "paragraph_close":
        return None
    paragraph, content = tokens[index - 3 : index - 1]
    if block.map is None or paragraph.map is None:
        return None
    adjacent = block.type in _LISTS and paragraph.map[1] == block.map[0]
    if not adjacent and not content.content.rstrip(_MARKS).endswith(_COLONS):
        return None
    item = tokens[index + 1].map if block.type in _LISTS else None
    start, body, end = lines[paragraph.map[0]], lines[block.map[0]], lines[block.map[1]]
    return LeadIn(start, body, lines[item[1]] if item else end, end)


def _cuts_of(tokens: Sequence[Token], index: int, is_blank: Callable[[int], bool]) -> Iterator[tuple[int, int]]:
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
            yield token.level + (1 if is_blank(line - 1) and not is_blank(line) else 2), line
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
