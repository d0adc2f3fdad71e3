"""Flip between two releases of the sample while eight threads search: what fails, and what a search takes meanwhile.

    python benchmarks/release_flip.py [--seconds N] [--flips N] [--home DIR]

In a home of its own the sample is released, then a candidate whose chunks are another size; the real model embeds every query.
`--home` takes one that stands, in which the release that the environment names has passed and another serves. Each flip is a `promote` or a `rollback` as the command makes it; a flip's
second is the one that begins with it. The threads never pause, so that two cores are always full.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from assay.errors import AssayError
from assay.releases.promotion import Flip, promote, rollback
from assay.retrieval import Searcher
from assay.settings import Settings, load_settings
from assay.workspace import Run, Workspace

CHECKOUT = Path(__file__).resolve().parents[1]
ASSAY = Path(sys.executable).with_name("assay")
QUESTIONS = CHECKOUT / "samples/golden/questions.jsonl"
# Questions made from headings: the subject is the flip, and not whether this chunk size may serve.
KNOBS = {"ASSAY_EVENTS": "", "ASSAY_GOLDEN_QUESTIONS": "", "ASSAY_GATE_POLICY": ""}
CANDIDATE = {"ASSAY_CHUNK_SIZE_TOKENS": "160"}
THREADS = 8


@dataclass(frozen=True)
class Search:
    """One search: when it began (s), what it took (ms), and who answered; an error is its text."""

    began: float
    took_ms: float
    release: str
    error: str | None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="steady searching before the first flip")
    parser.add_argument("--flips", type=int, default=10)
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    with ExitStack() as stack:
        home = given.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["ASSAY_HOME"] = str(home)
        if given.home is None:
            _demo(home, {})
            _demo(home, CANDIDATE)
            os.environ.update({**KNOBS, **CANDIDATE})
        settings = load_settings()
        searches, flips, began = _run(settings, given.seconds, given.flips)
    _report(searches, flips, began)
    return 1 if any(one.error for one in searches) else 0


def _demo(home: Path, knobs: dict[str, str]) -> None:
    environment = {**os.environ, **KNOBS, **knobs, "ASSAY_HOME": str(home)}
    subprocess.run([ASSAY, "demo"], cwd=CHECKOUT, env=environment, check=True, stdout=subprocess.DEVNULL)


def _run(settings: Settings, steady_seconds: float, count: int) -> tuple[list[Search], list[tuple[float, Flip]], float]:
    questions = [json.loads(line)["question"] for line in QUESTIONS.read_text().splitlines()]
    searcher, ended = Searcher.open(settings), threading.Event()
    searcher.search(questions[0])  # loads the model

    def search(thread: int) -> list[Search]:
        done: list[Search] = []
        while not ended.is_set():
            text, began = questions[(thread * 53 + len(done)) % len(questions)], time.perf_counter()
            try:
                release, error = searcher.search_with_timings(text).release, None
            except AssayError as failure:
                release, error = "", str(failure)
            done.append(Search(began, 1000 * (time.perf_counter() - began), release, error))
        return done

    flips: list[tuple[float, Flip]] = []
    workspace = Workspace(settings, Run("benchmark", datetime.now(UTC)))
    with ThreadPoolExecutor(THREADS) as pool:
        searching = [pool.submit(search, thread) for thread in range(THREADS)]
        began = time.perf_counter()
        time.sleep(steady_seconds)
        try:
            for number in range(count):
                at = time.perf_counter()
                flips.append((at, rollback(settings) if number % 2 else promote(workspace)))
                time.sleep(max(0.0, 2 - (time.perf_counter() - at)))
        finally:
            ended.set()
        return [one for thread in searching for one in thread.result()], flips, began


def _report(searches: list[Search], flips: list[tuple[float, Flip]], began: float) -> None:
    first = flips[0][0]
    steady = [one.took_ms for one in searches if began + 2 < one.began < first - 1]
    flipped = [one.took_ms for one in searches if any(at <= one.began < at + 1 for at, _ in flips)]
    print(f"{len(searches)} searches by {THREADS} threads, {sum(one.error is not None for one in searches)} failed")
    for name, taken in (("steady", steady), ("in the second of a flip", flipped)):
        p50, p99 = np.percentile(taken, (50, 99))
        print(f"{name}: {len(taken)} searches, median {p50:.0f} ms, p99 {p99:.0f} ms, longest {max(taken):.0f} ms")
    print(f"p99 in the second of a flip / steady: {np.percentile(flipped, 99) / np.percentile(steady, 99):.2f}")
    for act in ("promote", "rollback"):
        done = [flip for _, flip in flips if flip.act == act]
        flip_ms, total_ms = ([getattr(one, name) for one in done] for name in ("flip_ms", "total_ms"))
        print(
            f"{act}: {len(done)}, flip median {np.median(flip_ms):.1f} ms, longest {max(flip_ms):.1f} ms; "
            f"with all that is asked first median {np.median(total_ms):.0f} ms"
        )
    print(f"noticed after (ms, longest): {max(_noticed(searches, flips), default=0.0):.0f}")


def _noticed(searches: list[Search], flips: list[tuple[float, Flip]]) -> list[float]:
    """For each flip, until when after it some search still began that the release before answered."""
    found: list[float] = []
    for at, flip in flips:
        ended = at + flip.total_ms / 1000
        late = [
            one.began - ended
            for one in searches
            if ended < one.began < ended + 1 and one.release not in ("", flip.released.release_id)
        ]
        found.append(1000 * max(late, default=0.0))
    return found


if __name__ == "__main__":
    sys.exit(main())
