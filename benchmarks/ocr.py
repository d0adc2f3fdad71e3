"""Read page images whose text is known, beside plain tesseract; then spoil them, and see whether bad text is refused.

    .venv/bin/python benchmarks/ocr.py [--printed N] [--readings FILE]

Claims: token recall is at least .94 on the real scan in every direction and skew, and on every scan of the others that
the gate lets through at least .8; of spoiled pages at least 95% are let through or refused as their recall (.8) deserves.
The gate's threshold is chosen on the even pages and judged on the odd ones. `--readings` keeps what was read in a file
and reads only what is not in it, so that another score is judged in seconds; leave it out for a measurement.
Pages come from `ASSAY_SHARED_DATA` (default `../shared/data`). Exits 1 on a broken claim, 2 without data or tesseract.
"""

import argparse
import os
import pickle
import platform
import shutil
import statistics
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from chunk_offsets import data_folder
from ocr_pages.degradations import DEGRADATIONS
from ocr_pages.known import (
    PRINTED_PAGES,
    KnownPage,
    derived_scans,
    printed_halves,
    real_scan,
    token_recall,
    turned_scans,
)
from PIL.Image import Image

from assay.documents.parsing import ocr
from assay.documents.parsing.ocr import PageReading, ocr_identity, read_page
from assay.documents.parsing.ocr_layout import laid_out
from assay.documents.parsing.ocr_quality import MIN_PAGE_SCORE, page_score
from assay.documents.parsing.options import ParseOptions
from assay.documents.parsing.page_image import OCR_DPI, turned

OPTIONS = ParseOptions()
# What is measured is reading, not the machine's load.
ocr.READING_TIMEOUT_SECONDS = 600.0
MIN_SCAN_RECALL = 0.94
MIN_USABLE_RECALL = 0.8
MIN_AGREEMENT = 0.95
SKEWED_SCANS = ((0, 5.0), (90, -12.0), (180, 5.0), (270, -12.0))
ROTATIONS = (0, 90, 180, 270)
SCORE_BINS = (0.0, 0.3, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True)
class Spoiled:
    """A page and what was done to it: `draw` makes the image, the same one each time."""

    page: KnownPage
    how: str
    strength: float
    draw: Callable[[], Image]


def spoiled_pages(folder: Path, printed: int) -> Iterator[list[Spoiled]]:
    """A list per page: so many halves of printed pages, and the real scan, each in every way."""
    for page in islice(printed_halves(folder), printed):
        yield [Spoiled(page, "as it is", 0.0, lambda page=page: page.image), *_ways(page, DEGRADATIONS)]
    yield _ways(real_scan(folder), DEGRADATIONS)


def _ways(page: KnownPage, degradations: Sequence[Callable[..., Image]]) -> list[Spoiled]:
    """Strength, skew up to 6 degrees and, for three pages in eight, direction are drawn from the page's name."""
    ways: list[Spoiled] = []
    for degrade in degradations:
        random = np.random.default_rng(zlib.crc32(f"{page.name} {degrade.__name__}".encode()))
        strength, skew = random.random(), round(random.uniform(-6, 6), 1)
        rotation = int(random.choice([*ROTATIONS, *[0] * 4]))

        def draw(degrade=degrade, random=random, strength=strength, skew=skew, rotation=rotation) -> Image:
            return degrade(turned(page.image, rotation, skew), strength, random)

        ways.append(Spoiled(page, degrade.__name__, strength, draw))
    return ways


class Reader:
    """Reads pages, and keeps what was read where a file is given."""

    def __init__(self, kept: Path | None) -> None:
        self._kept = kept
        self._readings: dict[str, PageReading] = pickle.loads(kept.read_bytes()) if kept and kept.exists() else {}

    def read(self, name: str, draw: Callable[[], Image]) -> PageReading:
        if name not in self._readings:
            self._readings[name] = read_page(draw(), OPTIONS)
            if self._kept:
                self._kept.write_bytes(pickle.dumps(dict(self._readings)))
        return self._readings[name]


def recall_of(page: KnownPage, reading: PageReading) -> float:
    return token_recall(page.text, laid_out(reading.words)[0])


def plain_tesseract(image: Image) -> str:
    """The command at its defaults, told the resolution."""
    return subprocess.run(
        ["tesseract", "stdin", "stdout", "--dpi", str(OCR_DPI)],
        input=b"P5 %d %d 255\n" % image.size + image.tobytes(),
        capture_output=True,
        check=True,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    ).stdout.decode()


def compare_with_plain(folder: Path, reader: Reader) -> bool:
    """Recall and CPU seconds of scans as they are, turned and skewed, ours and plain tesseract's; whether ours holds."""
    linn = real_scan(folder)
    skewed = [
        KnownPage(f"linn, turned {rotation}, skewed {skew:g}", turned(linn.image, rotation, skew), linn.text)
        for rotation, skew in SKEWED_SCANS
    ]
    holds = True
    print(f"{'scan':52} {'ours':>5} {'plain':>6} {'score':>6} {'turned':>7} {'skew':>6} {'CPU s':>6} {'plain':>6}")
    for page in (*turned_scans(folder), *skewed, *derived_scans(folder)):
        began = _cpu_seconds()
        reading = reader.read(page.name, lambda page=page: page.image)
        between = _cpu_seconds()
        plain = token_recall(page.text, plain_tesseract(page.image))
        ended = _cpu_seconds()
        recall, score = recall_of(page, reading), page_score(reading.words)
        print(
            f"{page.name:52} {recall:5.3f} {plain:6.3f} {score:6.2f} {reading.rotation:7} {reading.skew_degrees:6.1f} "
            f"{between - began:6.1f} {ended - between:6.1f}",
            flush=True,
        )
        wanted = MIN_SCAN_RECALL if page.name.startswith("linn") else MIN_USABLE_RECALL
        holds &= recall >= wanted or score < MIN_PAGE_SCORE
    return holds


def judge_gate(folder: Path, reader: Reader, printed: int) -> bool:
    """The curve of recall over score on spoiled pages, the threshold that one half of them asks for, and the other half."""
    halves: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    per_kind: dict[str, list[tuple[float, float]]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, ways in enumerate(spoiled_pages(folder, printed)):
            named = [f"{one.page.name} {one.how} {one.strength:.2f}" for one in ways]
            readings = list(pool.map(lambda name, one: reader.read(name, one.draw), named, ways))
            for name, one, reading in zip(named, ways, readings, strict=True):
                point = page_score(reading.words), recall_of(one.page, reading)
                halves[number % 2].append(point)
                per_kind.setdefault(one.how, []).append(point)
                if _agrees(point) is False:
                    print(f"  disagrees: {name}: score {point[0]:.2f}, recall {point[1]:.2f}", flush=True)
    points = [*halves[0], *halves[1]]
    print(f"\n{'score':>12} {'pages':>6} {'recall: least':>14} {'median':>7} {'most':>5} {'>= .8':>6}")
    for low, high in zip(SCORE_BINS, (*SCORE_BINS[1:], 1.01), strict=True):
        recalls = [recall for score, recall in points if low <= score < high]
        if recalls:
            usable = sum(recall >= MIN_USABLE_RECALL for recall in recalls)
            spread = f"{min(recalls):14.2f} {statistics.median(recalls):7.2f} {max(recalls):5.2f}"
            print(f"{low:5.2f} - {min(high, 1):4.2f} {len(recalls):6} {spread} {usable:6}")
    print(f"\n{'what was done':14} {'pages':>6} {'usable':>7} {'let through':>12} {'agree':>6}")
    for how, some in per_kind.items():
        usable = sum(recall >= MIN_USABLE_RECALL for _, recall in some)
        passed = sum(score >= MIN_PAGE_SCORE for score, _ in some)
        print(f"{how:14} {len(some):6} {usable:7} {passed:12} {sum(map(_agrees, some)):6}")
    chosen = best_threshold(halves[0])
    print(f"\nthreshold that the even pages ask for: {chosen[0]:.2f} to {chosen[1]:.2f}; in use: {MIN_PAGE_SCORE}")
    shares = [sum(map(_agrees, half)) / len(half) for half in halves]
    print(
        f"verdict agrees with recall >= {MIN_USABLE_RECALL}: even pages {shares[0]:.3f} of {len(halves[0])}, ", end=""
    )
    print(f"odd pages {shares[1]:.3f} of {len(halves[1])}")
    return shares[1] >= MIN_AGREEMENT


def best_threshold(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The lowest and the highest threshold, in hundredths, at which most verdicts agree."""
    agreeing = {cut: sum(_agrees(point, cut / 100) for point in points) for cut in range(101)}
    best = [cut for cut, count in agreeing.items() if count == max(agreeing.values())]
    return best[0] / 100, best[-1] / 100


def _agrees(point: tuple[float, float], threshold: float = MIN_PAGE_SCORE) -> bool:
    score, recall = point
    return (score >= threshold) == (recall >= MIN_USABLE_RECALL)


def _cpu_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def main() -> int:
    parser = argparse.ArgumentParser(description="Token recall of OCR, and the page gate's verdicts on spoiled pages.")
    parser.add_argument(
        "--printed", type=int, default=len(PRINTED_PAGES), choices=range(1, len(PRINTED_PAGES) + 1), metavar="N"
    )
    parser.add_argument("--readings", type=Path, help="a file that keeps what was read")
    arguments = parser.parse_args()
    folder = data_folder()
    if folder is None or shutil.which("tesseract") is None:
        print("no data or no tesseract: set ASSAY_SHARED_DATA, install tesseract-ocr", file=sys.stderr)
        return 2
    began = time.monotonic()
    print(f"{ocr_identity(OPTIONS)}, {platform.machine()}, {os.cpu_count()} cores\n")
    reader = Reader(arguments.readings)
    scans_hold = compare_with_plain(folder, reader)
    print()
    gate_holds = judge_gate(folder, reader, arguments.printed)
    print(f"{time.monotonic() - began:.0f} s")
    return 0 if scans_hold and gate_holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
