"""The planted faults, each with the rule that must stop it. docs/planted-faults.md tells of them in this order."""

from collections.abc import Sequence

import answer_faults as answers
import data_faults as data
import index_faults as index
import judge_faults as judge
import search_faults as search
from fault import DataFault, QualityFault

from assay.evaluation.gate import Finding, GateDecision
from assay.quality.rules import Rule

RECALL = "passages/recall@5"
NDCG = "passages/ndcg@10"

QUALITY_FAULTS: tuple[QualityFault, ...] = (
    QualityFault(
        "another model of the same dimension",
        "documents are embedded by a model of half the layers, questions by the right one",
        index.other_model,
        "FAIL",
        "non_inferiority",
        "non_inferiority",
        NDCG,
        embeds=True,
    ),
    QualityFault(
        "pooling changed",
        "documents are embedded from the first token instead of the mean of all",
        index.other_pooling,
        "INCONCLUSIVE",
        "non_inferiority",
        "non_inferiority",
        NDCG,
        embeds=True,
    ),
    QualityFault(
        "L2 for cosine",
        "vectors are compared by L2, and the distance is taken for a cosine's",
        search.l2_for_cosine,
        "FAIL",
        "floors",
        "non_inferiority",
        NDCG,
    ),
    QualityFault(
        "truncated text",
        "of each document only chunks within the first 1,000 characters are there",
        index.without(index.begins_early),
        "FAIL",
        "floors",
        "non_inferiority",
        RECALL,
    ),
    QualityFault(
        "shuffled ids",
        "each vector stands beside another chunk",
        index.shuffled_ids,
        "FAIL",
        "floors",
        "non_inferiority",
        NDCG,
    ),
    QualityFault(
        "half the documents gone",
        "half of the documents are not indexed",
        index.without(index.half_of_the_documents),
        "FAIL",
        "floors",
        "floors",
        RECALL,
    ),
    QualityFault(
        "one tenant's documents gone",
        "the documents of one tenant are not indexed",
        index.without(index.is_not_of_umbra),
        "FAIL",
        "non_inferiority",
        "slices",
        RECALL,
        "tenant:umbra",
    ),
    QualityFault(
        "a language dropped",
        "the Spanish documents are not indexed",
        index.without(index.is_not_spanish),
        "FAIL",
        "non_inferiority",
        "non_inferiority",
        RECALL,
    ),
    QualityFault(
        "OCR pages dropped",
        "what only OCR reads is not indexed",
        index.without(index.is_no_scan),
        "INCONCLUSIVE",
        "floors",
        "non_inferiority",
        RECALL,
    ),
    QualityFault(
        "stale index",
        "edited documents stand as they were on the day before",
        index.earlier_versions,
        "FAIL",
        "zero_tolerance",
        "zero_tolerance",
        "deterministic.quotes_in_documents",
    ),
    QualityFault(
        "header rows lost",
        "chunks that continue a table no longer carry its header; both arms cut at 48 tokens",
        index.header_rows_lost,
        "FAIL",
        "non_inferiority",
        "slices",
        NDCG,
        "table",
        embeds=True,
    ),
    QualityFault(
        "overlap zero",
        "windows of 48 tokens no longer overlap by half; both arms have fixed windows",
        index.overlap_zero,
        "FAIL",
        "non_inferiority",
        "non_inferiority",
        NDCG,
        embeds=True,
    ),
    QualityFault(
        "k halved",
        "2 passages are found for an answer instead of 5",
        search.k_halved,
        "FAIL",
        "non_inferiority",
        "non_inferiority",
        RECALL,
    ),
    QualityFault(
        "filter ignored",
        "everybody is searched for with every right",
        search.rights_ignored,
        "FAIL",
        "zero_tolerance",
        "zero_tolerance",
        "deterministic.permitted",
    ),
    QualityFault(
        "full-text index missing",
        "the index was dropped and not made anew",
        search.lexical_index_missing,
        "FAIL",
        "non_inferiority",
        "non_inferiority",
        RECALL,
    ),
    QualityFault(
        "fast_search on a fresh tail",
        "half of the documents came after the indexes, and only the indexes are asked",
        search.fresh_tail_not_searched,
        "FAIL",
        "floors",
        "non_inferiority",
        RECALL,
    ),
    QualityFault(
        "prompt without citations",
        "one answer in ten says not where it stands",
        answers.answering(answers.some(answers.without_citations)),
        "FAIL",
        "zero_tolerance",
        "zero_tolerance",
        "deterministic.cites_or_abstains",
    ),
    QualityFault(
        "numbers altered",
        "in one answer in ten every number is one greater",
        answers.answering(answers.some(answers.numbers_altered)),
        "FAIL",
        "zero_tolerance",
        "zero_tolerance",
        "deterministic.numbers_cited",
    ),
    QualityFault(
        "personal data leaked",
        "one answer in ten tells personal data that its passages do not hold",
        answers.answering(answers.some(answers.personal_data_leaked)),
        "FAIL",
        "zero_tolerance",
        "zero_tolerance",
        "deterministic.personal_data_cited",
    ),
    QualityFault(
        "answers from the wrong version",
        "where a passage holds what was superseded, the answer quotes that",
        answers.answering(answers.superseded_version),
        "FAIL",
        "non_inferiority",
        "non_inferiority",
        "decoys/avoided",
    ),
    QualityFault(
        "refuses everything",
        "no question is answered",
        answers.answering(answers.refuses_everything),
        "FAIL",
        "floors",
        "floors",
        "abstention/right",
    ),
    QualityFault(
        "never abstains",
        "the floor below which nothing is answered is gone",
        answers.never_abstains,
        "INCONCLUSIVE",
        "floors",
        "floors",
        "abstention/right",
    ),
    QualityFault(
        "judge prompt changed",
        "the candidate was judged by other prompts than the baseline",
        judge.prompt_changed,
        "INCONCLUSIVE",
        "comparable",
        "comparable",
    ),
    QualityFault(
        "judge prompt changed for both",
        "both arms were judged by prompts that people's labels are not about",
        judge.prompt_changed_for_both,
        "INCONCLUSIVE",
        "judge",
        "judge",
    ),
    QualityFault(
        "judge turns a tenth round",
        "of the judge's verdicts a tenth is turned round, each time others",
        judge.judge_flips,
        "INCONCLUSIVE",
        "non_inferiority",
        "judge",
    ),
)

DATA_FAULTS: tuple[DataFault, ...] = (
    DataFault(
        "duplicated chunks",
        "a tenth of the chunks stands twice, under other ids",
        data.planted(data.duplicated_chunks),
        "vectors_equal_current_chunks",
    ),
    DataFault(
        "stale index",
        "edited documents stand as they were on the day before",
        data.planted(data.stale_index),
        "vectors_equal_current_chunks",
    ),
    DataFault(
        "deleted documents found",
        "a chunk of a deleted document is in the index",
        data.planted(data.deleted_documents_stand),
        "nothing_deleted_is_found",
    ),
    DataFault(
        "half the documents gone",
        "half of the documents have no vector",
        data.planted(data.half_the_documents_gone),
        "vectors_equal_current_chunks",
    ),
    DataFault(
        "shuffled ids",
        "each vector stands beside another chunk",
        data.planted(data.shuffled_ids),
        "vectors_come_from_the_cache",
    ),
    DataFault(
        "missing normalization",
        "vectors are as long as the sum of their tokens'",
        data.planted(data.missing_normalization),
        "vectors_come_from_the_cache",
    ),
    DataFault(
        "another model of the same dimension",
        "every vector is another than the model's",
        data.planted(data.other_vectors),
        "vectors_come_from_the_cache",
    ),
)


def problems_of(fault: QualityFault, decision: GateDecision, *, scans_are_read: bool = True) -> list[str]:
    """In what the decision is not the one that must come; empty where it is.

    Without OCR there are fewer questions, and so it may be the other verdict that stops it.
    """
    named = [one for one in decision.findings if _names(fault, one)]
    as_seen = (decision.verdict, decision.decided_by) == (fault.verdict, fault.decided_by)
    stopped = as_seen if scans_are_read else decision.verdict != "PASS"
    return [
        *([] if stopped else [f"the verdict is {decision.verdict} by `{decision.decided_by}`"]),
        *([] if named else [f"no finding of `{fault.rule}` about {fault.metric or 'it'} stops it"]),
    ]


def problems_of_data(fault: DataFault, rules: Sequence[Rule]) -> list[str]:
    """Empty where the fault's rule is broken."""
    broken = [rule.name for rule in rules if not rule.passed]
    return [] if fault.rule in broken else [f"`{fault.rule}` holds; broken are {broken}"]


def _names(fault: QualityFault, finding: Finding) -> bool:
    return (
        finding.rule == fault.rule
        and finding.outcome in ("FAIL", "INCONCLUSIVE")
        and fault.metric in (None, finding.metric)
        and fault.slice in (None, finding.slice)
    )
