"""HTML as Markdown-like text: headings, lists, tables and code keep their shape, links their words."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.documents.parsing.html_boilerplate import is_boilerplate, is_never_text
from assay.documents.parsing.html_tables import data_table
from assay.documents.parsing.html_tree import attribute, walk
from assay.documents.parsing.page_writer import as_prose
from assay.documents.parsing.parsed import Table, normalize_text
from assay.documents.parsing.pipe_tables import pipe_table

if TYPE_CHECKING:
    from resiliparse.parse.html import Node

_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_BLOCKS = frozenset({
    "address", "article", "aside", "body", "blockquote", "caption", "center", "dd", "details", "dialog", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html", "legend", "li", "main", "menu",
    "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
    *_HEADINGS,
})  # fmt: skip
_SECTIONS = frozenset({"article", "main", "section"})
# Deeper nesting says nothing more, and its indentation would grow with the square of the depth.
_MAX_CONTAINERS = 8
_LINE_BREAK = "\x00"  # cannot stand in HTML text: the parser replaces it
_SPACES = re.compile(r"[ \t\n\r\f]+")
_LANGUAGE = re.compile(r"\b(?:language|lang|highlight-source)-([\w+#-]+)")


@dataclass(frozen=True, slots=True)
class Written:
    """A normalized text and the tables in it, at their offsets."""

    text: str
    tables: tuple[Table, ...]


def write_markdown(root: "Node", *, keep_boilerplate: bool = False) -> Written:
    """The text under `root`: blocks parted by empty lines, the items of a list by line ends."""
    writer = _Writer(keep_boilerplate=keep_boilerplate, sections=int((root.tag or "") in _SECTIONS))
    walk(root, writer.enter, writer.leave)
    writer.flush()
    return Written("".join(writer.parts), tuple(writer.tables))


@dataclass(slots=True)
class _Container:
    """A list or a quotation: what its lines begin with. `marker` waits for the first line of an item."""

    tag: str
    indent: str
    marker: str | None = None
    items: int = 0


@dataclass(slots=True)
class _Writer:
    keep_boilerplate: bool
    sections: int
    parts: list[str] = field(default_factory=list[str])
    length: int = 0
    tables: list[Table] = field(default_factory=list[Table])
    inline: list[str] = field(default_factory=list[str])
    containers: list[_Container] = field(default_factory=list[_Container])
    too_deep: int = 0
    after_item: bool = False

    def enter(self, node: "Node", tag: str) -> bool:
        if tag == "#text":
            self.inline.append((node.value or "").replace(_LINE_BREAK, ""))
            return False
        if is_never_text(tag):
            return False
        if not self.keep_boilerplate and is_boilerplate(node, tag, in_section=self.sections > 0):
            return False
        if tag in _BLOCKS:
            self.flush()
        if tag == "table" and (table := data_table(node, self.cell_text)) is not None:
            self.write(table.caption)
            start = self.write(pipe_table(table.rows))
            self.tables.append(Table(1, start, self.length, table.rows, confidence=1.0))
            return False
        if tag == "pre":
            self.write(_fenced(node))
            return False
        self._open(node, tag)
        return True

    def _open(self, node: "Node", tag: str) -> None:
        if tag in _SECTIONS:
            self.sections += 1
        elif tag in ("ul", "ol", "menu", "blockquote"):
            if len(self.containers) >= _MAX_CONTAINERS:
                self.too_deep += 1
            else:
                start = attribute(node, "start")
                before = int(start) - 1 if tag == "ol" and start.isdecimal() and len(start) < 6 else 0
                self.containers.append(_Container(tag, "> " if tag == "blockquote" else "", items=before))
        elif tag == "li" and self.containers and self.containers[-1].tag != "blockquote":
            current = self.containers[-1]
            current.items += 1
            current.marker = f"{current.items}. " if current.tag == "ol" else "- "
            current.indent = " " * len(current.marker)
        elif tag == "br":
            self.inline.append(_LINE_BREAK)
        elif tag == "img":
            self.inline.append(attribute(node, "alt"))
        elif tag == "code":
            self.inline.append("`")

    def leave(self, node: "Node", tag: str) -> None:
        if tag == "code":
            self._close_code()
        if tag in _BLOCKS:
            self.flush(_HEADINGS.get(tag, ""))
        if tag in _SECTIONS:
            self.sections -= 1
        elif tag in ("ul", "ol", "menu", "blockquote"):
            if self.too_deep:
                self.too_deep -= 1
            else:
                self.containers.pop()

    def cell_text(self, cell: "Node") -> str:
        return write_markdown(cell, keep_boilerplate=self.keep_boilerplate).text

    def _close_code(self) -> None:
        if self.inline and self.inline[-1] == "`":
            self.inline.pop()
        elif self.inline:
            self.inline.append("`")

    def flush(self, heading: str = "") -> None:
        """Write the words gathered so far as one block."""
        if not self.inline:
            return
        lines = [_SPACES.sub(" ", line).strip() for line in "".join(self.inline).split(_LINE_BREAK)]
        self.inline.clear()
        text = "\n".join(line for line in lines if line)
        if not heading:
            self.write(as_prose(text))
        elif text:
            self.write(heading + text.replace("\n", " "))

    def write(self, block: str) -> int:
        """Write a block in the lists and quotations that are open, and say where its own text begins."""
        if not block:
            return self.length
        is_item = any(container.marker for container in self.containers)
        first = "".join(container.marker or container.indent for container in self.containers)
        for container in self.containers:
            container.marker = None
        rest = "".join(container.indent for container in self.containers)
        if self.parts:
            first = ("\n" if is_item and self.after_item else "\n\n") + first
        # Normalized block by block: what is normalized later moves no offset.
        body = normalize_text(block).replace("\n", "\n" + rest)
        self.parts += (first, body)
        start = self.length + len(first)
        self.length = start + len(body)
        self.after_item = is_item
        return start


def _fenced(pre: "Node") -> str:
    code = (pre.text or "").strip("\n")
    if not code.strip():
        return ""
    inside = next((node for node in pre if node.tag == "code"), pre)
    named = _LANGUAGE.search(attribute(pre, "class") + " " + attribute(inside, "class"))
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{named[1] if named else ''}\n{code}\n{fence}"
