"""CSV and TSV: the delimiter is found, the file is one table, and what is no table stays text."""

import csv
import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.documents.parsing import delimited, parse_here
from assay.documents.parsing.delimiters import find_delimiter
from assay.errors import DocumentRejected


def test_a_file_is_one_table() -> None:
    parsed = parse_here(b'\xef\xbb\xbfname;note\n"a;b";"says ""x|y"""\n\n;second\nshort\n', "dir/list.csv")
    rows = (("name", "note"), ("a;b", 'says "x|y"'), ("", "second"), ("short", ""))
    assert parsed.text == '| name | note |\n| --- | --- |\n| a;b | says "x\\|y" |\n|  | second |\n| short |  |'
    [table] = parsed.tables
    assert (table.rows, table.page, table.start, table.end, table.confidence) == (rows, 1, 0, len(parsed.text), 1)
    assert (parsed.title, parsed.media_type, parsed.parser) == ("list", "text/csv", "delimited@1")


def test_line_ends_in_values_are_spaces_and_text_is_nfc() -> None:
    parsed = parse_here('a\tb\r\n"two\r\nlines"\te\u0301\r\n'.encode(), "a.tsv")
    assert parsed.tables[0].rows == (("a", "b"), ("two lines", "é"))
    assert parsed.media_type == "text/tab-separated-values"


VALUES = st.text(
    st.characters(exclude_characters="\x85\u2028\u2029,;|", exclude_categories=["Cs", "Cc", "Cf", "Zs"]),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(",;\t|"), st.integers(2, 5))
def test_what_a_csv_writer_wrote_is_read_back(data: st.DataObject, delimiter: str, width: int) -> None:
    rows = data.draw(st.lists(st.lists(VALUES, min_size=width, max_size=width), min_size=2, max_size=6))
    rows[0] = [f"column {delimiter} {number}" for number in range(width)]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    [table] = parse_here(buffer.getvalue().encode(), "a.csv").tables
    assert table.rows == tuple(
        tuple(" ".join(unicodedata.normalize("NFC", cell).split()) for cell in row) for row in rows
    )


@pytest.mark.parametrize(
    "text",
    [
        "Industry\nSales\nOther\n",
        "Dear reader, this is a letter.\n\nIt has commas, here and there, or not.\nEnd\n",
        '{"a": 1}\n{"b": 2}\n',
    ],
)
def test_what_is_no_table_stays_text_under_any_name(text: str) -> None:
    parsed = parse_here(text.encode(), "a.csv")
    assert (parsed.text, parsed.tables, parsed.media_type) == (text, (), "text/plain")


def test_a_quote_that_is_never_closed_leaves_the_text_as_it_stands() -> None:
    text = "a,b\n" * 20_000 + 'c,"' + "d,e\n" * 50_000
    assert (parsed := parse_here(text.encode(), "a.csv")).text == text
    assert parsed.tables == ()


def test_a_table_beyond_the_limit_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "MAX_TABLE_CELLS", 6)
    assert parse_here(b"a,b\n1,2\n3,4\n", "a.csv").tables
    with pytest.raises(DocumentRejected) as refused:
        parse_here(b"a,b\n1,2\n3,4\n5,6\n", "a.csv")
    assert refused.value.reason == "too_large"


def test_the_delimiter_by_which_most_rows_agree_is_taken() -> None:
    assert find_delimiter('a,b\n"1;2;3",x\n"4;5;6",y\n', is_named=True) == ","
    assert find_delimiter("price;sum\n1,5;2,5\n3,5;4,5\n", is_named=True) == ";"
    assert find_delimiter("a,b,c\n1,2,3\n4,5\n", is_named=True) == ","
    assert find_delimiter("a,b,c\n1,2,3\n4,5\n7,8,9\n", is_named=False) is None
    assert find_delimiter("a, b, c\n" * 9, is_named=False) is None
    assert find_delimiter(("long clauses " * 12 + ",x,y\n") * 9, is_named=False) is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["," * 200_000, '"' * 200_000, ",\n" * 100_000, ' "a' * 70_000, "|" + "\t,;" * 60_000])
def test_no_text_takes_for_ever(text: str) -> None:
    assert parse_here(f"{text}\nend,1".encode(), "a.csv").text
