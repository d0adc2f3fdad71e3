"""What one answered golden question scores under every metric. A name is a formula and never changes its meaning.

Each item has a score or a status that says why it has none; no item is left out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assay.answering.answer import Answer
from assay.evaluation import answer_rules, passage_metrics, text_overlap
from assay.evaluation.bleu import sentence_bleu
from assay.evaluation.current_documents import CurrentDocument
from assay.evaluation.gate.item_scores import ItemScore, Status
from assay.evaluation.golden_questions import GoldenPlace, GoldenQuestion
from assay.evaluation.judge import RAGAS_METRICS, JudgedItem
from assay.evaluation.proxies import Embed, proxy_scores
from assay.retrieval.hits import Hit

# A score, or why there is none.
Scored = float | Status

RULES: Mapping[str, Callable[["Asked"], bool]] = {
    "deterministic.schema_valid": lambda one: answer_rules.schema_valid(one.question, one.answer),
    "deterministic.cites_or_abstains": lambda one: answer_rules.cites_or_abstains(one.answer, one.read),
    "deterministic.citations_retrieved": lambda one: answer_rules.citations_retrieved(one.answer, one.read),
    "deterministic.quotes_in_chunks": lambda one: answer_rules.quotes_in_chunks(one.answer, one.read),
    "deterministic.numbers_cited": lambda one: answer_rules.numbers_cited(one.answer, one.read),
    "deterministic.personal_data_cited": lambda one: answer_rules.personal_data_cited(one.answer, one.read),
    "deterministic.nothing_banned": lambda one: answer_rules.nothing_banned(one.answer),
}
# These need the documents; without them they are skipped.
DOCUMENT_RULES: Mapping[str, Callable[["Asked", Mapping[str, CurrentDocument]], bool]] = {
    "deterministic.quotes_in_documents": lambda one, documents: answer_rules.quotes_in_documents(one.answer, documents),
    "deterministic.permitted": lambda one, documents: answer_rules.permitted(
        one.question, one.answer, one.hits, documents
    ),
}
PASSAGE_METRICS: Mapping[str, Callable[[Sequence[int | None]], float]] = {
    "passages/ndcg@10": lambda ranks: passage_metrics.ndcg_at(ranks, 10),
    "passages/recall@5": lambda ranks: passage_metrics.recall_at(ranks, 5),
    "passages/recall@10": lambda ranks: passage_metrics.recall_at(ranks, 10),
    "passages/reciprocal_rank": passage_metrics.reciprocal_rank,
    "passages/average_precision": passage_metrics.average_precision,
}
OVERLAP_METRICS: Mapping[str, Callable[[str, str], float]] = {
    "squad-1.1/token_f1": text_overlap.token_f1,
    "sacrebleu/bleu": sentence_bleu,
    "rouge-l/f1": text_overlap.rouge_l,
    "similarity/ratio": text_overlap.similarity,
}
ABSTENTION = "abstention/right"
DECOYS = "decoys/avoided"
PROXIES = ("proxy.support", "proxy.unigram_overlap")
METRICS = (*RULES, *DOCUMENT_RULES, *PASSAGE_METRICS, *OVERLAP_METRICS, ABSTENTION, DECOYS, *PROXIES)


@dataclass(frozen=True)
class Asked:
    """A golden question as a release answered it, from the first `passages` of the hits.

    `search_ms`: what the search took, embedding the question aside.
    """

    question: GoldenQuestion
    hits: tuple[Hit, ...]
    answer: Answer
    search_ms: float
    passages: int = passage_metrics.RANKING_DEPTH

    @property
    def read(self) -> tuple[Hit, ...]:
        """The hits that the answerer was given."""
        return self.hits[: self.passages]


def golden_scores(asked: Asked, documents: Mapping[str, CurrentDocument] | None) -> tuple[ItemScore, ...]:
    """Every metric of one question. `documents`: those that the answer or a hit names and that are current."""
    return tuple(item_score(asked.question, metric, scored) for metric, scored in _scored(asked, documents))


def proxies_of(asked: Asked, embed: Embed) -> tuple[ItemScore, ...]:
    """The `proxy.*` metrics of one question; an abstention claims nothing."""
    found = proxy_scores(asked.answer.text, [hit.text for hit in asked.read], embed)
    missing: Status = "NOT_APPLICABLE(abstained)" if asked.answer.abstained else "NOT_APPLICABLE(no_claims)"
    return tuple(item_score(asked.question, metric, found.get(metric, missing)) for metric in PROXIES)


def judged_item(asked: Asked) -> JudgedItem:
    """The question as a judge is shown it."""
    question = asked.question
    return JudgedItem(
        item_id=question.id,
        cluster=question.cluster,
        slices=question.slices,
        question=question.question,
        answer=asked.answer.text,
        contexts=tuple(hit.text for hit in asked.read),
        reference=question.reference_answer,
        abstained=asked.answer.abstained,
    )


def not_applicable(question: GoldenQuestion, has_judge: bool) -> tuple[ItemScore, ...]:
    """Every metric of a question that cannot be asked here."""
    judged: Status = "NOT_APPLICABLE" if has_judge else "SKIPPED"
    return (
        *(item_score(question, metric, "NOT_APPLICABLE") for metric in METRICS),
        *(item_score(question, metric, judged) for metric in RAGAS_METRICS),
    )


def item_score(question: GoldenQuestion, metric: str, scored: Scored) -> ItemScore:
    """One score of the question, or the status that stands for it."""
    score, status = (None, scored) if isinstance(scored, str) else (scored, "OK")
    return ItemScore(question.id, question.cluster, metric, score, status, question.slices)


def avoids_decoys(asked: Asked) -> bool:
    """`decoys/avoided`: no citation shares half of its characters, or half of the decoy's, with a decoy."""
    return not any(_rests_on(citation, decoy) for citation in asked.answer.citations for decoy in asked.question.decoys)


def _rests_on(citation: passage_metrics.Span, decoy: GoldenPlace) -> bool:
    if not decoy.stands or citation.document_id != decoy.document_id:
        return False
    shorter = min(citation.end - citation.start, decoy.end - decoy.start)
    return passage_metrics.overlap(citation, decoy) >= passage_metrics.COVERED_SHARE * shorter


def _scored(asked: Asked, documents: Mapping[str, CurrentDocument] | None) -> Iterator[tuple[str, Scored]]:
    question, answer = asked.question, asked.answer
    for metric, rule in RULES.items():
        yield metric, float(rule(asked))
    for metric, document_rule in DOCUMENT_RULES.items():
        yield metric, "SKIPPED" if documents is None else float(document_rule(asked, documents))
    ranks = passage_metrics.first_covered([hit.places for hit in asked.hits], question.passages)
    for metric, of_ranks in PASSAGE_METRICS.items():
        yield metric, of_ranks(ranks) if question.answerable else "NOT_APPLICABLE"
    for metric, of_texts in OVERLAP_METRICS.items():
        yield (
            metric,
            "NOT_APPLICABLE" if question.reference_answer is None else of_texts(answer.text, question.reference_answer),
        )
    yield ABSTENTION, float(answer.abstained is not question.answerable)
    yield DECOYS, float(avoids_decoys(asked)) if question.decoys else "NOT_APPLICABLE"
