"""One system's history: first load, two updates, the last again, and the second update killed twice.

Every step is a fresh process, so that its CPU seconds hold everything: start, imports, loading the model, work.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest_systems.command import Chunks
from ingest_systems.corpus import DAYS, Corpus
from ingest_systems.verdict import Verdict, judge

BENCHMARKS = Path(__file__).resolve().parents[1]
# Of torch. One: with more, threads that wait for each other on a busy machine count as CPU seconds.
THREADS = 1
STEPS = ("first load", "update 1", "update 2", "no-op")


@dataclass(frozen=True)
class SystemCommand:
    """How a system is started. `batch_size`: chunks that it handles at a time, where it asks."""

    label: str
    module: str
    python: Path
    batch_size: int = 0


@dataclass(frozen=True)
class Step:
    """What a step cost.

    `again`: of its texts, those that this system had embedded before, in this step or an earlier. `seconds`: (wall, CPU)
    of its parts.
    """

    system: str
    name: str
    wall_seconds: float
    cpu_seconds: float
    texts: int
    again: int
    questions: int
    tokens: int
    writes: int
    seconds: dict[str, tuple[float, float]]
    verdict: Verdict

    @property
    def summary(self) -> str:
        return (
            f"{self.system}: {self.name}: {self.cpu_seconds:.1f} CPU s, {self.wall_seconds:.1f} s, {self.texts} texts, "
            f"{self.again} of them again, {self.writes} writes, {self.verdict}"
        )


@dataclass(frozen=True)
class Kill:
    """An update killed at a point, what it left, and what a clean run made of it.

    `again`: texts embedded by both runs together beyond those of an update that nobody kills.
    """

    system: str
    point: str
    left: Verdict
    mended: Verdict
    again: int

    @property
    def summary(self) -> str:
        return (
            f"{self.system}: killed after {self.point}: {self.left}; after a re-run {self.mended}, {self.again} again"
        )


class Lineage:
    """Runs the steps of one system below `folder`."""

    def __init__(self, command: SystemCommand, corpus: Corpus, model: Path, folder: Path) -> None:
        self._command, self._corpus, self._model, self._folder = command, corpus, model, folder
        self._home = folder / "home"
        self._home.mkdir(parents=True)
        self._seen: set[str] = set()
        self._before: Chunks = {}

    def run(self) -> Iterator[Step | Kill]:
        """Every step and every kill, as they end."""
        first, second, third = DAYS
        yield self._step(STEPS[0], first)
        yield self._step(STEPS[1], second)
        copies = [self._copy(point) for point in ("texts", "writes")]
        before = self._before
        whole = self._step(STEPS[2], third)
        yield whole
        yield self._step(STEPS[3], third)
        for home, half, point in zip(
            copies,
            (("--kill-after-texts", _half(whole.texts)), ("--kill-after-writes", _half(whole.writes))),
            ("half of the texts embedded", "half of the writes done"),
            strict=True,
        ):
            yield self._kill(home, third, before, whole, half, point)

    def _step(self, name: str, day: str) -> Step:
        wall, cpu = time.perf_counter(), _cpu_of_children()
        counts = self._process("ingest", self._home, day)
        wall, cpu = time.perf_counter() - wall, _cpu_of_children() - cpu
        again = len(counts["hashes"]) - len({*counts["hashes"]} - self._seen)
        self._seen.update(counts["hashes"])
        verdict, self._before = self._inspect(self._home, day, self._before)
        kept = {name: counts[name] for name in ("texts", "questions", "tokens", "writes", "seconds")}
        return Step(self._command.label, name, wall_seconds=wall, cpu_seconds=cpu, again=again, verdict=verdict, **kept)

    def _kill(self, home: Path, day: str, before: Chunks, whole: Step, half: tuple[str, int], point: str) -> Kill:
        killed = self._process("ingest", home, day, *map(str, half), expected=-signal.SIGKILL)
        left, _ = self._inspect(home, day, before)
        rerun = self._process("ingest", home, day)
        mended, _ = self._inspect(home, day, before)
        return Kill(self._command.label, point, left, mended, killed["texts"] + rerun["texts"] - whole.texts)

    def _inspect(self, home: Path, day: str, before: Chunks) -> tuple[Verdict, Chunks]:
        found = self._process("inspect", home, day)
        return judge(found["stored"], found["wanted"], before), found["wanted"]

    def _process(self, action: str, home: Path, day: str, *more: str, expected: int = 0) -> dict[str, Any]:
        result = self._folder / "result.json"
        result.unlink(missing_ok=True)
        command = [
            str(self._command.python), "-m", f"ingest_systems.{self._command.module}", action,
            "--home", str(home), "--corpus", str(self._corpus.folder), "--day", day,
            "--model", str(self._model), "--result", str(result),
            "--batch-size", str(self._command.batch_size), *more,
        ]  # fmt: skip
        environment = {**_plain_environment(), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(THREADS)}
        done = subprocess.run(command, cwd=BENCHMARKS, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != expected:
            sys.stderr.write(done.stdout[-2000:] + done.stderr[-4000:])
            raise SystemExit(
                f"{self._command.label}: `{' '.join(command)}` ended with {done.returncode}, not {expected}."
            )
        return json.loads(result.read_text())

    def _copy(self, name: str) -> Path:
        return Path(shutil.copytree(self._home, self._folder / f"killed-by-{name}"))


def _plain_environment() -> dict[str, str]:
    """Without settings of Assay, which would change what is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}


def _half(count: int) -> int:
    return max(1, (count + 1) // 2)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
