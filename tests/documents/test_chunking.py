"""What every strategy promises of every text, and what `structure` makes of Markdown."""

import re
from dataclasses import dataclass
from itertools import pairwise

import pytest
from document_runs import HashingEncoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scale import AT_CI

from assay.documents.chunk_rows import context_text
from assay.documents.chunking import CHUNKER_VERSION, STRATEGIES, Chunk, chunk_text, chunker_id
from assay.embeddings.tokenizer import default_tokenizer
from assay.errors import ConfigurationError

EXAMPLES = 600 if AT_CI else 80
ENCODER = default_tokenizer()
# Like sentences have like vectors; the model itself takes 8 s to import.
EMBED = HashingEncoder().encode


@dataclass(frozen=True)
class SpaceAware:
    """Like a byte-level vocabulary: the space before a word is part of it, and a lone end of a word costs more."""

    max_tokens: int = 512

    def spans(self, text: str) -> list[tuple[int, int]]:
        spans: list[tuple[int, int]] = []
        for match in re.finditer(r" ?[^\W_]+|\s|[^\w\s]|_", text):
            start, end = match.span()
            cuts = [start, end] if match.group()[0].isspace() or end - start < 3 else [start, start + 2, end]
            spans.extend(pairwise(cuts))
        return spans


@dataclass(frozen=True)
class CharacterBytes:
    """A token a byte, so one character is up to four tokens with the same span."""

    max_tokens: int = 12

    def spans(self, text: str) -> list[tuple[int, int]]:
        return [(at, at + 1) for at, one in enumerate(text) for _ in one.encode(errors="replace")]


words = st.sampled_from(
    [
        "the",
        "Alpha.",
        "beta,",
        "(gamma)",
        "naïve",
        "e.g.",
        "東京。",
        "한국어",
        "x_1",
        "`code`",
        "**b**",
        "antidisestablish",
    ]
)
prose = st.lists(words, min_size=1, max_size=30).map(" ".join)
lines = st.one_of(
    prose,
    st.builds("{} {}".format, st.sampled_from(["#", "##", "###", "- ", "  - ", "1.", ">", "> -", "    "]), prose),
    st.sampled_from(
        ["", "", "---", "===", "```", "~~~", "<!--", "-->", "<div>", "|a|b|", "|-|-|", "|1|2|", "#", "\t", "\x0c"]
    ),
)
cells = st.lists(words, min_size=1, max_size=6).map(" ".join)
tables = st.builds(
    lambda rows, rule, width: "\n".join("|".join(row[:width]) for row in [rows[0], [rule] * 5, *rows[1:]]),
    st.lists(st.lists(cells, min_size=5, max_size=5), min_size=2, max_size=12),
    st.sampled_from(["-", ":-:", " ---------- "]),
    st.integers(2, 5),
)
markdown = st.builds(
    lambda parts, ends: "".join(part + end for part, end in zip(parts, ends, strict=False)),
    st.lists(st.one_of(lines, lines, lines, st.builds("\n{}\n".format, tables)), max_size=40),
    st.lists(st.sampled_from(["\n", "\n\n", "\r\n", "\r", "\u2028", "\x1c", ""]), min_size=40, max_size=40),
)
anything = st.text(alphabet=st.characters(exclude_categories=()), max_size=200)
dense = st.text(alphabet=" \n\r\t#>-`|.[a\u0301\u200b\ud800\x00\x0c\x85한é", max_size=400)


def assert_promises(text: str, chunks: list[Chunk], size: int, encoder) -> None:
    covered, last_start = 0, -1
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text.strip()
        assert chunk.start > last_start
        assert chunk.end > covered
        assert not text[covered : max(covered, chunk.start)].strip(), "visible characters in no chunk"
        tokens = len(encoder.spans(re.sub("[\ud800-\udfff]", "\ufffd", chunk.text)))
        assert chunk.token_count == tokens
        assert tokens <= size or len(chunk.text) == 1
        if chunk.table_header is not None:
            assert tokens + len(encoder.spans(f"{chunk.table_header}\n")) <= size or len(chunk.text) == 1
        covered, last_start = max(covered, chunk.end), chunk.start
    assert not text[covered:].strip(), "visible characters in no chunk"


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(text=st.one_of(markdown, anything, dense), size=st.integers(1, 40), data=st.data())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_text_is_covered_in_order_by_slices_within_size(strategy, text, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    encoder = data.draw(st.sampled_from([ENCODER, SpaceAware(), CharacterBytes()]))
    options = {"strategy": strategy, "size": size, "overlap": overlap, "encoder": encoder, "embed": EMBED}
    chunks = chunk_text(text, **options)
    assert_promises(text, chunks, min(size, encoder.max_tokens - 2), encoder)
    assert chunks == chunk_text(text, **options)
    if strategy in ("structure", "semantic") or not overlap:
        assert all(before.end <= after.start for before, after in pairwise(chunks))


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(text=markdown, size=st.integers(1, 300))
@settings(max_examples=EXAMPLES // 3, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_chunk_is_longer_than_the_model_reads_with_all_its_context(strategy, text, size):
    for chunk in chunk_text(text, strategy=strategy, size=size, embed=EMBED):
        context = context_text(chunk.heading_path, chunk.text, ENCODER, chunk.table_header)
        assert context.endswith(chunk.text)
        assert ENCODER.count(context) <= ENCODER.max_content_tokens
        assert chunk.table_header is None or f"{chunk.table_header}\n" in context


HOSTILE = {
    "hashes": "#" * 20_000,
    "bare headings": "#\n" * 5_000,
    "quotes": ">" * 20_000,
    "brackets": "[" * 20_000,
    "nested list": "- " * 5_000 + "end",
    "indented list": "\n".join("  " * depth + "- a" for depth in range(400)),
    "one word": "a" * 300_000,
    "one line": "word " * 20_000,
    "zero width": "\u200b" * 50_000,
    "spaces": "a" + " " * 100_000 + "b",
    "form feeds": "a\x0c" * 20_000,
    "combining": "e" + "\u0301" * 20_000,
    "surrogates": "\ud800 x" * 5_000,
    "dots": "." * 30_000,
    "line ends": "\r\n\r" * 20_000 + "x",
    "wide table": "|a" * 3_000 + "|\n" + "|-" * 3_000 + "|\n" + "|b" * 3_000 + "|\n",
    "open fence": "```\n" + "x = 1\n" * 5_000,
    "long heading": "# " + "word " * 10_000 + "\n\nbody",
}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_cut_like_any_other(name, strategy):
    text = HOSTILE[name]
    assert_promises(text, chunk_text(text, strategy=strategy, overlap=30, embed=EMBED), 200, ENCODER)


class CountingEncoder:
    max_tokens = 256

    def __init__(self):
        self.characters = 0

    def spans(self, text):
        self.characters += len(text)
        return ENCODER.spans(text)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_tokenized_a_bounded_number_of_times(name, strategy):
    encoder = CountingEncoder()
    chunk_text(HOSTILE[name], strategy=strategy, encoder=encoder, embed=EMBED)
    assert encoder.characters < 4 * len(HOSTILE[name]) + 1_000


def test_text_without_tokens_is_still_cut():
    chunks = chunk_text("\u200b" * 50_000)
    assert len(chunks) > 1
    assert {chunk.token_count for chunk in chunks} == {0}


def test_nothing_to_chunk():
    for strategy in STRATEGIES:
        assert chunk_text("", strategy=strategy, embed=EMBED) == []
        assert chunk_text(" \r\n\t\u2003", strategy=strategy, embed=EMBED) == []


def test_a_size_above_the_models_limit_is_the_limit():
    chunks = chunk_text("word " * 1000, strategy="fixed", size=10_000)
    assert chunks[0].token_count == ENCODER.max_tokens - 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strategy": "sentences"}, r"`structure`, `recursive`, `semantic`, `fixed`"),
        ({"size": 0}, r"0 tokens"),
        ({"size": 10, "overlap": 10}, r"less than the size"),
        ({"size": 10, "overlap": -1}, r"less than the size"),
    ],
)
def test_settings_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        chunk_text("text", **arguments)


def test_recursive_overlap_repeats_whole_words_of_the_chunk_before():
    text = " ".join(f"word{number:03}" for number in range(300))
    chunks = chunk_text(text, strategy="recursive", size=40, overlap=10)
    for before, after in pairwise(chunks):
        shared = text[after.start : before.end]
        assert shared
        assert len(ENCODER.spans(shared)) <= 10
        assert after.start == 0 or text[after.start - 1] == " "


def test_fixed_windows_begin_size_less_overlap_tokens_apart():
    text = "word " * 300
    chunks = chunk_text(text, strategy="fixed", size=50, overlap=10)
    assert [chunk.start // len("word ") for chunk in chunks] == list(range(0, 300 - 10, 40))
    assert {chunk.token_count for chunk in chunks[:-1]} == {50}


def test_recursive_prefers_empty_lines_then_sentences_to_words():
    paragraph = "One sentence stands here. Another one follows it, e.g. this."
    text = "\n\n".join([paragraph] * 6)
    assert {chunk.text for chunk in chunk_text(text, strategy="recursive", size=20)} == {paragraph}
    halves = chunk_text(text, strategy="recursive", size=11)
    assert {chunk.text for chunk in halves} == {"One sentence stands here.", "Another one follows it, e.g. this."}


def test_chunker_ids_tell_ways_to_chunk_apart():
    assert re.fullmatch(rf"structure-200-0-v{CHUNKER_VERSION}-[0-9a-f]{{8}}", chunker_id("structure", 200, 0, "abc"))
    assert chunker_id("structure", 200, 50, "abc") == chunker_id("structure", 200, 0, "abc")
    assert chunker_id("semantic", 200, 50, "abc") == chunker_id("semantic", 200, 0, "abc")
    ways = [("fixed", 200, 0, "abc"), ("fixed", 201, 0, "abc"), ("fixed", 200, 1, "abc"), ("fixed", 200, 0, "abd")]
    assert len({chunker_id(*way) for way in [*ways, ("recursive", 200, 0, "abc")]}) == 5
    with pytest.raises(ConfigurationError):
        chunker_id("nonsense", 200, 0, "abc")
