"""Reading item scores: what a file may say, and which line is named when it cannot be used."""

import json
import math
from pathlib import Path

import pytest
from gate_scores import arm

from assay.errors import ConfigurationError
from assay.evaluation.gate import ItemScore, compare, read_item_scores
from assay.evaluation.gate.item_scores import LARGEST_SCORE

LINE = {"item_id": "q1", "cluster": "d1", "metric": "correct", "score": 1, "status": "OK", "slices": ["es"]}


def written(folder: Path, *lines: object) -> Path:
    path = folder / "scores.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def changed(**fields: object) -> dict[str, object]:
    return {**LINE, **fields}


def test_a_line_is_an_item_score(tmp_path: Path) -> None:
    path = written(tmp_path, LINE, "", changed(item_id="q2", score=None, status="ERROR(timeout)"))
    assert read_item_scores(path) == [
        ItemScore("q1", "d1", "correct", 1.0, "OK", ("es",)),
        ItemScore("q2", "d1", "correct", None, "ERROR(timeout)", ("es",)),
    ]


def test_other_systems_spellings_are_read(tmp_path: Path) -> None:
    """Numbered items, booleans, no cluster, no slices, slices by name, a byte-order mark."""
    bare = {"item_id": 7, "metric": "correct", "score": True, "status": "OK"}
    path = written(tmp_path, "\ufeff" + json.dumps(bare), changed(slices={"tenant": "umbra"}, cluster=3))
    assert read_item_scores(path) == [
        ItemScore("7", None, "correct", 1.0, "OK", ()),
        ItemScore("q1", "3", "correct", 1.0, "OK", ("tenant:umbra",)),
    ]


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        ("{", "Expecting property name"),
        ("[]", "it is no JSON object"),
        (json.dumps(changed(item_id="q2")).replace(": 1,", ": NaN,"), "NaN is no number"),
        (json.dumps(changed(item_id="q2")).replace(": 1,", ": -Infinity,"), "-Infinity is no number"),
        (json.dumps(changed(item_id="q2")).replace(": 1,", ": 1e999,"), "which is no number"),
        (changed(item_id="q2", score=None), "its status is OK, and its score under `correct` is None"),
        (changed(item_id="q2", score="1"), "`score` is '1', which is no number"),
        (changed(item_id="q2", status="FINE"), "there is no status `FINE`"),
        (changed(item_id="q2", status=["OK"]), "there is no status `['OK']`"),
        (LINE, "item `q1` has a score under `correct` already"),
        (changed(metric="ndcg", cluster="d2"), "item `q1` lay in another cluster or in other slices before"),
        (changed(metric="ndcg", slices=[]), "item `q1` lay in another cluster or in other slices before"),
        (changed(item_id="q2", slices="es"), "`slices` is no list of names"),
        (changed(item_id=" "), "`item_id` is ' ', which is no name"),
        (changed(item_id="q2", clusters="d1"), "unknown: ['clusters']"),
        ({"item_id": "q2", "score": 1, "status": "OK"}, "fields missing: ['metric']"),
        ('{"item_id": "\xff"}', "fields missing"),
        ("[" * 100_000, "cannot be used"),
        (json.dumps(changed(item_id="q2")).replace(": 1,", f": 1{'0' * 400},"), "too large"),
        (changed(item_id="q2", score=1.7e308), "none lies beyond 1e+100"),
        (changed(item_id="q2", score=-1.7e308), "none lies beyond 1e+100"),
        (changed(item_id="\ud800"), "`item_id` is '\\ud800', which is no name"),
        (changed(metric="m\udfff"), "`metric` is 'm\\udfff', which is no name"),
        (changed(item_id="q2", cluster="\ud800"), "`cluster` is '\\ud800', which is no name"),
        (changed(item_id="q2", slices=["\ud800"]), "`slices` is no list of names"),
    ],
)
def test_a_line_that_is_no_score_is_named(tmp_path: Path, second: object, problem: str) -> None:
    path = written(tmp_path, LINE, second)
    with pytest.raises(ConfigurationError) as refused:
        read_item_scores(path)
    assert str(refused.value).startswith(f"Line 2 of `{path}` cannot be used: ")
    assert problem in str(refused.value)
    assert "Nothing was compared." in str(refused.value)


def test_bytes_that_are_no_utf8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_bytes(json.dumps(LINE).encode() + b"\n\n\xff\xfe\n")
    with pytest.raises(ConfigurationError, match="Line 3 of"):
        read_item_scores(path)


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_a_score_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigurationError, match="holds no score"):
        read_item_scores(written(tmp_path, content))
    with pytest.raises(ConfigurationError, match="There is no file"):
        read_item_scores(tmp_path / "missing.jsonl")


def test_the_greatest_scores_are_compared_without_a_number_that_is_none() -> None:
    found = arm([LARGEST_SCORE, -LARGEST_SCORE] * 10)
    [row] = compare(found, found).metrics
    assert (row.difference, row.lower is not None and math.isfinite(row.lower)) == (0.0, True)


def test_scores_given_in_python_are_checked_too() -> None:
    good = arm([1, 0, 1])
    for bad in (
        [*good, good[0]],
        arm([1, float("nan"), 1]),
        arm([1, float("inf"), 1]),
        arm([1, 1.7e308, 1]),
        [*good, ItemScore("q9", "d", "correct", None)],
        [*good, ItemScore("q0", "elsewhere", "ndcg", 1.0)],
    ):
        with pytest.raises(ConfigurationError, match=r"Item `q\d` cannot be used"):
            compare(bad, good)
        with pytest.raises(ConfigurationError, match=r"Item `q\d` cannot be used"):
            compare(good, bad)
