"""What one answered question scores: every metric has a score or a status, and refusing everything does not win."""

import numpy as np
import pytest
from golden_items import DOCUMENT, QUOTE, TEXT, WHOLE, abstention, answer, asked, citation, hit, place_of, question

from assay.evaluation.current_documents import CurrentDocument
from assay.evaluation.gate import ItemScore
from assay.evaluation.golden_scores import (
    METRICS,
    avoids_decoys,
    golden_scores,
    judged_item,
    not_applicable,
    proxies_of,
)
from assay.evaluation.judge import RAGAS_METRICS
from assay.evaluation.metric_summaries import abstention_summary, metric_summaries

DOCUMENTS = {DOCUMENT: CurrentDocument(TEXT, ("public",))}
FREE = "A transfer is free of charge."


def scores_of(one, documents=DOCUMENTS):
    found = golden_scores(one, documents)
    assert len({score.metric for score in found}) == len(found)
    return {score.metric: score.score if score.status == "OK" else score.status for score in found}


def test_a_right_answer_scores_the_best_everywhere():
    found = scores_of(asked(answer("1,200 units.")))
    assert {name for name, score in found.items() if score not in (1, "NOT_APPLICABLE")} == set()
    assert found["decoys/avoided"] == "NOT_APPLICABLE"
    assert found["squad-1.1/token_f1"] == 1


def test_an_abstention_where_there_is_an_answer_loses_what_the_answer_would_have_won():
    found = scores_of(asked(abstention()))
    assert found["abstention/right"] == found["squad-1.1/token_f1"] == found["rouge-l/f1"] == 0
    assert found["passages/recall@10"] == 1  # the passage was found all the same
    assert all(score == 1 for name, score in found.items() if name.startswith("deterministic."))


def test_an_answer_where_there_is_none_is_wrong_and_has_no_passages_to_find():
    unanswerable = question(answerable=False)
    assert scores_of(asked(abstention(), of=unanswerable))["abstention/right"] == 1
    found = scores_of(asked(answer(), of=unanswerable))
    assert found["abstention/right"] == 0
    assert {found[name] for name in found if name.startswith("passages/")} == {"NOT_APPLICABLE"}
    assert found["squad-1.1/token_f1"] == "NOT_APPLICABLE"


def test_rules_that_need_documents_are_skipped_without_them_and_not_passed():
    found = scores_of(asked(answer()), documents=None)
    assert found["deterministic.permitted"] == found["deterministic.quotes_in_documents"] == "SKIPPED"
    assert scores_of(asked(answer()), documents={})["deterministic.permitted"] == 0


def test_a_passage_that_vanished_counts_as_a_miss():
    gone = question((place_of(QUOTE, stands=False),))
    found = scores_of(asked(answer(), of=gone))
    assert found["passages/recall@10"] == found["passages/ndcg@10"] == 0


def test_only_the_hits_that_the_answerer_read_can_be_cited():
    first = hit(0, 8, chunk_id="c0")
    one = asked(answer(), first, WHOLE)
    assert scores_of(one)["deterministic.citations_retrieved"] == 1
    short = type(one)(one.question, one.hits, one.answer, one.search_ms, passages=1)
    assert scores_of(short)["deterministic.citations_retrieved"] == 0
    assert scores_of(short)["passages/recall@10"] == 1  # the ranking is looked at further down than the answerer reads


@pytest.mark.parametrize(
    ("decoy", "avoided"),
    [
        (place_of(QUOTE), False),
        (place_of("A refund costs 1,200 units. Write to ada@example.com about it."), False),
        (place_of("units."), False),
        (place_of(FREE), True),
        (place_of(QUOTE, stands=False), True),
        (place_of(QUOTE, "docs:other.md"), True),
    ],
)
def test_an_answer_rests_on_a_decoy_by_half_of_the_shorter_of_both(decoy, avoided):
    one = asked(answer(), of=question(decoys=[decoy]))
    assert avoids_decoys(one) is avoided
    assert scores_of(one)["decoys/avoided"] == avoided
    assert avoids_decoys(asked(abstention(), of=one.question))


def test_an_abstention_claims_nothing_that_a_proxy_could_look_at():
    def embed(texts):
        return np.ones((len(texts), 1), np.float32)

    assert {one.status for one in proxies_of(asked(abstention()), embed)} == {"NOT_APPLICABLE(abstained)"}
    assert {one.status for one in proxies_of(asked(answer()), embed)} == {"OK"}


def test_a_judge_is_shown_what_the_answerer_read():
    one = asked(answer(), hit(0, 8, chunk_id="c0"), WHOLE)
    item = judged_item(type(one)(one.question, one.hits, one.answer, one.search_ms, passages=1))
    assert item.contexts == ("# Fees\n\n",)
    assert (item.reference, item.cluster) == ("1,200 units.", DOCUMENT)


def test_a_question_that_cannot_be_asked_has_a_status_under_every_metric():
    found = {one.metric: one.status for one in not_applicable(question(), has_judge=False)}
    assert found.keys() == {*METRICS, *RAGAS_METRICS}
    assert {found[name] for name in METRICS} == {"NOT_APPLICABLE"}
    assert {found[name] for name in RAGAS_METRICS} == {"SKIPPED"}


def test_no_mean_is_told_without_how_many_items_it_is_of():
    scores = [
        ItemScore("a", None, "passages/ndcg@10", 0.5),
        ItemScore("b", None, "passages/ndcg@10", None, "ERROR(timeout)"),
        ItemScore("c", None, "passages/ndcg@10", None, "NOT_APPLICABLE"),
        ItemScore("a", None, "deterministic.permitted", None, "SKIPPED"),
        ItemScore("a", None, "ragas-0.4/faithfulness", 1.0),
        ItemScore("a", None, "proxy.support", 1.0),
    ]
    found = {one.metric: (one.layer, one.mean, one.ok, one.expected) for one in metric_summaries(scores)}
    assert found == {
        "deterministic.permitted": (1, None, 0, 0),
        "passages/ndcg@10": (2, 0.5, 1, 2),
        "proxy.support": (2, 1.0, 1, 1),
        "ragas-0.4/faithfulness": (3, 1.0, 1, 1),
    }


@pytest.mark.parametrize(
    ("abstains", "precision", "recall"),
    [("everything", 0.25, 1.0), ("nothing", None, 0.0), ("rightly", 1.0, 1.0), ("wrongly", 0.0, 0.0)],
)
def test_neither_refusing_everything_nor_answering_everything_wins(abstains, precision, recall):
    questions = [question(question_id=f"q{at}", answerable=at > 0) for at in range(4)]
    chosen = {
        "everything": {0, 1, 2, 3},
        "nothing": set(),
        "rightly": {0},
        "wrongly": {1, 2, 3},
    }[abstains]
    scores = [
        score
        for at, one in enumerate(questions)
        for score in golden_scores(asked(abstention() if at in chosen else answer(), of=one), DOCUMENTS)
    ]
    found = abstention_summary(scores, questions)
    assert (found.precision, found.recall, found.unanswerable) == (precision, recall, 1)


def test_a_citation_of_a_copy_is_no_citation_of_the_decoy():
    copy = answer(QUOTE, citation(document_id="docs:copy.md"))
    assert avoids_decoys(asked(copy, of=question(decoys=[place_of(QUOTE)])))
