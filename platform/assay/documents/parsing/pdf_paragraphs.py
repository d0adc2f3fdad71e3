"""Lines of PDF pages as paragraphs, list items and headings, told apart by distance, length, indent and size."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from assay.documents.parsing.pdf_lines import LEADER, Line

# Lines whose sizes differ by more are not of one paragraph.
_SAME_SIZE_RATIO = 1.08
# A distance this much greater than the page's usual one ends a paragraph.
_GAP_RATIO = 1.3
_USUAL_LEADING_RATIO = 1.2
_MOST_LEADING_RATIO = 2.6
# Text this much larger than the body is a heading. At 1.1 captions and authors' names became headings.
_HEADING_RATIO = 1.15
_HEADING_CHARACTERS = 160
_HEADING_LINES = 3
_HEADING_LEVELS = 6
# Where more of a document is large, size does not tell headings from text: posters, slides, forms.
_MOST_HEADING_SHARE = 0.2
# Where more of the blocks are bold lines they are labels, not headings.
_MOST_BOLD_BLOCKS_SHARE = 0.4
_BOLD_HEADING_CHARACTERS = 90
# Lines that begin within so many sizes of each other are of one column, indents included.
_COLUMN_SIZES = 4
# A sentence runs on from a line of so much of its column's width; a shorter one is a verse or an entry.
_LONG_LINE_SHARE = 0.7
_BULLET = re.compile(r"(?:[•●◦▪‣·\uf0b7\uf0a7]\s*|[-–*] )(?=\S)")
_NUMBER = re.compile(r"\d{1,3}[.)] (?=\S)")
_LETTER = re.compile(r"\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)] ", re.I)
_WORDS = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a line that could be a heading, or an item of a list, which has a Markdown `marker`.

    `size` and `left` are in points.
    """

    text: str
    size: float
    lines: int
    left: float
    is_bold: bool = False
    marker: str = ""


@dataclass(frozen=True, slots=True)
class HeadingStyles:
    """How the headings of a document look: their font sizes, largest first, and whether bold lines are headings."""

    sizes: tuple[float, ...]
    body_size: float
    bold: bool

    def level(self, block: Block) -> int:
        """1 to 6, or 0 for what is no heading."""
        size = _rounded(block.size)
        if not _could_be_heading(block):
            return 0
        if size in self.sizes:
            return min(self.sizes.index(size) + 1, _HEADING_LEVELS)
        is_bold_heading = self.bold and _is_bold_line(block) and size >= self.body_size
        return min(len(self.sizes) + 1, _HEADING_LEVELS) if is_bold_heading else 0


def heading_styles(blocks: Sequence[Block]) -> HeadingStyles:
    """Judge a whole document: its body is the size of most characters."""
    characters: Counter[float] = Counter()
    for block in blocks:
        characters[_rounded(block.size)] += len(block.text)
    body = max(characters, key=lambda size: characters[size], default=0.0)
    large = [block for block in blocks if _rounded(block.size) >= _HEADING_RATIO * body]
    if sum(len(block.text) for block in large) > _MOST_HEADING_SHARE * characters.total():
        large = []
    sizes = sorted({_rounded(block.size) for block in large if _could_be_heading(block)}, reverse=True)
    bold = [block for block in blocks if block.is_bold]
    is_rare = sum(len(block.text) for block in bold) <= _MOST_HEADING_SHARE * characters.total()
    is_few = sum(map(_is_bold_line, bold)) <= _MOST_BOLD_BLOCKS_SHARE * len(blocks)
    return HeadingStyles(tuple(sizes), body, bold=is_rare and is_few)


def text_blocks(lines: Sequence[Line]) -> Iterator[Block]:
    """The blocks of one page. Lines of a paragraph are joined by a space where the first one is full, else by `\\n`."""
    leading = _usual_leading(lines)
    margins = _Margins(lines)
    run: list[Line] = []
    for line in lines:
        if run and _begins_block(run, line, leading):
            yield _block(run, margins)
            run = []
        run.append(line)
    if run:
        yield _block(run, margins)


def _usual_leading(lines: Sequence[Line]) -> float:
    """The commonest distance of baselines in sizes of the text."""
    ratios: Counter[float] = Counter()
    for above, below in pairwise(lines):
        ratio = _distance(above, below) / below.size
        if above.direction_degrees == below.direction_degrees and 0.9 <= ratio <= _MOST_LEADING_RATIO:
            ratios[round(ratio, 1)] += len(below.text)
    return max(ratios, key=lambda ratio: ratios[ratio]) if ratios else _USUAL_LEADING_RATIO


def _begins_block(run: Sequence[Line], line: Line, leading: float) -> bool:
    above = run[-1]
    if above.direction_degrees != line.direction_degrees or _BULLET.match(line.text):
        return True
    if above.is_bold != line.is_bold and len(run) == 1 and above.is_bold and _distance(above, line) > 0:
        return True
    if max(above.size, line.size) > _SAME_SIZE_RATIO * min(above.size, line.size):
        return True
    distance = _distance(above, line)
    if distance < 0:  # the next column, into which a sentence may run on
        return not _runs_on(above.text, line.text)
    if distance > _GAP_RATIO * leading * line.size:
        return True
    if (_NUMBER.match(line.text) or _LETTER.match(line.text)) and _ends(above.text):
        return True
    # An indent after a line that ended its sentence; deeper ones are hanging or centred.
    indent = line.left - above.left
    return len(run) > 1 and line.size <= indent <= 4 * line.size and _ends(above.text)


def _distance(above: Line, below: Line) -> float:
    return above.last_baseline - below.first_baseline


def _ends(text: str) -> bool:
    return text.endswith((".", "!", "?", ":", ";", "”", '"', "。"))


def _runs_on(above: str, below: str) -> bool:
    return not _ends(above) and below[:1].islower()


def _block(run: Sequence[Line], margins: "_Margins") -> Block:
    parts = [run[0].text]
    for above, line in pairwise(run):
        parts += [" " if _is_full(above, line, margins) else "\n", line.text]
    text = "".join(parts)
    found = _BULLET.match(text) or _NUMBER.match(text)
    marker = "" if found is None else found[0] if found[0][0].isdigit() else "- "
    text = text[found.end() :] if found else text
    return Block(text, run[0].size, len(run), run[0].left, all(line.is_bold for line in run), marker)


class _Margins:
    """Where the lines of a page's columns end, the tenth of them that reach furthest aside."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._known: dict[tuple[int, int, int], float] = {}

    def of(self, line: Line) -> float:
        place = (line.direction_degrees, round(line.left), round(line.size))
        if place not in self._known:
            column = sorted(
                other.right
                for other in self._lines
                if other.direction_degrees == line.direction_degrees
                and abs(other.left - line.left) <= _COLUMN_SIZES * line.size
            )
            self._known[place] = column[-1 - len(column) // 10]
        return self._known[place]


def _is_full(above: Line, below: Line, margins: _Margins) -> bool:
    """Whether the next line's first word would not have fitted; a line in the next column or to the right runs on too."""
    if _distance(above, below) <= 0:
        return True
    if LEADER in above.text:
        return False
    length, margin = above.right - above.left, margins.of(above)
    if _runs_on(above.text, below.text) and length > _LONG_LINE_SHARE * (margin - above.left):
        return True
    width = length / max(1, len(above.text))
    return above.right + width * (len(below.text.partition(" ")[0]) + 2) > margin


def _could_be_heading(block: Block) -> bool:
    return (
        block.lines <= _HEADING_LINES
        and len(block.text) <= _HEADING_CHARACTERS
        and not block.marker
        and _WORDS.search(block.text) is not None
    )


def _is_bold_line(block: Block) -> bool:
    return (
        block.is_bold
        and block.lines == 1
        and len(block.text) <= _BOLD_HEADING_CHARACTERS
        and not block.text.endswith((".", ",", ";", ":"))
        and _could_be_heading(block)
    )


def _rounded(size: float) -> float:
    return round(2 * size) / 2
