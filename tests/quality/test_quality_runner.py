"""The runner splits a batch exactly, tells a broken expectation from bad data, and costs nothing without rows."""

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from unicodedata import category, normalize

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scale import AT_CI

from assay.errors import REJECTION_REASONS, AssayError
from assay.quality.expectations import Expectation, batch, pair, row, suite_of, unique
from assay.quality.runner import MAX_FAILING_KEYS, ExpectationError, to_series, validate
from assay.quality.suites import SUITES, Limits
from assay.schema import table, table_of
from assay.tables import DocumentRow, ManifestRow

EXAMPLES = 20 if AT_CI else 8
# A validation takes a fifth of a second whatever the rows, so shrinking a failure would take minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
SPLIT = settings(max_examples=EXAMPLES, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HASH = sha256(b"bytes").hexdigest()


@table("toy", key=("id",))
@dataclass(frozen=True)
class Toy:
    """A small table."""

    id: Annotated[str, "Key."]
    big: Annotated[int | None, "An integer that no float holds."]
    other: Annotated[int | None, "Another."]
    text: Annotated[str | None, "A text."]


TOY = table_of(Toy)


def toys(*rows: Toy) -> pa.Table:
    return TOY.rows(rows)


def judged(expectation: Expectation, *rows: Toy) -> dict[int, str]:
    return dict(validate(suite_of(TOY, expectation), toys(*rows)).failures)


# Splitting a batch, against plain Python

MANIFESTS = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["docs", "docs", "wiki", None]),
        "day": st.sampled_from([date(2026, 11, 1), date(2026, 11, 2)]),
        "path": st.sampled_from(["a.md", "b.md", "c/..d.md", "../a.md", "/a.md", "x/..", "", "é\n..", None]),
        "uri": st.just("inbox"),
        "status": st.sampled_from(["observed", "observed", "refused", "empty", "seen", None]),
        "reason": st.sampled_from([None, "corrupt", "hostile_path", "because"]),
        "detail": st.none(),
        "size_bytes": st.sampled_from([0, 10, Limits().max_file_bytes, Limits().max_file_bytes + 1, -1, None]),
        "content_hash": st.sampled_from([HASH, HASH, HASH.upper(), "", None]),
        "tenant": st.sampled_from(["default", "default", None]),
        "allowed_principals": st.sampled_from([["public"], ["a", "b"], ["b", "a"], ["a", "a"], [], [""], [" "], None]),
        "run_id": st.just("run"),
        "computed_at": st.just(NOW),
    }
)


def bad_manifests(rows: list[dict[str, Any]]) -> set[int]:
    keys = Counter((each["source"], each["day"], each["path"]) for each in rows)
    return {i for i, each in enumerate(rows) if manifest_is_bad(each, keys[each["source"], each["day"], each["path"]])}


def manifest_is_bad(each: dict[str, Any], copies: int) -> bool:
    principals = each["allowed_principals"]
    if None in (each["source"], each["path"], each["status"], each["tenant"], principals) or copies > 1:
        return True
    if not principals or any(not name.strip() for name in principals) or principals != sorted(set(principals)):
        return True
    if each["status"] == "observed":
        size, path = each["size_bytes"], each["path"]
        outside = path == "" or path.startswith("/") or ".." in path.split("/")
        sized = size is not None and 0 <= size <= Limits().max_file_bytes
        return outside or not sized or not re.fullmatch("[0-9a-f]{64}", each["content_hash"] or "")
    return each["status"] == "seen" or (each["status"] == "refused" and each["reason"] not in REJECTION_REASONS)


TEXTS = st.text(st.sampled_from("abc é\u0301\u00a0\u200b\ufffd\x00\x07\x92\r\n\t."), max_size=60)
DOCUMENTS = st.fixed_dictionaries(
    {
        "source": st.just("docs"),
        "day": st.just(date(2026, 11, 1)),
        "document_id": st.sampled_from([f"docs:{i}.md" for i in range(40)]),
        "document_version": st.sampled_from([1, 1_793_491_200_000_000, 1_793_491_200_000_000, 0, 2**62]),
        "content_hash": st.sampled_from([HASH, HASH, HASH, "abc"]),
        "media_type": st.just("text/plain"),
        "title": st.sampled_from(["T", "T", "T", "\u200b ", ""]),
        "language": st.just("en"),
        "text": TEXTS | st.just("an ordinary sentence"),
        "text_hash": st.sampled_from([True, True, True, True, False]),
        "page_starts": st.sampled_from([[0], [0], [0, 1], [0, 0], [0, 61], [1], []])
        | st.lists(st.integers(0, 3), max_size=3),
        "parser": st.just("text/1"),
        "cleaning": st.just("clean@1+keep"),
        **dict.fromkeys(
            ("pii_kinds", "ocr_pages", "ocr_confidences", "refused_pages", "refused_page_reasons"), st.just([])
        ),
        **dict.fromkeys(("table_rows", "ocr_words"), st.just(0)),
    }
).map(
    lambda each: (
        each
        | {"text_hash": sha256(each["text"].encode()).hexdigest() if each["text_hash"] else HASH}
        | {name: [0, len(each["text"])] for name in ("piece_starts", "piece_source_starts")}
    )
)


def bad_documents(rows: list[dict[str, Any]]) -> set[int]:
    keys = Counter(each["document_id"] for each in rows)
    return {i for i, each in enumerate(rows) if keys[each["document_id"]] > 1 or document_is_bad(each)}


def document_is_bad(each: dict[str, Any]) -> bool:
    text, starts = each["text"], each["page_starts"]
    controls = [c for c in text if c == "\ufffd" or (category(c) == "Cc" and c not in "\t\n\v\f\r")]
    return (
        not is_visible(text)
        or not is_visible(each["title"])
        or len(controls) > 0.02 * len(text)
        or "\x00" in text
        or "\r" in text
        or normalize("NFC", text) != text
        or each["text_hash"] != sha256(text.encode()).hexdigest()
        or each["content_hash"] != HASH
        or starts[:1] != [0]
        or starts != sorted(starts)
        or starts[-1] > len(text)
        or not 0 < each["document_version"] < 7_258_118_400_000_000
    )


def is_visible(text: str) -> bool:
    return any(category(c)[0] not in "ZC" for c in text)


@pytest.mark.parametrize(
    ("row_class", "rows", "bad"), [(ManifestRow, MANIFESTS, bad_manifests), (DocumentRow, DOCUMENTS, bad_documents)]
)
def test_a_batch_is_split_as_plain_python_would(row_class: type, rows: Any, bad: Any) -> None:
    suite = SUITES[table_of(row_class).name]

    @SPLIT
    @given(st.lists(rows, min_size=1, max_size=40))
    def check(records: list[dict[str, Any]]) -> None:
        batch = pa.Table.from_pylist(records, schema=suite.table.schema)
        validation = validate(suite, batch)
        expected = bad(records)
        wrongly = {i: (validation.failures.get(i), records[i]) for i in expected ^ set(validation.failures)}
        assert wrongly == {}
        rows = list(enumerate(batch.to_pylist()))
        assert validation.passed_rows(batch).to_pylist() == [each for i, each in rows if i not in expected]
        assert validation.failed_rows(batch).to_pylist() == [each for i, each in rows if i in expected]
        assert max((outcome.unexpected for outcome in validation.outcomes), default=0) <= len(records)

    check()


def test_a_row_is_named_after_the_first_expectation_it_fails() -> None:
    bad = Toy("a", 5, None, "x")
    first = row("big_is_small", "expect_column_values_to_be_between", "D.", column="big", max_value=1)
    second = row("text_is_y", "expect_column_values_to_be_in_set", "D.", column="text", value_set=("y",))
    for order in ((first, second), (second, first)):
        validation = validate(suite_of(TOY, *order), toys(bad))
        assert dict(validation.failures) == {0: order[0].name}
        assert [outcome.unexpected for outcome in validation.outcomes[-2:]] == [1, 1]


def test_all_failing_rows_are_found_and_the_first_keys_are_shown() -> None:
    """More than the 200 records at which Great Expectations cuts its other results."""
    rows = [Toy(f"k{i:04}", i % 2, None, None) for i in range(1_000)]
    even = row("big_is_even", "expect_column_values_to_be_in_set", "D.", column="big", value_set=(0,))
    validation = validate(suite_of(TOY, even), toys(*rows))
    assert set(validation.failures) == set(range(1, 1_000, 2))
    outcome = validation.outcomes[-1]
    assert (outcome.evaluated, outcome.unexpected, outcome.unexpected_ratio) == (1_000, 500, 0.5)
    assert outcome.failing_keys == tuple(f"k{i:04}" for i in range(1, 2 * MAX_FAILING_KEYS, 2))


@pytest.mark.parametrize(("tolerated", "success"), [(0.0, False), (0.24, False), (0.25, True), (1.0, True)])
def test_an_outcome_succeeds_up_to_its_tolerated_ratio(tolerated: float, success: bool) -> None:
    rows = [Toy(str(i), i, None, None) for i in range(4)] + [Toy("unconcerned", None, None, None)]
    small = row("s", "expect_column_values_to_be_between", "D.", column="big", max_value=2, tolerated_ratio=tolerated)
    validation = validate(suite_of(TOY, small), toys(*rows))
    outcome = validation.outcomes[-1]
    assert (outcome.evaluated, outcome.unexpected, outcome.success) == (4, 1, success)
    assert dict(validation.failures) == {3: "s"}  # quarantined either way


def test_integers_stay_exact_beside_nulls() -> None:
    """As floats 2**53 and 2**53 + 1 are one number."""
    rows = (Toy("a", 2**53, 2**53 + 1, None), Toy("b", 2**53, 2**53, None), Toy("c", None, 2**53, None))
    same = pair("same", "expect_column_pair_values_to_be_equal", "D.", "big", "other")
    assert judged(same, *rows) == {0: "same"}
    distinct = unique("distinct", "D.", ("other",))
    assert judged(distinct, *rows) == {1: "distinct", 2: "distinct"}


def test_lists_dates_and_times_reach_pandas_as_they_are() -> None:
    lists = to_series(pa.chunked_array([pa.array([[1], [], None], pa.list_(pa.int64()))]))
    assert lists.tolist() == [[1], [], None]
    days = to_series(pa.chunked_array([pa.array([date(2026, 11, 1), None])]))
    assert days.tolist() == [date(2026, 11, 1), None]
    times = to_series(pa.chunked_array([pa.array([NOW], pa.timestamp("us", tz="UTC"))]))
    assert times.dt.tz_localize("UTC").tolist() == [NOW]
    assert str(times.dtype) == "datetime64[us]"
    flags = to_series(pa.chunked_array([pa.array([True, None, False])]))
    assert (flags[0], flags.isna().tolist(), flags[2]) == (True, [False, True, False], False)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (row("b", "expect_column_values_to_be_between", "D.", column="text", min_value=1), "`b` of `toy`"),
        (row("b", "expect_column_values_to_match_regex", "D.", column="text", regex="("), "`b` of `toy`"),
        (row("b", "expect_column_values_to_be_in_set", "D.", column="absent", value_set=(1,)), "absent"),
        (row("b", "expect_column_values_to_be_in_set", "D.", column="op_and_change", value_set=(1,)), "derived column"),
        (row("b", "expect_column_values_to_be_lovely", "D.", column="text"), "lovely"),
        (row("b", "expect_column_values_to_be_between", "D.", column="big", max="x"), "suite of `toy`"),
        (batch("b", "expect_column_mean_to_be_between", "D.", column="text", min_value=1), "`b` of `toy`"),
    ],
)
def test_what_cannot_be_computed_is_neither_failure_nor_success(broken: Expectation, says: str) -> None:
    fine = row("text_is_x", "expect_column_values_to_be_in_set", "D.", column="text", value_set=("x",))
    with pytest.raises(ExpectationError, match=re.escape(says)) as caught:
        validate(suite_of(TOY, fine, broken), toys(Toy("a", 1, 2, "x")))
    assert isinstance(caught.value, AssayError)
    assert caught.value.exit_code == 2
    assert "`make test`" in str(caught.value)


def test_a_batch_of_nulls_is_unexpected_by_its_mean_and_not_by_its_values() -> None:
    """So what may concern nobody is judged by values."""
    bounds = {"column": "big", "min_value": 1, "max_value": 2}
    by_mean = batch("mean", "expect_column_mean_to_be_between", "D.", **bounds)
    by_values = batch("values", "expect_column_values_to_be_between", "D.", **bounds)
    validation = validate(suite_of(TOY, by_mean, by_values), toys(Toy("a", None, None, None)))
    assert {one.expectation: one.success for one in validation.outcomes[-2:]} == {"mean": False, "values": True}


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    places = {"HOME": str(folder), "TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder)}
    command = [sys.executable, "-B", "-c", code]
    return subprocess.run(command, cwd=folder, env={**os.environ, **places}, capture_output=True, text=True, check=True)


def test_an_empty_batch_and_all_names_cost_no_heavy_import(tmp_path: Path) -> None:
    code = """
import sys
from assay.quality.runner import validate
from assay.quality.suites import SUITES
for suite in SUITES.values():
    validation = validate(suite, suite.table.empty())
    assert [outcome.expectation for outcome in validation.outcomes] == list(suite.names)
    assert all(outcome.success and outcome.evaluated == 0 for outcome in validation.outcomes)
    assert not validation.failures and validation.passed_rows(suite.table.empty()).num_rows == 0
print("great_expectations" in sys.modules)
"""
    assert run_python(code, tmp_path).stdout.strip() == "False"


def test_a_validation_leaves_no_file_and_prints_nothing(tmp_path: Path) -> None:
    code = """
import pyarrow as pa
from assay.quality.runner import validate
from assay.quality.suites import SUITES
suite = SUITES["silver/document_state"]
validation = validate(suite, pa.Table.from_pylist([{"document_id": "a"}], schema=suite.table.schema))
assert dict(validation.failures) == {0: "document_version_is_not_null"}
"""
    done = run_python(code, tmp_path)
    assert (done.stdout, done.stderr, list(tmp_path.iterdir())) == ("", "", [])
