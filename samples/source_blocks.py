"""The sources of the sample's office files, PDFs and scans: a little Markdown, block by block."""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "subheading", "paragraph", "quote", "bullet", "number", "table", "page"]
_PREFIXES: dict[str, Kind] = {"# ": "heading", "## ": "subheading", "- ": "bullet", "> ": "quote"}


@dataclass(frozen=True)
class Block:
    """A heading, a paragraph, one item of a list, a table (`rows`, the first is its header) or a page break."""

    kind: Kind
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


def read_blocks(source: str) -> list[Block]:
    """The blocks of a source; marks of emphasis and code are taken off."""
    blocks: list[Block] = []
    rows: list[tuple[str, ...]] = []
    for line in [*source.splitlines(), ""]:
        if line.startswith("|"):
            cells = tuple(_plain(cell.strip()) for cell in line.strip("|").split("|"))
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                rows.append(cells)
            continue
        if rows:
            blocks.append(Block("table", rows=tuple(rows)))
            rows = []
        if line == "---":
            blocks.append(Block("page"))
        elif line.strip():
            blocks.append(_block(line))
    return blocks


def _block(line: str) -> Block:
    for prefix, kind in _PREFIXES.items():
        if line.startswith(prefix):
            return Block(kind, _plain(line.removeprefix(prefix)))
    numbered = re.match(r"\d+\. ", line)
    return Block("number", _plain(line[numbered.end() :])) if numbered else Block("paragraph", _plain(line))


def _plain(text: str) -> str:
    return re.sub(r"\*\*|\*|`", "", text)
