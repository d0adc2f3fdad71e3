"""Layer 4: a judge beside people on a sample, and what all its verdicts say once its errors are taken out of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assay.evaluation.calibration.agreement import Agreement, Estimate, agreement, cohen_kappa
from assay.evaluation.calibration.prevalence import Looked, people_mean, ppi_mean, rogan_gladen
from assay.evaluation.calibration.sample_files import Label, Sample
from assay.evaluation.calibration.sampling import PooledAnswer
from assay.evaluation.gate import JudgeEvidence
from assay.evaluation.gate.cluster_means import Codes
from assay.evaluation.judge import FAITHFULNESS, Judge, judge_scores, self_agreement

# The judge says yes where every statement of the answer is supported, which is what people are asked.
SUPPORTED = 1.0
MIN_COMPARED = 2


@dataclass(frozen=True)
class Calibration:
    """What is reported of a judge.

    `labelled`: answers with a yes or no of people; `unsure`: of which a person could not say; `unjudged`: labelled, and the
    judge gave no verdict. `between_people`: kappa of those labelled twice, the most that a judge can reach; None for none.
    `judge_mean`: the plain share of its yes, which is never to be read alone. `ppi`, `corrected` and `people`: that share as
    people would see it, by PPI++, by Rogan and Gladen, and by the labels alone.
    """

    evidence: JudgeEvidence
    agreement: Agreement
    labelled: int
    unsure: int
    unjudged: int
    pool: int
    between_people: Estimate | None
    judge_mean: float
    ppi: Estimate
    corrected: Estimate | None
    people: Estimate

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def judge_verdicts(judge: Judge, answers: Sequence[PooledAnswer]) -> dict[str, bool]:
    """Label id -> whether the judge finds every statement supported; answers it gives no verdict on are not in it."""
    scores = judge_scores(judge, [one.item for one in answers], _no_vectors, metrics=[FAITHFULNESS])
    return {one.item_id: one.score >= SUPPORTED for one in scores if one.score is not None}


def agreement_with_itself(judge: Judge, answers: Sequence[PooledAnswer], seed: int) -> float | None:
    """See `self_agreement`; on faithfulness, which is what is calibrated."""
    return self_agreement(judge, [one.item for one in answers], _no_vectors, metrics=[FAITHFULNESS], seed=seed)


def calibrated(
    judge: str,
    judge_prompt: str,
    sample: Sample,
    labels: Mapping[str, Mapping[str, Label]],
    verdicts: Mapping[str, bool],
    *,
    agrees_with_itself: float | None = None,
) -> Calibration | None:
    """The judge beside the labels; None while fewer than two answers have both a label and a verdict.

    Of an answer with several labels the one that came first counts; nobody knew the judge's verdict when giving it.
    """
    first = {label_id: next(iter(given.values())).label for label_id, given in labels.items()}
    said = {label_id: label == "y" for label_id, label in first.items() if label != "u"}
    compared = [one for one in sample.answers if one.label_id in said and one.label_id in verdicts]
    others = [one for one in sample.answers if one.label_id not in said and one.label_id in verdicts]
    if len(compared) < MIN_COMPARED:
        return None
    codes = _codes([*compared, *others])
    looked = Looked(
        people=np.array([said[one.label_id] for one in compared], dtype=np.float64),
        judge=np.array([verdicts[one.label_id] for one in compared], dtype=np.float64),
        judge_elsewhere=np.array([verdicts[one.label_id] for one in others], dtype=np.float64),
        clusters=codes,
    )
    found = agreement(looked.people, looked.judge, codes[: len(compared)])
    evidence = JudgeEvidence(
        judge=judge,
        judge_prompt=judge_prompt,
        labels=len(compared),
        kappa=found.kappa.value,
        kappa_lower=found.kappa.lower,
        true_positive_rate=found.tpr.value,
        true_negative_rate=found.tnr.value,
        self_agreement=agrees_with_itself,
    )
    return Calibration(
        evidence=evidence,
        agreement=found,
        labelled=len(said),
        unsure=len(first) - len(said),
        unjudged=len(said) - len(compared),
        pool=len(sample.answers),
        between_people=_between_people(sample, labels),
        judge_mean=float(np.concatenate([looked.judge, looked.judge_elsewhere]).mean()),
        ppi=ppi_mean(looked),
        corrected=rogan_gladen(looked),
        people=people_mean(looked),
    )


def _between_people(sample: Sample, labels: Mapping[str, Mapping[str, Label]]) -> Estimate | None:
    """Kappa of the first two people on each answer, where both said yes or no."""
    pairs: list[tuple[bool, bool]] = []
    twice: list[PooledAnswer] = []
    for one in sample.answers:
        given = [label.label for label in labels.get(one.label_id, {}).values()][:2]
        if len(given) == 2 and "u" not in given:
            pairs.append((given[0] == "y", given[1] == "y"))
            twice.append(one)
    if len(pairs) < MIN_COMPARED:
        return None
    first, second = np.array(pairs, dtype=np.float64).T
    return cohen_kappa(first, second, _codes(twice))


def _codes(answers: Sequence[PooledAnswer]) -> Codes:
    names = [one.cluster or one.label_id for one in answers]
    numbers = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([numbers[name] for name in names], dtype=np.int64)


def _no_vectors(_texts: Sequence[str]) -> Any:
    raise AssertionError("faithfulness embeds nothing")
