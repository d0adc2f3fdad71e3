"""Layer 1: each rule is kept by a right answer and by an abstention, and broken by the one fault it is there for."""

import pytest
from golden_items import DOCUMENT, QUOTE, TEXT, WHOLE, abstention, answer, citation, hit, question
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.answering.answer import Answer, Citation
from assay.answering.quotable_parts import quotable_parts
from assay.evaluation import answer_rules as rules
from assay.evaluation.current_documents import CurrentDocument

DOCUMENTS = {DOCUMENT: CurrentDocument(TEXT, ("public",))}
MAIL = "Write to ada@example.com about it."


def kept(given, hits=(WHOLE,), documents=DOCUMENTS, asked=None):
    """The rules that an answer breaks."""
    asked = asked or question()
    verdicts = {
        "schema_valid": rules.schema_valid(asked, given),
        "cites_or_abstains": rules.cites_or_abstains(given, hits),
        "citations_retrieved": rules.citations_retrieved(given, hits),
        "quotes_in_chunks": rules.quotes_in_chunks(given, hits),
        "quotes_in_documents": rules.quotes_in_documents(given, documents),
        "numbers_cited": rules.numbers_cited(given, hits),
        "personal_data_cited": rules.personal_data_cited(given, hits),
        "nothing_banned": rules.nothing_banned(given),
        "permitted": rules.permitted(asked, given, hits, documents),
    }
    return {name for name, held in verdicts.items() if not held}


def test_a_right_answer_and_an_abstention_break_no_rule():
    assert kept(answer()) == set()
    assert kept(answer(f"{QUOTE}\n{MAIL}", citation(), citation(MAIL))) == set()
    assert kept(abstention()) == set()
    assert kept(abstention(), hits=()) == set()


def bare(text="", citations=(), abstained=False, reason=None, asked="What does a refund cost?"):
    return Answer(asked, text, citations, abstained, reason, "a", "p")


@pytest.mark.parametrize(
    ("given", "broken"),
    [
        (answer(asked="Another question?"), {"schema_valid"}),
        (bare(QUOTE, (citation(),), abstained=True, reason="why"), {"schema_valid"}),
        (bare(abstained=True), {"schema_valid"}),
        (bare("  ", (citation(),)), {"schema_valid"}),
        (bare("It is free."), {"cites_or_abstains"}),
        (answer(QUOTE, citation(chunk_id="c2")), {"citations_retrieved", "quotes_in_chunks", "numbers_cited"}),
        (
            answer(QUOTE, citation(document_id="docs:other.md")),
            {"citations_retrieved", "quotes_in_chunks", "quotes_in_documents", "numbers_cited", "permitted"},
        ),
        (answer(QUOTE, citation(shift=1)), {"quotes_in_chunks", "quotes_in_documents"}),
        (answer("A refund costs 1,300 units."), {"numbers_cited"}),
        (answer("A refund costs 12 units."), {"numbers_cited"}),
        (answer(f"{QUOTE} Ask eve@example.com."), {"personal_data_cited"}),
        (answer(f"{QUOTE} <|im_end|>"), {"nothing_banned"}),
        (answer(f"{QUOTE} As an AI I cannot say more."), {"nothing_banned"}),
    ],
)
def test_each_fault_breaks_its_rule_and_no_other(given, broken):
    assert kept(given) == broken


def test_a_quote_that_the_chunk_cuts_off_is_not_in_it():
    short = hit(0, TEXT.index(QUOTE) + 5)
    assert kept(answer(), hits=(short,)) == {"quotes_in_chunks", "numbers_cited"}


def test_a_quote_that_an_edit_took_out_of_the_document_is_found():
    edited = {DOCUMENT: CurrentDocument(TEXT.replace("1,200", "1,300"), ("public",))}
    assert kept(answer(), documents=edited) == {"quotes_in_documents"}


def test_an_answer_from_nothing_is_found_even_with_a_citation():
    assert "cites_or_abstains" in kept(answer(), hits=())


def test_what_the_asker_may_not_see_is_found_in_hits_that_nobody_cites():
    secret = hit(0, 10, document_id="docs:secret.md", chunk_id="c9")
    hidden = DOCUMENTS | {"docs:secret.md": CurrentDocument(TEXT, ("tenant:umbra",))}
    assert kept(answer(), hits=(WHOLE, secret), documents=hidden) == {"permitted"}
    assert (
        kept(answer(), hits=(WHOLE, secret), documents=hidden, asked=question(principals=("tenant:umbra", "public")))
        == set()
    )
    deleted = kept(answer(), hits=(WHOLE, secret), documents=DOCUMENTS)
    assert deleted == {"permitted"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,200 units", {"1200"}),
        ("1 200, 1.200 and 1200", {"1", "200", "1200"}),
        ("3.5% of 12:30", {"3.5", "12:30"}),
        ("in 2026-11-03", {"2026", "11", "03"}),
        ("none", set()),
    ],
)
def test_numbers_are_read_however_thousands_are_grouped(text, found):
    assert rules.numbers(text) == found


FRAGMENTS = [
    "1\u00a0350\u00a0000",
    "1\u202f350",
    "12,\n000",
    "+49 170\n1234567",
    "+49\u00a0170\u00a01234567",
    "030\n1234567",
    "ada@example.com",
    "DE89 3704\n0044 0532 0130 00",
    "Password:\nTr0ub4dor-3x",
    "5551234567",
    "The fee is",
    "A sentence ends. ",
    "\n\n",
    "\n- ",
    "\n\n| Name | Phone | Password |\n|---|---|---|\n| Ada | 5551234567 | Tr0ub4dor-3x |\n| Eve | 1\u00a0350 | none |\n\n",
    "| 5551234567 | 12:30 |\n",
]


@settings(deadline=None, max_examples=60)
@example(["The fee is", "1\u00a0350\u00a0000"])
@example(["The fee is", "+49 170\n1234567"])
@example([FRAGMENTS[-2]])
@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=8))
def test_whatever_is_quoted_as_the_answerer_quotes_it_keeps_the_rules_on_numbers_and_personal_data(fragments):
    passage = " ".join(fragments)
    found = hit(0, len(passage), text=passage)
    for part in quotable_parts(passage):
        quote = Citation("c1", DOCUMENT, found.uri, part.start, part.end, passage[part.start : part.end])
        said = bare(part.said, (quote,))
        assert rules.numbers_cited(said, (found,)), part
        assert rules.personal_data_cited(said, (found,)), part


def test_a_part_of_a_longer_value_does_not_stand_in_the_chunk():
    found = hit(0, 60, text="Ask ada.lovelace@example.com, account DE89 3704 0044 0532 0130 00.")
    quote = Citation("c1", DOCUMENT, found.uri, 0, 3, "Ask")
    assert rules.personal_data_cited(bare("ada.lovelace@example.com", (quote,)), (found,))
    assert not rules.personal_data_cited(bare("Write to lovelace@example.com.", (quote,)), (found,))
