"""Chunks along the structure of a Markdown text: sections, then blocks, then their parts."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from assay.documents.chunking.blocks import Blocks, Heading, scan_blocks
from assay.documents.chunking.chunk import Chunk
from assay.documents.chunking.cuts import SENTENCE, best_sentence_ends, prose_cut, settled
from assay.documents.chunking.table_headers import TableHeaders
from assay.documents.chunking.tokens import TokenizedText
from assay.documents.chunking.windows import Choose, Window, next_visible, windows

# A section of fewer tokens is too small to be found by itself and joins the section after it.
MIN_SECTION_TOKENS = 20
# With more chunks than this still to come in a section, a cut is picked by the text around it, in the further half of
# the chunk, and not by fullness alone. Filled to the brim, up to 30 of the 58 chunks of a speech without headings
# changed with one sentence.
SETTLED_CHUNKS = 3
# A lead-in of up to this part of a chunk stays with the first item of its list, also where the list is too long to
# stay whole.
LEAD_IN_PART = 4
# Ranks of the cuts inside running text come after those of any nesting.
_PROSE_RANK = 100


@dataclass(frozen=True, slots=True)
class _Section:
    """Bare headings, then one heading and its body.

    `headings` is empty before the first heading, `paths` holds the path of each; `body` is where the text under the
    last of them starts.
    """

    start: int
    end: int
    body: int
    headings: tuple[Heading, ...] = ()
    paths: tuple[tuple[str, ...], ...] = ()

    @property
    def level(self) -> int:
        """Level of its first heading; 0 before the first heading of the document."""
        return self.headings[0].level if self.headings else 0

    def path_of(self, window: Window) -> tuple[str, ...]:
        """The path of the last heading that begins before the window ends."""
        begun = bisect_left(self.headings, window.end, key=lambda heading: heading.start)
        return self.paths[begun - 1] if begun else ()


def structure_chunks(tokenized: TokenizedText) -> list[Chunk]:
    """Cut at headings first; within a section at blocks, then items, rows and lines, then sentences, then words.

    A block that fits in a chunk, with its heading where it follows one, is kept whole, and so are a lead-in and its
    block. A chunk that begins among a table's rows carries the header row, and text and header fit in `size` together.
    No boundary depends on another section's text, save that a section of under `MIN_SECTION_TOKENS` tokens is put in
    front of the first chunk of the sibling or child that follows it.
    """
    blocks = scan_blocks(tokenized.text)
    blocks = replace(blocks, cuts=_cuts_beside_lead_ins(tokenized, blocks))
    headers = TableHeaders(tokenized, blocks.tables)
    pieces: list[tuple[_Section, list[Window]]] = []
    for section in _sections(tokenized.text, blocks):
        for part in _without_surplus_headings(tokenized, section):
            choose = _chooser(tokenized, blocks, part, headers)
            found = list(windows(tokenized, part.start, part.end, choose, room=headers.room))
            if found:
                pieces.append((part, found))
    return [_with_header(tokenized.text, chunk, headers) for chunk in _chunks(tokenized, pieces)]


def _cuts_beside_lead_ins(tokenized: TokenizedText, blocks: Blocks) -> tuple[Sequence[int], ...]:
    """The cuts of all blocks, less those between a lead-in and what it introduces."""
    short = tokenized.size // LEAD_IN_PART
    closed = {
        one.body
        for one in blocks.lead_ins
        if tokenized.fits(one.start, one.end)
        or (one.first_part < one.end and tokenized.estimate(one.start, one.body) <= short)
    }
    return tuple([cut for cut in cuts if cut not in closed] for cuts in blocks.cuts) if closed else blocks.cuts


def _with_header(text: str, chunk: Chunk, headers: TableHeaders) -> Chunk:
    header = headers.at(next_visible(text, chunk.start, chunk.end))
    return chunk if header is None else replace(chunk, table_header=header.text)


def _sections(text: str, blocks: Blocks) -> Iterator[_Section]:
    """Every section with a body, the bare headings before it included; front matter is a section of its own."""
    headings = blocks.headings
    first = headings[0].start if headings else len(text)
    if blocks.front_matter:
        yield _Section(0, blocks.front_matter, 0)
    yield _Section(blocks.front_matter, first, blocks.front_matter)
    above: list[Heading] = []
    pending: list[Heading] = []
    paths: list[tuple[str, ...]] = []
    for index, heading in enumerate(headings):
        above = [*(other for other in above if other.level < heading.level), heading]
        pending.append(heading)
        paths.append(tuple(other.title for other in above if other.title))
        end = headings[index + 1].start if index + 1 < len(headings) else len(text)
        if next_visible(text, heading.body, end) < end or end == len(text):
            yield _Section(pending[0].start, end, heading.body, tuple(pending), tuple(paths))
            pending, paths = [], []


def _without_surplus_headings(tokenized: TokenizedText, section: _Section) -> Iterator[_Section]:
    """The section, with bare headings that would fill more than half a chunk split off in front of it."""
    headings = section.headings
    kept = len(headings) - 1
    while kept > 0 and tokenized.estimate(headings[kept - 1].start, section.body) <= tokenized.size // 2:
        kept -= 1
    if kept <= 0:
        yield section
        return
    start = headings[kept].start
    yield _Section(section.start, start, start, headings[:kept], section.paths[:kept])
    yield _Section(start, section.end, section.body, headings[kept:], section.paths[kept:])


def _chooser(tokenized: TokenizedText, blocks: Blocks, section: _Section, headers: TableHeaders) -> Choose:
    """How cuts are chosen in one section: by block, then by ever smaller parts of blocks, then in running text."""
    text_starts = next_visible(tokenized.text, section.body, section.end)
    last_heading = section.headings[-1].start if section.headings else 0

    def whole(cut: int, depth: int) -> bool:
        """Whether the part that begins at `cut` fits in one chunk."""
        following = (_first_above(cuts, cut) for cuts in blocks.cuts[: depth + 1])
        return tokenized.fits(cut, min((end for end in following if end is not None), default=section.end))

    def choose(first: int, low: int, high: int) -> tuple[int, int]:
        least, ceiling = first, high
        if first < section.body:
            # A heading stays with the start of its text, unless it fills the chunk by itself.
            least, ceiling = (text_starts, high) if text_starts < high else (first, min(last_heading, high))
        half = max(low, least + 1, tokenized.reach(first, headers.room(first) // 2))
        far = tokenized.estimate(first, section.end) > SETTLED_CHUNKS * tokenized.size and half <= ceiling
        for depth, cuts in enumerate(blocks.cuts):
            if far and (candidates := cuts[bisect_left(cuts, half) : bisect_right(cuts, ceiling)]):
                return settled(tokenized.text, candidates), depth
            cut = _last_to(cuts, ceiling)
            if cut is not None and cut > least and (cut >= low or whole(cut, depth)):
                return cut, depth
        if far and (ends := best_sentence_ends(tokenized.text, half, high)):
            return settled(tokenized.text, ends), _PROSE_RANK + SENTENCE
        cut, rank = prose_cut(tokenized.text, max(low, least + 1), high)
        return cut, _PROSE_RANK + rank

    return choose


def _chunks(tokenized: TokenizedText, pieces: Sequence[tuple[_Section, list[Window]]]) -> Iterator[Chunk]:
    """All windows as chunks, tiny sections put in front of what follows them under the same parent."""
    waiting: Chunk | None = None
    its_level = 0
    for section, found in pieces:
        first, *rest = (_chunk(tokenized.text, window, section.path_of(window)) for window in found)
        level = section.level
        if waiting is not None:
            joined = _join(tokenized, waiting, first) if level >= its_level else None
            if joined is None:
                yield waiting
            else:
                first, level = joined, its_level
        if not rest and first.token_count < MIN_SECTION_TOKENS and level > 0:
            waiting, its_level = first, level
            continue
        waiting = None
        yield first
        yield from rest
    if waiting is not None:
        yield waiting


def _chunk(text: str, window: Window, path: tuple[str, ...]) -> Chunk:
    return Chunk(text[window.start : window.end], window.start, window.end, path, window.tokens)


def _join(tokenized: TokenizedText, before: Chunk, after: Chunk) -> Chunk | None:
    """One chunk over both, under the path of the first; None where it would be too large."""
    if after.end - before.start > tokenized.max_characters:
        return None
    window = Window(before.start, after.end, tokenized.count(before.start, after.end))
    return _chunk(tokenized.text, window, before.heading_path) if window.tokens <= tokenized.size else None


def _last_to(cuts: Sequence[int], limit: int) -> int | None:
    index = bisect_right(cuts, limit)
    return cuts[index - 1] if index else None


def _first_above(cuts: Sequence[int], limit: int) -> int | None:
    index = bisect_right(cuts, limit)
    return cuts[index] if index < len(cuts) else None
