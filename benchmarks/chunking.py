"""What the chunking strategies find: recall and IoU of gold character spans at equal retrieved characters.

    python3.11 -m venv .venv-peers && .venv-peers/bin/pip install -r benchmarks/peers.txt
    .venv/bin/python benchmarks/chunking.py [--held-out] [--vectors FILE] [--peers-python PYTHON]

Corpus: chunking_evaluation, 3 texts and 276 questions, each with the character spans that answer it. The chunks of all
texts are ranked for a question, and the first N characters of the ranking are compared with the question's spans.
Recall: the share of the spans' characters that was retrieved. IoU: those characters by all that are retrieved or gold.
Differences are paired by question; their 95% interval is a percentile bootstrap. Claim: with hybrid search, the default
mode, no strategy and no peer of the same size finds more than the default beyond chance, over the budgets together.
`structure` and `semantic` were tuned on these questions. `--held-out` asks the 473 of xquad_en instead, on which nothing
was tuned; its paragraphs are joined by spaces into one text, so that all have to be cut.
Texts come from `ASSAY_SHARED_DATA` (default `../shared/data`). Exits 1 on a broken claim, 2 without data or peers.
"""

import argparse
import csv
import json
import platform
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from chunk_offsets import data_folder
from numpy.typing import NDArray

from assay.documents.chunk_rows import context_text
from assay.documents.chunking import STRATEGIES, chunk_text
from assay.embeddings import BUNDLED_MODEL, Embedder, VectorCache, resolve_model, tokenizer_of
from assay.retrieval.fusion import fuse

Spans = list[list[tuple[int, int]]]

CHECKOUT = Path(__file__).resolve().parents[1]
SPLITTER = Path(__file__).parent / "chunking_peers" / "langchain_splitter.py"
DEFAULT, PEER = "structure", "LangChain recursive"
TEXTS = ("state_of_the_union", "wikitexts", "chatlogs")
SIZE_TOKENS = 200
OTHER_SIZES_TOKENS = (100, 128, 150, 250)
BUDGETS_CHARACTERS = (1000, 2000, 4000, 8000)
RESAMPLES = 5000
# BM25's usual parameters.
K1, B = 1.5, 0.75
# Known for all 472 questions of the five texts: fixed windows of so many characters, recall and IoU of BM25.
KNOWN = {400: (70.9, 11.4), 800: (80.8, 6.8), 1600: (92.2, 3.9)}
KNOWN_WINDOWS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    text: str
    source: str
    gold: frozenset[int]


@dataclass(frozen=True)
class Passage:
    """A chunk of a text, and what is embedded and indexed of it."""

    source: str
    start: int
    end: int
    context: str


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare what the chunking strategies find.")
    parser.add_argument("--held-out", action="store_true", help="the questions on which nothing was tuned")
    parser.add_argument("--vectors", type=Path, help="keep vectors in this file, for another run")
    parser.add_argument("--peers-python", type=Path, default=CHECKOUT / ".venv-peers" / "bin" / "python")
    arguments = parser.parse_args()
    folder = data_folder()
    if folder is None or not all((folder / name).is_dir() for name in ("chunking_evaluation", "xquad_en")):
        print("no data: set ASSAY_SHARED_DATA", file=sys.stderr)
        return 2
    if arguments.held_out:
        texts, questions = read_joined(folder / "xquad_en" / "xquad.en.json")
    else:
        texts, questions = read(folder / "chunking_evaluation")
    model = resolve_model(BUNDLED_MODEL)
    spans = langchain_spans(arguments.peers_python, model.tokenizer_folder / "tokenizer.json", list(texts.values()))
    if spans is None:
        print(f"no peers: {arguments.peers_python} lacks langchain-text-splitters or tokenizers", file=sys.stderr)
        return 2
    print(f"{len(texts)} texts, {sum(map(len, texts.values())):,} characters, {len(questions)} questions; {machine()}")
    if not arguments.held_out:
        check_known(texts, questions)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(texts, questions, Embedder(model, VectorCache(arguments.vectors or Path(scratch) / "vectors")))
        found = {strategy: bench.measured(bench.chunks(strategy, SIZE_TOKENS)) for strategy in STRATEGIES}
        found[PEER] = bench.measured(cut_at(texts, spans))
        sizes = {f"{size} tokens": bench.measured(bench.chunks(DEFAULT, size)) for size in OTHER_SIZES_TOKENS}
    print(f"\nRecall / IoU in percent at equal retrieved characters, chunks of {SIZE_TOKENS} tokens")
    print_levels(found)
    print(f"\n`{DEFAULT}` less each other: recall; IoU, in points with 95% intervals")
    worse = print_differences(found)
    print(f"\n`{DEFAULT}` at other sizes")
    print_levels({f"{SIZE_TOKENS} tokens": found[DEFAULT], **sizes})
    for line in worse:
        print(f"BROKEN: {line}")
    return 1 if worse else 0


class Bench:
    """The texts, their questions and the model; every vector is computed once."""

    def __init__(self, texts: Mapping[str, str], questions: Sequence[Question], embedder: Embedder) -> None:
        self.texts, self.questions, self.embedder = texts, questions, embedder
        self.question_vectors = self.vectors([question.text for question in questions])

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.embedder.embed(list(texts)).vectors

    def chunks(self, strategy: str, size: int) -> list[Passage]:
        """The chunks of all texts with their context, as gold/chunks has them."""
        tokenizer = tokenizer_of(self.embedder.model)
        return [
            Passage(name, one.start, one.end, context_text(one.heading_path, one.text, tokenizer, one.table_header))
            for name, text in self.texts.items()
            for one in chunk_text(text, strategy=strategy, size=size, encoder=tokenizer, embed=self.vectors)
        ]

    def measured(self, passages: Sequence[Passage]) -> "Measured":
        """Every question asked of every retriever."""
        contexts = [passage.context for passage in passages]
        dense = np.asarray(self.question_vectors @ self.vectors(contexts).T, np.float64)
        bm25 = bm25_scores(contexts, [question.text for question in self.questions])
        hybrid = np.stack([fuse(cosines, lexical) for cosines, lexical in zip(dense, bm25, strict=True)])
        scores = {"dense": dense, "BM25": bm25, "hybrid": hybrid}
        return Measured(
            passages=len(passages),
            mean_characters=sum(one.end - one.start for one in passages) / len(passages),
            results={
                name: np.stack(
                    [at_budgets(passages, question, row) for question, row in zip(self.questions, rows, strict=True)]
                )
                for name, rows in scores.items()
            },
        )


@dataclass(frozen=True)
class Measured:
    """`results`: by retriever, shape (questions, budgets, 2): recall and IoU."""

    passages: int
    mean_characters: float
    results: dict[str, Floats]


def read(folder: Path) -> tuple[dict[str, str], list[Question]]:
    """The texts by name, and the questions about them."""
    texts: dict[str, str] = {}
    for name in TEXTS:
        with (folder / f"{name}.md").open(encoding="utf-8", newline="") as file:  # offsets count \r\n as two
            texts[name] = file.read()
    questions: list[Question] = []
    with (folder / "questions_df.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if (source := row["corpus_id"]) not in texts:
                continue
            places = [(one["start_index"], one["end_index"], one["content"]) for one in json.loads(row["references"])]
            if any(texts[source][start:end] != content for start, end, content in places):
                raise SystemExit(f"the spans of {row['question']!r} are not in {source}")
            gold = frozenset(at for start, end, _ in places for at in range(start, end))
            questions.append(Question(row["question"], source, gold))
    return texts, questions


def read_joined(path: Path) -> tuple[dict[str, str], list[Question]]:
    """One text of all paragraphs, and the questions with the span of their first answer."""
    text = ""
    questions: list[Question] = []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for one in paragraph["qas"]:
                answer = one["answers"][0]
                start = len(text) + answer["answer_start"]
                gold = frozenset(range(start, start + len(answer["text"])))
                questions.append(Question(one["question"], path.stem, gold))
            text += f"{paragraph['context']} "
    return {path.stem: text}, questions


def langchain_spans(python: Path, tokenizer: Path, texts: list[str]) -> Spans | None:
    """`(start, end)` of LangChain's chunks of each text; None where its environment is missing."""
    if not python.exists():
        return None
    command = [python, SPLITTER, tokenizer, str(SIZE_TOKENS)]
    found = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=False)
    return json.loads(found.stdout) if found.returncode == 0 else None


def cut_at(texts: Mapping[str, str], spans: Spans) -> list[Passage]:
    """Passages without context."""
    return [
        Passage(name, start, end, text[start:end])
        for (name, text), places in zip(texts.items(), spans, strict=True)
        for start, end in places
    ]


def bm25_scores(documents: Sequence[str], queries: Sequence[str]) -> Floats:
    """Shape (queries, documents)."""
    counts = [Counter(re.findall(r"\w+", document.lower())) for document in documents]
    lengths = np.array([count.total() for count in counts], np.float64)
    norms = K1 * (1 - B + B * lengths / lengths.mean())
    places: dict[str, dict[int, int]] = {}
    for at, count in enumerate(counts):
        for word, times in count.items():
            places.setdefault(word, {})[at] = times
    scores = np.zeros((len(queries), len(documents)))
    for row, query in zip(scores, queries, strict=True):
        for word in re.findall(r"\w+", query.lower()):
            found = places.get(word, {})
            weight = np.log(1 + (len(documents) - len(found) + 0.5) / (len(found) + 0.5))
            for at, times in found.items():
                row[at] += weight * times * (K1 + 1) / (times + norms[at])
    return scores


def at_budgets(passages: Sequence[Passage], question: Question, scores: Floats) -> Floats:
    """Recall and IoU of the first characters of the ranking, shape (budgets, 2); the last passage is cut short."""
    results: list[tuple[float, float]] = []
    retrieved = hits = 0
    for at in np.argsort(-scores, kind="stable"):
        one = passages[at]
        while len(results) < len(BUDGETS_CHARACTERS):
            budget = BUDGETS_CHARACTERS[len(results)]
            if retrieved + one.end - one.start < budget:
                break
            results.append(shares(hits + overlap(one, question, budget - retrieved), budget, question))
        if len(results) == len(BUDGETS_CHARACTERS):
            break
        retrieved += one.end - one.start
        hits += overlap(one, question, one.end - one.start)
    return np.array(results)


def overlap(passage: Passage, question: Question, characters: int) -> int:
    """How many of the passage's first characters answer the question."""
    if passage.source != question.source:
        return 0
    return sum(passage.start <= at < passage.start + characters for at in question.gold)


def shares(hits: int, retrieved: int, question: Question) -> tuple[float, float]:
    return hits / len(question.gold), hits / (retrieved + len(question.gold) - hits)


def check_known(texts: Mapping[str, str], questions: Sequence[Question]) -> None:
    """Fixed windows of characters, beside what is known of them."""
    for size, (recall, iou) in KNOWN.items():
        windows = [
            Passage(name, start, min(start + size, len(text)), text[start : start + size])
            for name, text in texts.items()
            for start in range(0, len(text), size)
        ]
        scores = bm25_scores([window.context for window in windows], [question.text for question in questions])
        results: list[tuple[float, float]] = []
        for question, row in zip(questions, scores, strict=True):
            best = [windows[at] for at in np.argsort(-row, kind="stable")[:KNOWN_WINDOWS]]
            hits = sum(overlap(window, question, size) for window in best)
            results.append(shares(hits, sum(window.end - window.start for window in best), question))
        ours = 100 * np.mean(results, axis=0)
        print(
            f"BM25, {KNOWN_WINDOWS} windows of {size} characters: recall {ours[0]:.1f} / IoU {ours[1]:.1f}; "
            f"known of all five texts: {recall} / {iou}"
        )


def print_levels(found: Mapping[str, Measured]) -> None:
    print(f"| search | chunks | number | mean characters | {' | '.join(f'{one:,}' for one in BUDGETS_CHARACTERS)} |")
    print("|---" * (4 + len(BUDGETS_CHARACTERS)) + "|")
    for search in found[next(iter(found))].results:
        for name, measured in found.items():
            means = 100 * measured.results[search].mean(axis=0)
            cells = " | ".join(f"{recall:.1f} / {iou:.2f}" for recall, iou in means)
            print(f"| {search} | {name} | {measured.passages} | {measured.mean_characters:.0f} | {cells} |")


def print_differences(found: Mapping[str, Measured]) -> list[str]:
    """Print the default less each other, at each budget and over all; what hybrid search finds less of is returned."""
    budgets = [*(f"{one:,}" for one in BUDGETS_CHARACTERS), "all four"]
    print(f"| search | less | {' | '.join(budgets)} |")
    print("|---" * (2 + len(budgets)) + "|")
    questions = len(found[DEFAULT].results["dense"])
    drawn = np.random.default_rng(1).integers(0, questions, (RESAMPLES, questions))
    worse: list[str] = []
    for search, ours in found[DEFAULT].results.items():
        for name, measured in found.items():
            if name == DEFAULT:
                continue
            difference = 100 * (ours - measured.results[search])
            difference = np.concatenate([difference, difference.mean(axis=1, keepdims=True)], axis=1)
            lower, upper = np.percentile(difference[drawn].mean(axis=1), [2.5, 97.5], axis=0)
            mean = difference.mean(axis=0)
            cells = [
                "; ".join(
                    f"{mean[at, of]:+.{of + 1}f} [{lower[at, of]:+.{of + 1}f}, {upper[at, of]:+.{of + 1}f}]"
                    for of in (0, 1)
                )
                for at in range(len(budgets))
            ]
            print(f"| {search} | {name} | {' | '.join(cells)} |")
            if search == "hybrid" and (upper[-1] < 0).any():
                worse.append(f"hybrid search finds more with {name}: {cells[-1]}")
    return worse


def machine() -> str:
    cpu = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if "model name" in line]
    return f"{len(names)} cores, {names[0]}, Python {platform.python_version()}"


if __name__ == "__main__":
    raise SystemExit(main())
