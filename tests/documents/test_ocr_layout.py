"""What an engine saw becomes a text in which every word has its place, and a score that says what it is worth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.documents.parsing.ocr_engine import SeenWord
from assay.documents.parsing.ocr_layout import RecognizedWord, laid_out
from assay.documents.parsing.ocr_quality import page_score


def seen(text: str, *, paragraph: int = 0, line: int = 0, confidence: float = 0.9) -> SeenWord:
    return SeenWord(text, confidence, paragraph, line, (0, 0, 10, 10))


def test_words_lines_and_paragraphs_are_parted() -> None:
    text, words = laid_out(
        [seen("One"), seen("two", confidence=0.5), seen("three", line=1), seen("Four", paragraph=1, line=2)]
    )
    assert text == "One two\nthree\n\nFour"
    assert words[1] == RecognizedWord(4, 7, 0.5)
    assert [text[word.start : word.end] for word in words] == ["One", "two", "three", "Four"]


def test_a_divided_word_is_one_word_with_the_lower_confidence() -> None:
    text, words = laid_out(
        [seen("an"), seen("exam-", confidence=0.9), seen("ple,", line=1, confidence=0.4), seen("here", line=1)]
    )
    assert text == "an example, here"
    assert words == (RecognizedWord(0, 2, 0.9), RecognizedWord(3, 11, 0.4), RecognizedWord(12, 16, 0.9))


def test_hyphens_that_divide_no_word_stay() -> None:
    assert laid_out([seen("COVID-"), seen("19", line=1)])[0] == "COVID-\n19"
    assert laid_out([seen("East-"), seen("West", line=1)])[0] == "East-\nWest"
    assert laid_out([seen("pre-"), seen("and", line=0)])[0] == "pre- and"
    assert laid_out([seen("-"), seen("item", line=1)])[0] == "-\nitem"
    assert laid_out([seen("end-"), seen("next", paragraph=1, line=1)])[0] == "end-\n\nnext"


def test_a_page_without_words_is_empty_and_worth_nothing() -> None:
    assert laid_out([]) == ("", ())
    assert page_score([]) == 0.0


@given(
    st.lists(st.tuples(st.text("aé́-Zß1.", min_size=1, max_size=6), st.integers(0, 2), st.integers(0, 1)), max_size=12)
)
def test_offsets_follow_each_other_and_cover_all_but_the_gaps(drawn: list[tuple[str, int, int]]) -> None:
    line = paragraph = 0
    given_words: list[SeenWord] = []
    for text, more_lines, more_paragraphs in drawn:
        line, paragraph = line + more_lines + more_paragraphs, paragraph + more_paragraphs
        given_words.append(seen(text, paragraph=paragraph, line=line))
    text, words = laid_out(given_words)
    covered = 0
    for word in words:
        assert not text[covered : word.start].strip()
        assert text[word.start : word.end].split() == [text[word.start : word.end]]
        covered = word.end
    assert covered == len(text)


def test_long_words_weigh_more_in_the_score() -> None:
    assert page_score([seen("a", confidence=0.3), seen("gold", confidence=0.8)]) == pytest.approx(0.7)


def test_what_is_no_word_does_not_count() -> None:
    assert page_score([seen("~|;.", confidence=0.6), seen("gold", confidence=0.9)]) == pytest.approx(0.9)
    assert page_score([seen("eee", confidence=0.2), seen("gold", confidence=0.9)]) == pytest.approx(0.9)
    assert page_score([seen("|", confidence=0.9)]) == 0.0
