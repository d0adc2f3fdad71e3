"""Hold judges against human labels on an easy and a hard set, and see which of them may decide.

    python benchmarks/judge_calibration.py [--labels 150] [--seed 0] [--draws 100] [--json]

Both sets come from `ASSAY_SHARED_DATA` (default `../shared/data`). BEGIN is easy: 846 answers of old dialogue models beside the
snippet they were to use. FaithBench is hard: 350 summaries by modern models, each labelled by up to three people, with the
verdicts that GPT-4o, GPT-4-Turbo, GPT-3.5-Turbo, TrueTeacher and HHEM once gave on them. No model is asked here: those recorded
verdicts are what is calibrated, beside a rule that counts words, on both. A calibration takes `--labels` labels, drawn as
`assay eval labels export` draws them, and all verdicts; the full labels say what it should have found. `--draws` samples, by
seeds after `--seed`, say how much hangs on which labels were drawn.
RAGAS' annotated runs and autoevals' CoQA answers are too few for a verdict and are shown for their agreement alone.
Exits 2 where there is no data.
"""

import argparse
import csv
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from assay.evaluation.calibration import calibrated, draw, pool
from assay.evaluation.calibration.agreement import Estimate, agreement, cohen_kappa
from assay.evaluation.calibration.sample_files import Label, sample_of
from assay.evaluation.gate import GateEvidence, GatePolicy
from assay.evaluation.gate.judge_admissibility import inadmissible
from assay.evaluation.judge import JudgedItem

CHECKOUT = Path(__file__).resolve().parents[1]
# Of an answer's distinct words, those that the passage must hold for it to count as supported: set on neither set's labels
# but the share at which a fifth of the words may be glue.
OVERLAP = 0.8
RECORDED = {
    "gpt_4o": "GPT-4o",
    "gpt-4-turbo": "GPT-4-Turbo",
    "gpt-3.5-turbo": "GPT-3.5-Turbo",
    "trueteacher": "TrueTeacher",
}
HHEM = "hhem-2.1-english"


@dataclass(frozen=True)
class Answered:
    """An answer, whether people find it supported, each person's own view where there are several, and recorded verdicts."""

    item: JudgedItem
    supported: bool
    views: Mapping[str, bool]
    verdicts: Mapping[str, bool]


def begin(root: Path) -> list[Answered]:
    """`Fully attributable` is supported; generic answers, which claim nothing, are left out as no claims."""
    found: list[Answered] = []
    for part in ("cmu", "wow"):
        with (root / "begin" / f"begin_dev_{part}.tsv").open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)):
                if row["begin_label"] == "Generic":
                    continue
                item = _item(f"{part}{number}", row["knowledge"], row["message"], row["response"], part)
                found.append(Answered(item, row["begin_label"] == "Fully attributable", {}, {}))
    return found


def faithbench(root: Path) -> list[Answered]:
    """Supported where nobody marked a span as `Unwanted`, as its authors count consistent summaries with benign ones.

    Who marked nothing at all in a summary is not recorded; a batch's annotators are those who marked something in a tenth of
    it, and one of them who marked no span of a summary found none.
    """
    found: list[Answered] = []
    for path in sorted((root / "faithbench").glob("batch_*.json")):
        samples = json.loads(path.read_text(encoding="utf-8"))["samples"]
        marked = [{one["annotator_name"] for one in sample["annotations"]} for sample in samples]
        people = {name for name in set().union(*marked) if sum(name in one for one in marked) >= len(samples) / 10}
        for sample in samples:
            against = {
                one["annotator_name"]
                for one in sample["annotations"]
                if any(label.startswith("Unwanted") for label in one["label"])
            }
            recorded = {shown: bool(sample["metadata"][name]) for name, shown in RECORDED.items()}
            recorded["HHEM-2.1"] = sample["metadata"][HHEM] >= 0.5
            name = f"{path.stem}/{sample['sample_id']}"
            item = _item(name, sample["source"], "Summarise the passage.", sample["summary"], path.stem)
            views = {person: person not in against for person in people}
            found.append(Answered(item, not against, views, recorded))
    return found


def _item(name: str, passage: str, question: str, answer: str, part: str) -> JudgedItem:
    return JudgedItem(name, passage[:200], (part,), question, answer, (passage,), None, abstained=False)


def overlaps(item: JudgedItem) -> bool:
    said, there = (set(re.findall(r"\w+", text.lower())) for text in (item.answer, item.contexts[0]))
    return not said or len(said & there) / len(said) >= OVERLAP


def by_whom(answers: Sequence[Answered]) -> dict[str, Callable[[Answered], bool]]:
    """Every judge of a set: the rule, and the recorded ones."""
    recorded = answers[0].verdicts
    return {
        f"words, {OVERLAP:.0%} there": lambda one: overlaps(one.item),
        **{name: lambda one, name=name: one.verdicts[name] for name in recorded},
    }


def between_people(answers: Sequence[Answered]) -> list[Estimate]:
    """Kappa of every two people over what both of them looked at."""
    pairs = sorted({pair for one in answers for pair in combinations(sorted(one.views), 2)})
    found: list[Estimate] = []
    for first, second in pairs:
        both = [one for one in answers if first in one.views and second in one.views]
        ours, theirs = np.array([(one.views[first], one.views[second]) for one in both], dtype=np.float64).T
        found.append(cohen_kappa(ours, theirs, _codes(both)))
    return found


def _codes(answers: Sequence[Answered]) -> np.ndarray:
    return np.unique([one.item.cluster or one.item.item_id for one in answers], return_inverse=True)[1]


def calibration_rows(
    name: str, answers: Sequence[Answered], labels: int, seed: int, draws: int
) -> list[dict[str, object]]:
    """A calibration of each judge on a sample of the labels, what all labels say, and what other samples would have said."""
    rows = _drawn_rows(name, answers, labels, seed)
    others = [_drawn_rows(name, answers, labels, seed + number) for number in range(1, draws + 1)]
    for at, row in enumerate(rows):
        same = [one[at] for one in others]
        row["admissible draws"] = sum(not one["problems"] for one in same)
        row["draws"] = draws
        row["ppi / labels width"] = round(
            float(np.mean([_width(one["ppi"]) / _width(one["labels alone"]) for one in same]))
            if same
            else float("nan"),
            2,
        )
    return rows


def _width(span: object) -> float:
    _, low, high = span  # type: ignore[misc]
    return high - low


def _drawn_rows(name: str, answers: Sequence[Answered], labels: int, seed: int) -> list[dict[str, object]]:
    pooled = pool([[one.item for one in answers]])
    truth = {one.origins[0][1]: one.label_id for one in pooled}
    supported = {truth[one.item.item_id]: one.supported for one in answers if one.item.item_id in truth}
    sample = sample_of(draw(pooled, labels, 1, seed))
    given = {
        one.label_id: {"people": Label(one.label_id, "y" if supported[one.label_id] else "n", "people", "", "")}
        for one in sample.drawn
    }
    rows: list[dict[str, object]] = []
    for judge, decide in by_whom(answers).items():
        verdicts = {truth[one.item.item_id]: decide(one) for one in answers if one.item.item_id in truth}
        found = calibrated(judge, name, sample, given, verdicts)
        assert found is not None
        every = agreement(
            *np.array([(one.supported, decide(one)) for one in answers], dtype=np.float64).T, _codes(answers)
        )
        rows.append(
            {
                "set": name,
                "judge": judge,
                "labels": found.evidence.labels,
                "kappa": _told(found.agreement.kappa),
                "tpr": _told(found.agreement.tpr),
                "tnr": _told(found.agreement.tnr),
                "kappa of all labels": round(every.kappa.value, 3),
                "truth": round(float(np.mean([one.supported for one in answers])), 3),
                "raw mean": round(found.judge_mean, 3),
                "ppi": _told(found.ppi),
                "rogan-gladen": _told(found.corrected) if found.corrected else None,
                "labels alone": _told(found.people),
                "problems": inadmissible(GatePolicy(), GateEvidence(judge=found.evidence)),
            }
        )
    return rows


def _told(found: Estimate) -> list[float]:
    return [round(one, 3) for one in (found.value, found.lower, found.upper)]


def small_sets(root: Path) -> list[tuple[str, Estimate]]:
    """Agreement on sets that are too few for a verdict."""
    found: list[tuple[str, Estimate]] = []
    for path in sorted((root / "ragas_annotated").glob("*.json")):
        for metric, runs in json.loads(path.read_text(encoding="utf-8")).items():
            # A person accepts the judge's output or does not: what is not accepted is the other verdict.
            pairs = [(one["metric_output"] == one["is_accepted"], one["metric_output"]) for one in runs]
            found.append((f"ragas {metric}", _kappa(pairs)))
    rows = json.loads((root / "coqa_autoevals" / "coqa-factuality.json").read_text(encoding="utf-8"))
    graded = [
        (row["expected"] == 1, _words(row["input"]["expected"]) <= _words(row["input"]["output"]))
        for row in rows
        if row["expected"] in (0, 1)
    ]
    found.append(("coqa factuality, words", _kappa(graded)))
    return found


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _kappa(pairs: Sequence[tuple[object, object]]) -> Estimate:
    people, judge = np.array([[bool(one), bool(other)] for one, other in pairs], dtype=np.float64).T
    return cohen_kappa(people, judge, np.arange(len(people)))


def show(row: Mapping[str, object]) -> None:
    def span(name: str) -> str:
        value = row[name]
        return "none" if value is None else "{:.2f} [{:.2f}, {:.2f}]".format(*value)  # type: ignore[misc]

    print(
        f"{row['set']:<10} {row['judge']:<18} kappa {span('kappa')} (all {row['kappa of all labels']:.2f})  TPR {span('tpr')}  "
        f"TNR {span('tnr')}  truth {row['truth']:.3f}  raw {row['raw mean']:.3f}  PPI {span('ppi')}  RG {span('rogan-gladen')}  "
        f"labels {span('labels alone')}  PPI/labels width {row['ppi / labels width']:.2f}  "
        f"admissible in {row['admissible draws']} of {row['draws']} draws; this one {'ADMISSIBLE' if not row['problems'] else 'inadmissible: ' + '; '.join(row['problems'])}"  # type: ignore[arg-type]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    root = Path(os.environ.get("ASSAY_SHARED_DATA") or CHECKOUT.parent / "shared" / "data") / "dev"
    if not (root / "begin").is_dir() or not (root / "faithbench").is_dir():
        print(f"No human labels under `{root}`; say where they are with `ASSAY_SHARED_DATA`.", file=sys.stderr)
        return 2
    easy, hard = begin(root), faithbench(root)
    rows = [
        *calibration_rows("BEGIN", easy, given.labels, given.seed, given.draws),
        *calibration_rows("FaithBench", hard, given.labels, given.seed, given.draws),
    ]
    people = between_people(hard)
    small = small_sets(root)
    if given.json:
        print(
            json.dumps(
                {
                    "rows": rows,
                    "between people": list(map(_told, people)),
                    "small": [(n, _told(e), e.count) for n, e in small],
                }
            )
        )
        return 0
    print(f"{len(easy)} answers of BEGIN, {len(hard)} of FaithBench")
    for row in rows:
        show(row)
    values = sorted(one.value for one in people)
    print(
        f"FaithBench, between two people: kappa {values[0]:.2f} to {values[-1]:.2f}, median {np.median(values):.2f}, "
        f"{len(people)} pairs of {people[0].count} summaries each; BEGIN tells no person's own label"
    )
    for name, one in small:
        print(f"{name:<28} kappa {one.value:.2f} [{one.lower:.2f}, {one.upper:.2f}] of {one.count}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
