"""What all forms of the report say alike: layers, verdicts and figures in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from assay.evaluation.gate.decision import GateDecision
from assay.evaluation.gate.findings import Finding, Verdict
from assay.evaluation.gate.judge_admissibility import LAYERS
from assay.evaluation.gate.metric_rows import MetricRow

SMOKE = "SMOKE"
SMOKE_SAID = (
    "SMOKE: the questions were made from the documents' own headings. That a passage is found by its heading shows that the "
    "pipeline works; it says nothing of the questions that people ask."
)
MEANINGS: dict[Verdict, str] = {
    "PASS": "Every step that could speak let it pass; it may be promoted.",
    "FAIL": "A step proved harm; it may not serve, and what serves goes on serving.",
    "INCONCLUSIVE": "It cannot be told; that is never green, and what serves goes on serving.",
}
_SKIPPED = {
    1: "No deterministic rule was looked at: nothing says that citations and quotes hold.",
    2: "No heuristic metric was scored: nothing says how good search and answers are.",
    3: "No judge was asked, and nothing stands in for it.",
    4: "No human labels were used: a judge, where there is one, only advises.",
}


@dataclass(frozen=True)
class LayerLine:
    """A layer of the evaluation: what it is called, how it stands in one word, and a sentence where there is one to say."""

    number: int
    name: str
    status: str
    said: str


def layer_lines(layers: Mapping[int, str]) -> list[LayerLine]:
    """The layers that `layers` names, by number; a skipped one without a reason gets words all the same."""
    lines: list[LayerLine] = []
    for number, given in sorted(layers.items()):
        status, _, said = (part.strip() for part in given.partition(":"))
        if status == "SKIPPED" and not said:
            said = _SKIPPED.get(number, "It was skipped.")
        lines.append(LayerLine(number, LAYERS.get(number, ""), status, said))
    return lines


def deciding_finding(decision: GateDecision) -> Finding | None:
    """The first finding of the rule that decided; None for a PASS."""
    wanted = (decision.decided_by, decision.verdict)
    return next((one for one in decision.findings if (one.rule, one.outcome) == wanted), None)


def slice_findings(decision: GateDecision) -> list[Finding]:
    """What the gate says of slices: step 5, and coverage where it is about one."""
    return [one for one in decision.findings if one.rule == "slices" or one.slice is not None]


def coverage(row: MetricRow) -> str:
    """Such as `196/200 (98.0%)`; cut and never rounded up, so that 199.9 of 200 is not 100%."""
    return f"{row.n}/{row.expected} ({int(row.coverage * 1000) / 10:.1f}%)" if row.expected else "0/0"


def mean(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def change(row: MetricRow) -> str:
    """The difference with its bounds, such as `+0.004 [-0.012, +0.021]`."""
    if row.difference is None or row.lower is None or row.upper is None:
        return "–"
    return f"{row.difference:+.3f} [{row.lower:+.3f}, {row.upper:+.3f}]"
