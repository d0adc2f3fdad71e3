"""What the `proxy.*` scores know of what people say: their AUC on BEGIN and FaithBench beside plain unigram overlap.

    python benchmarks/proxies.py

BEGIN (846 answers, each given one text, by generators of 2019 to 2021): a person calls the answer `Fully attributable`, or
not (`Generic` counts as not). FaithBench (350 summaries by models of 2024): supported where no annotator marked any part of
it `Unwanted`; `Questionable` and `Benign` marks count as supported. An AUC is the chance that a supported answer scores
above one that is not; intervals are 95%, of a bootstrap that draws source texts with all their answers.

Then two claims that are checked. A claim with a swapped number is nearer to its source than a true paraphrase for most
vectors, and not for `proxy.support`. And the gate lets neither a proxy nor a judge without human labels decide.

Texts come from `ASSAY_SHARED_DATA` (default `../shared/data`). Exits 1 where a claim fails, 2 without data.
"""

import csv
import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.answering.quotable_parts import quotable_parts
from assay.embeddings import BUNDLED_MODEL, resolve_model
from assay.embeddings.encoding import encode
from assay.evaluation import ItemScore, compare
from assay.evaluation.proxies import numbers_of, proxy_scores
from assay.features.roc_auc import Estimate, estimates

PEER, OURS = "unigram overlap (peer)", "proxy.support"
# Of answers that are supported and hold a number: so many are set against a swapped number.
SWAPS = 60
ITEMS = 200


@dataclass(frozen=True)
class Labelled:
    """An answer that people judged against its source."""

    source: str
    answer: str
    supported: bool


def data_folder() -> Path | None:
    """The folder of the corpora, or None."""
    checkout = Path(__file__).resolve().parents[1]
    root = Path(os.environ.get("ASSAY_SHARED_DATA") or checkout.parent / "shared" / "data")
    folder = root / "dev" if (root / "dev").is_dir() else root
    return folder if (folder / "begin").is_dir() and (folder / "faithbench").is_dir() else None


def begin(folder: Path) -> list[Labelled]:
    found: list[Labelled] = []
    for path in sorted(folder.glob("begin_dev_*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            found += [
                Labelled(row["knowledge"], row["response"], row["begin_label"] == "Fully attributable") for row in rows
            ]
    return found


def faithbench(folder: Path) -> list[Labelled]:
    samples = [
        one for path in sorted(folder.glob("batch_*.json")) for one in json.loads(path.read_text("utf-8"))["samples"]
    ]
    return [Labelled(one["source"], one["summary"], not _is_unwanted(one)) for one in samples]


def _is_unwanted(sample: Mapping[str, list[dict[str, list[str]]]]) -> bool:
    return any(label.startswith("Unwanted") for mark in sample["annotations"] for label in mark["label"])


class Vectors:
    """Sentences to vectors, each computed once."""

    def __init__(self) -> None:
        self._model = resolve_model(BUNDLED_MODEL)
        self._known: dict[str, NDArray[np.float32]] = {}

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        new = sorted({text for text in texts if text not in self._known}, key=len)
        if new:
            self._known.update(zip(new, encode(self._model, new), strict=True))
        return np.stack([self._known[text] for text in texts])


def cosine_alone(answer: str, source: str, embed: Callable[[Sequence[str]], NDArray[np.float32]]) -> float:
    """The mean over the answer's sentences of the highest cosine: `proxy.support` without its three checks."""
    claims, sources = ([part.said for part in quotable_parts(text)] for text in (answer, source))
    if not claims or not sources:
        return 0.0
    return float(np.mean(np.max(embed(claims) @ embed(sources).T, axis=1)))


def scored(items: Sequence[Labelled], embed: Vectors) -> dict[str, NDArray[np.float64]]:
    """Score name -> a value per item."""
    rows: list[dict[str, float]] = []
    for one in items:
        proxies = proxy_scores(one.answer, [one.source], embed)
        rows.append({
            PEER: proxies.get("proxy.unigram_overlap", 0.0),
            "max cosine alone": cosine_alone(one.answer, one.source, embed),
            OURS: proxies.get("proxy.support", 0.0),
        })  # fmt: skip
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def areas(items: Sequence[Labelled], scores: Mapping[str, NDArray[np.float64]]) -> Mapping[str, Estimate]:
    """Each score's AUC and what each of ours has over the peer, with intervals over draws of source texts."""
    numbers = {source: number for number, source in enumerate(dict.fromkeys(one.source for one in items))}
    clusters = np.array([numbers[one.source] for one in items], dtype=np.int64)
    truth = np.array([one.supported for one in items], dtype=np.bool_)
    return estimates(scores, truth, clusters, {f"{OURS} less the peer": (OURS, PEER)})


def swapped_numbers(items: Sequence[Labelled], embed: Vectors) -> bool:
    """Print how often a source's own sentence with other numbers scores above the answer that people call supported."""
    pairs: list[tuple[Labelled, str]] = []
    for one in items:
        numbers = numbers_of(one.answer)
        holding = [part.said for part in quotable_parts(one.source) if numbers & numbers_of(part.said)]
        digits = [said for said in holding if re.search(r"\d", said)]
        if one.supported and digits:
            pairs.append((one, re.sub(r"\d+", lambda found: str(int(found[0]) + 7), digits[0])))
    pairs = pairs[:SWAPS]
    above_cosine = sum(
        cosine_alone(swap, one.source, embed) > cosine_alone(one.answer, one.source, embed) for one, swap in pairs
    )
    support = [
        [proxy_scores(text, [one.source], embed)["proxy.support"] for text in (swap, one.answer)] for one, swap in pairs
    ]
    above_support = sum(swap > true for swap, true in support)
    print(
        f"\nOf {len(pairs)} supported answers with a number, the source's own sentence with other numbers scores above"
    )
    print(f"  by max cosine alone {above_cosine}")
    print(f"  by proxy.support    {above_support}")
    return above_support < above_cosine


def the_gate_refuses() -> bool:
    """Print what the gate says of a proxy and of an uncalibrated judge that find the candidate far better, or far worse."""
    refused = True
    print("\nThe gate, 200 items, no human labels:")
    for metric in ("proxy.support", "ragas-0.4/faithfulness"):
        for words, ours, theirs in (("better", 0.9, 0.2), ("worse", 0.2, 0.9)):
            arms = [[ItemScore(f"q{n}", f"d{n}", metric, score) for n in range(ITEMS)] for score in (ours, theirs)]
            decision = compare(*arms)
            row = decision.metrics[0]
            print(f"  {metric} says {words}: {decision.verdict} by {decision.decided_by}, the metric is {row.verdict}")
            refused &= decision.verdict == "INCONCLUSIVE" and row.verdict in ("ADVISORY", "UNCALIBRATED")
    return refused


def main() -> int:
    folder = data_folder()
    if folder is None:
        print(
            "BEGIN and FaithBench are missing. Name the folder that holds them: `ASSAY_SHARED_DATA=DIR`.",
            file=sys.stderr,
        )
        return 2
    began, embed = time.process_time(), Vectors()
    sets = {"BEGIN": begin(folder / "begin"), "FaithBench": faithbench(folder / "faithbench")}
    texts = [text for items in sets.values() for one in items for text in (one.source, one.answer)]
    embed([part.said for text in texts for part in quotable_parts(text)])  # all at once, like lengths together
    print("AUC (95% interval)")
    for name, items in sets.items():
        supported = sum(one.supported for one in items)
        print(f"{name}: {len(items)} answers, {supported} supported, {len({one.source for one in items})} sources")
        for score, found in areas(items, scored(items, embed)).items():
            print(f"  {score:<28} {found}")
    caught = swapped_numbers([one for items in sets.values() for one in items], embed)
    refused = the_gate_refuses()
    print(f"\n{time.process_time() - began:.0f} CPU seconds")
    if not (caught and refused):
        print("A CLAIM FAILS", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
