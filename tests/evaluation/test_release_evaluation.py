"""A real release asked real questions: through its index, its search and its answerer, as those who ask may see."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from document_runs import Pipeline, day, put, stand_ins

from assay.answering import open_answerer
from assay.errors import ModelError
from assay.evaluation.gate import compare, read_item_scores
from assay.evaluation.golden_scores import METRICS
from assay.evaluation.golden_set import golden_set_for
from assay.evaluation.judge import RAGAS_METRICS
from assay.evaluation.release_evaluation import asker, evaluate_release
from assay.releases.measured_release import score_lines
from assay.retrieval.configurations import configured_release
from assay.retrieval.search import Searcher
from assay.settings import PathRule, SourceSettings

REFUND = "A refund of a subscription costs twelve hundred units of credit."
SECRET = "The secret surcharge of a subscription is ninety units of credit."
FILES = {
    "fees.md": f"# Fees\n\n## Refunds\n\n{REFUND} It is paid back within a day to whoever paid before.\n",
    "secret/surcharge.md": f"# Surcharge\n\n## Secret surcharge\n\n{SECRET} Nobody outside may know of it at all.\n",
}
RULES = (PathRule(pattern="secret/**", tenant="blue", allowed_principals=("tenant:blue",)),)


def line(name, question, quote=None, document_id="docs:fees.md", principals=("public",)):
    passages = [{"document_id": document_id, "quote": quote}] if quote else []
    return {
        "id": name,
        "question": question,
        "kind": "direct",
        "answerable": bool(quote),
        "principals": list(principals),
        "slices": [principals[-1]],
        "reference_answer": quote,
        "passages": passages,
    }


QUESTIONS = [
    line("refund", "What does a refund of a subscription cost, in units of credit?", REFUND),
    line("secret", "What is the secret surcharge of a subscription?", SECRET, "docs:secret/surcharge.md", ("public", "tenant:blue")),
    line("hidden", "What is the secret surcharge of a subscription?"),
    line("nowhere", "Elephants and lighthouses?"),
    line("unread", "What does the scan say?", "Words of a scan", "docs:scan.png"),
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A release of the two documents, and golden questions about them."""
    folder = tmp_path_factory.mktemp("released")
    put(folder / "inbox" / "2026-11-01", FILES)
    questions = folder / "questions.jsonl"
    questions.write_text("\n".join(map(json.dumps, QUESTIONS)), "utf-8")
    source = SourceSettings(name="docs", uri=f"{folder}/inbox/{{day}}")
    with stand_ins():
        home = Pipeline.at(folder / "home", source, golden_questions=questions, answer_passages=2)
        Pipeline(home.settings, {day(1): RULES}).run(day(1))
        yield home


def evaluated(home, **options):
    golden, _ = golden_set_for(home.workspace())
    searcher, embedder = Searcher.open(home.settings), home.embedder()
    ask = asker(searcher, open_answerer(home.settings, embedder), configured_release(home.settings), embedder)
    return evaluate_release(golden, ask, embedder=embedder, **options)


def test_a_release_is_asked_as_those_who_may_see(home, tmp_path):
    found = evaluated(home, unavailable=["docs:scan.png"])
    assert [one.question.id for one in found.asked] == ["refund", "secret", "hidden", "nowhere"]
    by = {(one.item_id, one.metric): one for one in found.scores}
    assert by.keys() == {(one["id"], metric) for one in QUESTIONS for metric in (*METRICS, *RAGAS_METRICS)}
    for item in ("refund", "secret"):
        assert by[item, "passages/recall@10"].score == by[item, "passages/reciprocal_rank"].score == 1
    assert by["hidden", "passages/recall@10"].status == "NOT_APPLICABLE"
    assert {by["unread", metric].status for metric in METRICS} == {"NOT_APPLICABLE"}
    rules = {one.score for one in found.scores if one.metric.startswith("deterministic.") and one.item_id != "unread"}
    assert rules == {1}
    shown = {hit.document_id for one in found.asked if one.question.id == "hidden" for hit in one.hits}
    assert shown == {"docs:fees.md"}
    assert by["refund", "ragas-0.4/faithfulness"].status == "SKIPPED"
    assert by["refund", "passages/recall@10"].cluster == "docs:fees.md"
    assert 0 < found.operations.p95_ms <= found.operations.p99_ms
    assert found.operations.usd_per_1k_queries is None
    # What is written can be read and compared: the same release is no worse than itself, and five items prove nothing.
    path = tmp_path / "scores.jsonl"
    path.write_text(score_lines(found.scores))
    decision = compare(read_item_scores(path), found.scores)
    assert decision.verdict == "INCONCLUSIVE"
    assert "zero_tolerance" not in decision.reasons


def test_a_document_that_could_be_read_and_is_gone_is_a_miss(home):
    found = evaluated(home)
    by = {(one.item_id, one.metric): one for one in found.scores}
    assert by["unread", "passages/recall@10"].score == 0
    assert len(found.asked) == len(QUESTIONS)


def test_a_hit_that_the_lake_no_longer_permits_breaks_a_rule(home, tmp_path):
    """What the index shows is checked against the lake, not against the filter of the index."""
    shutil.copytree(home.settings.home, tmp_path / "home")
    copy = Pipeline(home.settings.model_copy(update={"home": tmp_path / "home"}))
    golden, _ = golden_set_for(copy.workspace())
    asked_before = {one.question.id: one for one in evaluated(copy).asked}
    narrowed = (PathRule(pattern="**", tenant="blue", allowed_principals=("tenant:blue",)),)
    put(Path(copy.settings.sources[0].uri.replace("{day}", "2026-11-02")), FILES)
    Pipeline(copy.settings, {day(2): narrowed}).run(day(2), through="chunks")
    found = evaluate_release(golden, lambda one: asked_before[one.id], embedder=copy.embedder())
    permitted = {one.item_id: one.score for one in found.scores if one.metric == "deterministic.permitted"}
    assert (permitted["refund"], permitted["secret"]) == (0, 1)


def test_another_model_than_the_releases_is_refused(home):
    embedder = home.embedder()
    other = replace(configured_release(home.settings), fingerprint="0" * 64)
    with pytest.raises(ModelError, match="asked by another model"):
        asker(Searcher.open(home.settings), open_answerer(home.settings, embedder), other, embedder)


def test_a_set_without_questions_is_evaluated_to_nothing(home):
    """Documents without a heading give no smoke question; their release is not stopped by that."""
    golden, _ = golden_set_for(home.workspace())
    assert home.embedder().embed([], kind="query").computed == 0
    found = evaluate_release(replace(golden, questions=()), pytest.fail, embedder=home.embedder())
    assert (found.scores, found.asked, found.operations.p95_ms) == ((), (), None)
