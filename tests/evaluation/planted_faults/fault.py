"""What a planted fault is, and what was seen of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sample_release import Sample

from assay.evaluation.gate import GateDecision
from assay.evaluation.release_evaluation import ReleaseEvaluation
from assay.quality.rules import Rule

Verdict = Literal["FAIL", "INCONCLUSIVE"]


@dataclass(frozen=True)
class Bench:
    """What faults are planted in: the sample, its sound release, and a folder of the fault's own."""

    sample: Sample
    baseline: ReleaseEvaluation
    folder: Path


@dataclass(frozen=True)
class QualityFault:
    """A fault that the four-layer gate must stop, by a finding of `rule` about `metric` and `slice`, where they are named.

    `plant` gives the gate's decision on a candidate that has it. `decided_by`: the first rule that could decide. `embeds`: it
    embeds all documents anew, which takes half a minute of CPU and more.
    """

    name: str
    what: str
    plant: Callable[[Bench], GateDecision]
    verdict: Verdict
    decided_by: str
    rule: str
    metric: str | None = None
    slice: str | None = None
    embeds: bool = False


@dataclass(frozen=True)
class DataFault:
    """A fault that a rule on the data must stop before anything is asked: one of the fast gate.

    `plant` changes a copy of a home in which the sound release serves, and gives all rules as they are judged then.
    """

    name: str
    what: str
    plant: Callable[[Bench], tuple[Rule, ...]]
    rule: str
