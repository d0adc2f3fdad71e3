import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from retrieval_rows import Chunk, open_index, rows_of
from scale import AT_CI

from assay.errors import ConfigurationError
from assay.retrieval import engine
from assay.retrieval.filters import FILTERABLE, excluding, prefilter

EXAMPLES = 300 if AT_CI else 60
HOSTILE = (
    "' OR '1'='1",
    "'; DROP TABLE chunks; --",
    "x' OR array_has(allowed_principals, 'secret') OR 'x'='y",
    "public']) OR true OR array_has_any(allowed_principals, ['x",
    "\\' OR 1=1 --",
    "\\') OR true --",
    "it''s",
    "it's",
    "\\",
    "''",
    '"',
    "a\0b",
    "a",
    "%",
    "_",
    "${tenant}",
    "‘ OR ’1’=’1",
    "é",
    "e\u0301",  # the same letter in two characters: another string
    "😀",
    "public",
    "secret",
    "\n",
    "",
    "NULL",
    "1",
)
CHUNKS = [
    Chunk(f"d{at}", f"text {at}", tenant=HOSTILE[at], principals=(HOSTILE[-1 - at], "secret"), source="s")
    for at in range(len(HOSTILE))
] + [Chunk(document, "open", version=7, principals=("public",)) for document in HOSTILE]
values = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    index = open_index(tmp_path_factory.mktemp("home"), name="filters")
    half = len(CHUNKS) // 2  # the other half is found without the indexes
    for part in (CHUNKS[:half], CHUNKS[half:]):
        index.replace_documents(rows_of(part), sorted({c.document for c in part}), version_bound=0)
        if part[0] is CHUNKS[0]:
            assert index.maintain(()).optimized
    return index._table


def found(table, filters, principals):
    rows = table.search().where(prefilter(filters, principals)).select(["chunk_id"]).to_arrow()
    return set(rows["chunk_id"].to_pylist())


def brute_force(filters, principals):
    columns = {"tenant": "tenant", "source": "source", "document_id": "document", "document_version": "version"}
    return {
        chunk.chunk_id
        for chunk in CHUNKS
        if set(chunk.principals) & set(principals)
        and all(
            getattr(chunk, columns[name]) in (value if isinstance(value, list | tuple) else [value])
            for name, value in filters.items()
        )
    }


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    filters=st.fixed_dictionaries(
        {},
        optional={
            "tenant": values | st.lists(values, max_size=3),
            "document_id": values | st.lists(values, max_size=3),
            "source": st.sampled_from(["s", "sample"]),
            "document_version": st.sampled_from([1, 7, -3, 2**63 - 1, -(2**63) + 1]),
        },
    ),
    principals=st.lists(values, max_size=3),
)
def test_any_filter_finds_what_plain_python_finds(table, filters, principals):
    assert found(table, filters, principals) == brute_force(filters, principals)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    hidden=st.lists(values, max_size=4),
    gone=st.dictionaries(
        st.sampled_from([0, 1, 6, 7, 2**63 - 1, -(2**63) + 1]), st.lists(values, min_size=1, max_size=3), max_size=3
    ),
)
def test_what_is_excluded_and_nothing_else_is_left_out(table, hidden, gone):
    where = excluding(prefilter({}, ["public", "secret"]), hidden, gone)
    rows = table.search().where(where).select(["chunk_id"]).to_arrow()
    assert set(rows["chunk_id"].to_pylist()) == {
        chunk.chunk_id
        for chunk in CHUNKS
        if set(chunk.principals) & {"public", "secret"}
        and chunk.document not in hidden
        and not any(chunk.document in ids and chunk.version <= version for version, ids in gone.items())
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_injection_finds_nothing_that_it_should_not(table, text):
    assert found(table, {}, [text]) == brute_force({}, [text])
    assert found(table, {"tenant": text}, ["secret"]) == brute_force({"tenant": text}, ["secret"])
    assert found(table, {"document_id": [text, "nobody"]}, ["public"]) == brute_force(
        {"document_id": [text]}, ["public"]
    )


def test_no_principal_or_no_value_finds_nothing(table):
    assert found(table, {}, []) == found(table, {"tenant": []}, ["public"]) == set()


@pytest.mark.parametrize(
    ("filters", "principals"),
    [
        ({"text": "x"}, ["public"]),
        ({"tenant = 'a' OR '1'": "1"}, ["public"]),
        ({"tenant": 1}, ["public"]),
        ({"tenant": None}, ["public"]),
        ({"tenant": ["a", None]}, ["public"]),
        ({"document_version": "1"}, ["public"]),
        ({"document_version": True}, ["public"]),
        ({"document_version": 2**63}, ["public"]),
        ({"document_version": -(2**63)}, ["public"]),
        ({"tenant": "\ud800"}, ["public"]),
        ({}, ["\ud800"]),
        ({}, [1]),
        ({}, "public"),
    ],
)
def test_what_cannot_be_a_filter_is_refused(filters, principals):
    with pytest.raises(ConfigurationError, match=r"[Nn]othing was searched"):
        prefilter(filters, principals)


@pytest.mark.parametrize("column", [*FILTERABLE, "allowed_principals"])
def test_every_filter_is_answered_by_an_index(table, column):
    filters = {} if column == "allowed_principals" else {column: 1 if FILTERABLE[column] is int else "x"}
    plan = table.search().where(prefilter(filters, ["public"])).explain_plan()
    (scalar_query,) = [line for line in plan.splitlines() if "ScalarIndexQuery" in line]
    assert f"@{column}_idx" in scalar_query
    assert "@allowed_principals_idx(LabelList)" in scalar_query


def test_the_searching_legs_use_the_indexes_before_the_search(tmp_path):
    from lancedb.query import MatchQuery

    index = open_index(tmp_path, [Chunk(f"d{at}", f"word {at}") for at in range(30)])
    index.maintain(())
    table = engine.open_table(tmp_path / "vectors", index.name)
    where = prefilter({"document_id": "d3"}, ["public"])
    dense = table.search([1.0] * 16, query_type="vector").distance_type("cosine").where(where, prefilter=True)
    lexical = table.search(MatchQuery("word", "context_text"), query_type="fts").where(where, prefilter=True)
    for query in (dense, lexical):
        assert "ScalarIndexQuery" in query.limit(5).explain_plan()
        assert query.limit(5).to_arrow()["document_id"].to_pylist() == ["d3"]
