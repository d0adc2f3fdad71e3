"""Layer 3 as a whole: every item under every metric through a real socket, in the shape that the gate reads."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from judge_doubles import PARIS, ChatServer, bag_of_words, chat_server, completion, ruled

from assay.errors import ConfigurationError
from assay.evaluation import compare
from assay.evaluation.judge import (
    RAGAS_METRICS,
    ChatJudge,
    judge_scores,
    read_judged_items,
    write_judged_items,
)
from assay.evaluation.judge.prompt_files import PROMPTS, prompt_hash, rendered

WRONG = replace(PARIS, item_id="q2", answer="The capital of France is Lyon.")
SILENT = replace(PARIS, item_id="q3", answer="", abstained=True, reference=None)


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


def test_every_item_has_a_score_or_a_status_under_every_metric(server: ChatServer) -> None:
    server.answer = ruled
    scores = judge_scores(ChatJudge(server.url, "overlap"), [PARIS, WRONG, SILENT], bag_of_words)
    assert [(one.item_id, one.metric) for one in scores] == [
        (item, metric) for item in ("q1", "q2", "q3") for metric in RAGAS_METRICS
    ]
    found = {(one.item_id, one.metric.partition("/")[2]): one.score or one.status for one in scores}
    assert found["q1", "faithfulness"] == 1.0
    assert found["q2", "faithfulness"] == "OK", "a score of 0 is one"
    assert found["q3", "faithfulness"] == found["q3", "answer_relevancy"] == "NOT_APPLICABLE(abstained)"
    assert found["q3", "context_recall"] == "NOT_APPLICABLE(no_claims)"
    assert found["q1", "context_recall"] == 0.5
    assert {one.cluster for one in scores} == {"capitals.md"}
    assert {tuple(one.slices) for one in scores} == {("en",)}


def test_items_that_fail_stay_in_the_list(server: ChatServer) -> None:
    def limited(body):
        return (429, {}, b"") if "Lyon" in body["messages"][0]["content"] else ruled(body)

    server.answer = limited
    scores = judge_scores(ChatJudge(server.url, "overlap"), [PARIS, WRONG], bag_of_words, metrics=RAGAS_METRICS[:1])
    assert [(one.score, one.status) for one in scores] == [(1.0, "OK"), (None, "ERROR(rate)")]


def test_a_wrong_key_ends_it_at_the_first_item(server: ChatServer) -> None:
    server.answer = lambda _body: (401, {}, completion("no"))
    asked = len(server.bodies)
    with pytest.raises(ConfigurationError):
        judge_scores(ChatJudge(server.url, "overlap"), [PARIS, WRONG], bag_of_words)
    assert len(server.bodies) == asked + 1


def test_without_a_judge_all_is_skipped_and_the_gate_says_so() -> None:
    scores = judge_scores(None, [PARIS], bag_of_words)
    assert {one.status for one in scores} == {"SKIPPED"}
    [judge] = [one for one in compare(scores, scores).findings if one.rule == "judge"]
    assert judge.outcome == "SKIPPED"


def test_items_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    items = [PARIS, replace(SILENT, question="two\u2028lines\n", slices=(), cluster=None)]
    write_judged_items(tmp_path / "items.jsonl", items)
    assert read_judged_items(tmp_path / "items.jsonl") == items


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda record: record.pop("answer"), "Field required"),
        (lambda record: record.update(contexts="one"), "valid tuple"),
        (lambda record: None, "stands there already"),
    ],
)
def test_a_line_that_is_no_item_is_named(tmp_path: Path, spoil, problem: str) -> None:
    write_judged_items(path := tmp_path / "items.jsonl", [PARIS])
    record = json.loads(path.read_text())
    spoil(record)
    path.write_text(path.read_text() + "\n" + json.dumps(record))
    with pytest.raises(ConfigurationError, match=rf"Line 3 of .*{problem}"):
        read_judged_items(path)


def test_one_changed_word_of_a_prompt_is_another_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.evaluation.judge.prompt_files.PROMPTS", tmp_path)
    for file in PROMPTS.glob("*.txt"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert prompt_hash.__wrapped__() == prompt_hash()
    file = tmp_path / "faithfulness.txt"
    file.write_text(file.read_text().replace("alone", "mostly", 1))
    assert prompt_hash.__wrapped__() != prompt_hash()


def test_every_prompt_is_used_and_shows_its_reply_as_json() -> None:
    assert {file.stem for file in PROMPTS.glob("*.txt")} == {
        "statements", "faithfulness", "questions", "context_precision", "context_recall",
    }  # fmt: skip
    for file in PROMPTS.glob("*.txt"):
        shown = [line for line in rendered(file.stem).splitlines() if line.startswith("{") and line != "{}"]
        assert shown, file
        json.loads(shown[0])
