"""The four metrics that RAGAS 0.4 calls faithfulness, answer relevancy, context precision and context recall.

The formulas are its own (https://github.com/explodinggradients/ragas, `metrics/collections` of 0.4), and so the ids say
`ragas-0.4/`: other tools give the same names to other numbers. The prompts are ours. What differs on purpose: a statement
and its verdict belong together by an index, so that a verdict that is missing or doubled is an ERROR and no smaller
denominator; and an item without a claim, or without a reference, has a status and no NaN.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from assay.documents.chunking.cuts import sentence_ends
from assay.errors import JudgeError
from assay.evaluation.gate.item_scores import Status
from assay.evaluation.judge.interface import Embed, Judge, JudgedItem
from assay.evaluation.judge.prompt_files import rendered
from assay.evaluation.judge.replies import bit_of, indexed_in, texts_in, verdict_in, verdicts_in

FAITHFULNESS = "ragas-0.4/faithfulness"
ANSWER_RELEVANCY = "ragas-0.4/answer_relevancy"
CONTEXT_PRECISION = "ragas-0.4/context_precision"
CONTEXT_RECALL = "ragas-0.4/context_recall"
RAGAS_METRICS = (FAITHFULNESS, ANSWER_RELEVANCY, CONTEXT_PRECISION, CONTEXT_RECALL)

# RAGAS calls it strictness. It asks three times for one question; at temperature 0 that is thrice the same one.
QUESTIONS = 3
# In RAGAS's denominator, which makes a perfect ranking .9999999999.
_EPSILON = 1e-10
_ERROR_STATUS: dict[str, Status] = {
    "parse": "ERROR(parse)",
    "timeout": "ERROR(timeout)",
    "rate": "ERROR(rate)",
    "refused": "ERROR(refused)",
}


@dataclass(frozen=True)
class Judgement:
    """What a judge made of an item under one metric. `score` is None unless `status` is OK."""

    score: float | None
    status: Status = "OK"


NO_CLAIMS = Judgement(None, "NOT_APPLICABLE(no_claims)")
ABSTAINED = Judgement(None, "NOT_APPLICABLE(abstained)")


def judged(judge: Judge, item: JudgedItem, metric: str, embed: Embed) -> Judgement:
    """One metric of one item; what went wrong is its status. Raises ConfigurationError where no item can be judged."""
    scorers: dict[str, Callable[[Judge, JudgedItem], Judgement]] = {
        FAITHFULNESS: faithfulness,
        ANSWER_RELEVANCY: partial(answer_relevancy, embed=embed),
        CONTEXT_PRECISION: context_precision,
        CONTEXT_RECALL: context_recall,
    }
    try:
        return scorers[metric](judge, item)
    except JudgeError as error:
        return Judgement(None, _ERROR_STATUS[error.kind])


def faithfulness(judge: Judge, item: JudgedItem) -> Judgement:
    """Supported statements / statements of the answer. Raises JudgeError."""
    if item.abstained:
        return ABSTAINED
    prompt = rendered("statements", question=item.question, answer=item.answer)
    statements = texts_in(judge.complete(prompt), "statements")
    if not statements:
        return NO_CLAIMS
    prompt = rendered("faithfulness", passages=item.contexts, statements=_numbered("statement", statements))
    verdicts = verdicts_in(judge.complete(prompt), len(statements))
    return Judgement(sum(verdicts) / len(verdicts))


def answer_relevancy(judge: Judge, item: JudgedItem, *, embed: Embed) -> Judgement:
    """Mean cosine of the question and three made from the answer; 0 where the answer commits itself in none of them."""
    if item.abstained:
        return ABSTAINED
    found = indexed_in(judge.complete(rendered("questions", answer=item.answer)), "questions", QUESTIONS)
    questions = [one.get("question") for one in found]
    evasive = [bit_of(one, "noncommittal") for one in found]
    texts = [text for text in questions if isinstance(text, str) and text.strip()]
    if len(texts) != QUESTIONS:
        raise JudgeError("parse", f"{QUESTIONS - len(texts)} of the {QUESTIONS} questions are no text")
    if all(evasive):
        return Judgement(0.0)
    return Judgement(_mean_cosine(np.asarray(embed([item.question, *texts]), dtype=np.float64)))


def context_precision(judge: Judge, item: JudgedItem) -> Judgement:
    """Average precision of the passages by one verdict each: were they of use for the reference answer? Raises JudgeError."""
    if item.reference is None:
        return NO_CLAIMS
    verdicts = [
        verdict_in(
            judge.complete(
                rendered("context_precision", question=item.question, passage=passage, answer=item.reference)
            )
        )
        for passage in item.contexts
    ]
    return Judgement(average_precision(verdicts))


def context_recall(judge: Judge, item: JudgedItem) -> Judgement:
    """Sentences of the reference answer that the passages hold / its sentences. Raises JudgeError."""
    sentences = _sentences(item.reference or "")
    if not sentences:
        return NO_CLAIMS
    prompt = rendered(
        "context_recall", question=item.question, passages=item.contexts, sentences=_numbered("sentence", sentences)
    )
    verdicts = verdicts_in(judge.complete(prompt), len(sentences))
    return Judgement(sum(verdicts) / len(verdicts))


def average_precision(verdicts: Sequence[int]) -> float:
    """sum_k(precision@k x v_k) / (sum v + 1e-10), for verdicts in the order of the ranking; 0 without any passage."""
    precisions = (sum(verdicts[:rank]) / rank * verdicts[rank - 1] for rank in range(1, len(verdicts) + 1))
    return sum(precisions) / (sum(verdicts) + _EPSILON)


def _mean_cosine(vectors: NDArray[np.float64]) -> float:
    """Of the first row with each of the others."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return float((units[1:] @ units[0]).mean())


def _numbered(name: str, texts: Sequence[str]) -> list[dict[str, object]]:
    return [{"index": index, name: text} for index, text in enumerate(texts, start=1)]


def _sentences(text: str) -> list[str]:
    """By the rule that chunks are cut by, so that both arms are judged on the same sentences."""
    ends = [0, *sentence_ends(text, 1, len(text)), len(text)]
    return [found for start, end in pairwise(ends) if (found := text[start:end].strip())]
