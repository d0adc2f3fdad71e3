"""The extractive answerer: what it quotes, where it says that it stands, and when it says nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from document_runs import HashingEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import AT_CI

from assay.answering import Answer, Answerer, open_answerer
from assay.answering.content_words import content_words, word_shares
from assay.answering.extractive import MAX_QUOTES, NEXT_QUOTE_SHARE, ScoredPart, quoted_answer
from assay.answering.quotable_parts import quotable_parts
from assay.embeddings import Embedder
from assay.errors import StorageError
from assay.retrieval import Hit, Place
from assay.retrieval.configurations import ANSWERER_ID, PROMPT_ID
from assay.settings import Settings

EXAMPLES = 300 if AT_CI else 50
PAYOUTS = "## Payouts\n\nA payout is sent every Friday. The bank takes three days.\n\n| Country | Minimum |\n|---|---|\n| Mexico | 900 MXN |\n| Peru | 180 PEN |\n"
CHAT = "Slow mode limits each viewer to one message every 5, 15 or 30 seconds."


def hit(text: str, document_id: str = "docs:payouts.md", start: int = 0, heading: tuple[str, ...] = ()) -> Hit:
    end = start + len(text)
    return Hit(
        text=text, score=0.5, score_parts={}, document_id=document_id, chunk_id=f"{document_id}@{start}",
        uri=f"file:///{document_id}", title="", heading_path=heading, page=1, start=start, end=end, release="c@1",
        tenant="default", places=(Place(document_id, f"file:///{document_id}", start, end),),
    )  # fmt: skip


@pytest.fixture
def answerer(tmp_path: Path, encoder: HashingEncoder) -> Callable[[float], Answerer]:
    def of(floor: float) -> Answerer:
        chosen = Settings(_env_file=None, home=tmp_path, answer_floor=floor)  # pyright: ignore[reportCallIssue]
        return open_answerer(chosen, Embedder.open(chosen))

    return of


def assert_abstains(answer: Answer, because: str) -> None:
    assert answer.abstained
    assert (answer.text, answer.citations) == ("", ())
    assert because in (answer.reason or "")


def test_an_answer_quotes_the_part_that_fits_and_cites_its_place_in_the_document(answerer: Any):
    answer = answerer(0.35)("When is a payout sent?", [hit(CHAT, "docs:chat.md"), hit(PAYOUTS, start=1200)])
    assert not answer.abstained
    assert answer.reason is None
    assert (answer.answerer, answer.prompt) == (ANSWERER_ID, PROMPT_ID)
    assert answer.text == "A payout is sent every Friday."
    (citation,) = answer.citations
    assert (citation.document_id, citation.uri) == ("docs:payouts.md", "file:///docs:payouts.md")
    assert citation.chunk_id == "docs:payouts.md@1200"
    begins = 1200 + PAYOUTS.index("A payout")
    assert (citation.start, citation.end) == (begins, begins + len(citation.quote))
    assert citation.quote == "A payout is sent every Friday."


def test_a_row_is_read_with_its_columns_and_cited_as_it_stands(answerer: Any):
    answer = answerer(0.35)("What is the minimum in Peru?", [hit(PAYOUTS)])
    assert answer.text == "Country: Peru; Minimum: 180 PEN"
    assert answer.citations[0].quote == "| Peru | 180 PEN |"


def test_what_the_passages_do_not_say_is_not_answered(answerer: Any):
    question = "Who repairs the coffee machine of the studio?"
    assert_abstains(answerer(0.35)(question, [hit(PAYOUTS), hit(CHAT)]), "the release asks for 0.35")
    assert not answerer(0.0)(question, [hit(PAYOUTS), hit(CHAT)]).abstained, "the floor decides"


def test_nothing_found_and_nothing_to_quote_are_abstentions_at_any_floor(answerer: Any):
    assert_abstains(answerer(0.0)("Anything?", []), "0 passages")
    assert_abstains(answerer(0.0)("Anything?", [hit("# Only a heading")]), "none holds anything to quote")


def test_a_heading_counts_for_the_sentences_below_it(answerer: Any):
    below = hit("There is none.", "docs:a.md", heading=("Policy", "Daylight saving"))
    other = hit("There is none.  Ever.", "docs:b.md", heading=("Policy", "Refunds"))
    answer = answerer(0.0)("Which rule for daylight saving?", [other, below])
    assert answer.citations[0].document_id == "docs:a.md"


def test_the_same_passages_give_the_same_answer_and_embed_nothing_twice(answerer: Any, encoder: HashingEncoder):
    hits = [hit(PAYOUTS), hit(CHAT, "docs:chat.md")]
    first = answerer(0.35)("When is a payout sent?", hits)
    sentences = [one for one in encoder.encoded if one != "When is a payout sent?"]
    assert len(sentences) == 5
    assert answerer(0.35)("When is a payout sent?", hits) == first
    assert len(encoder.encoded) - len(sentences) == 2, "what a person asks is not kept, so it is embedded each time"


def test_an_unusable_cache_does_not_keep_from_answering(answerer: Any, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise StorageError("no space left")

    monkeypatch.setattr("assay.embeddings.cache.VectorCache.missing", full)
    monkeypatch.setattr("assay.embeddings.cache.VectorCache.get_many", full)
    assert answerer(0.35)("When is a payout sent?", [hit(PAYOUTS)]).text == "A payout is sent every Friday."


def parts_of(hits: Sequence[Hit], scores: Sequence[float]) -> list[ScoredPart]:
    parts = [(one, part) for one in hits for part in quotable_parts(one.text)]
    return [ScoredPart(one, part, score) for (one, part), score in zip(parts, scores, strict=False)]


def test_a_second_quote_stands_beside_one_that_fits_hardly_better():
    hits = [hit("One. Two. Three.")]
    both = quoted_answer("?", parts_of(hits, [0.5, 0.9, 0.9 * NEXT_QUOTE_SHARE]), passages=1, floor=0.35)
    assert both.text == "Two.\n\nThree."
    alone = quoted_answer("?", parts_of(hits, [0.5, 0.9, 0.89 * NEXT_QUOTE_SHARE]), passages=1, floor=0.35)
    assert alone.text == "Two."


def test_what_two_passages_say_alike_is_quoted_once_from_the_better_one():
    hits = [hit("The same.", "docs:a.md"), hit("The same.", "docs:b.md"), hit("Else.", "docs:c.md")]
    answer = quoted_answer("?", parts_of(hits, [0.8, 0.8, 0.75]), passages=3, floor=0.35)
    assert [one.document_id for one in answer.citations] == ["docs:a.md", "docs:c.md"]


PASSAGES = st.lists(
    st.sampled_from(["Uno dos. ", "Tres!\n\n", "- item 4\n", "| a | b |\n|---|---|\n| c | d |\n", "# H\n\n", "Ñ ü 😀 five. "]),
    max_size=6,
).map("".join)  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(st.tuples(PASSAGES, st.integers(0, 10_000)), max_size=4),
    st.randoms(use_true_random=False),
    st.floats(0, 1),
)
def test_every_citation_is_a_slice_of_a_hit_and_the_floor_is_kept(found: Any, random: Any, floor: float):
    hits = [hit(text, f"docs:{number}.md", start) for number, (text, start) in enumerate(found)]
    count = sum(len(quotable_parts(one.text)) for one in hits)
    scores = [random.random() for _ in range(count)]
    answer = quoted_answer("?", parts_of(hits, scores), passages=len(hits), floor=floor)
    assert answer.abstained == (not scores or max(scores) < floor)
    assert bool(answer.citations) == bool(answer.text) == (not answer.abstained)
    assert len(answer.citations) <= MAX_QUOTES
    by_chunk = {one.chunk_id: one for one in hits}
    for one in answer.citations:
        source = by_chunk[one.chunk_id]
        assert source.start <= one.start < one.end <= source.end
        assert source.text[one.start - source.start : one.end - source.start] == one.quote


def test_content_words_leave_grammar_accents_and_endings_out():
    assert content_words("¿Cuántos días tarda el banco?") == content_words("los bancos tardan dia") - {"tardan"} | {
        "tarda"
    }
    assert content_words("Which of the fees is it?") == {"fee"}


def test_rare_words_count_more_than_common_ones():
    texts = ["payout friday", "payout monday", "payout"]
    shares = word_shares("When is the payout on Friday?", texts)
    assert shares[0] == pytest.approx(1.0)
    assert shares[1] == shares[2]
    assert shares[1] < 0.5
    assert np.array_equal(word_shares("What is it?", texts), np.zeros(3))
    assert word_shares("payout", []).shape == (0,)
