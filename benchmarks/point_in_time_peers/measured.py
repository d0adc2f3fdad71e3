"""What a join costs: wall and CPU seconds and memory of one process, and its answer as a file.

A system gives `prepare`, done once (from the logs to whatever it joins), and `join`, done again and again.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from point_in_time_peers.history import VALUES, VIEWS

# A round over so many seconds is not repeated; one under so many is repeated twice more.
SLOW_SECONDS, FAST_SECONDS = 30.0, 5.0
ANSWER = ("label", *(f"{view}__{value}" for view in VIEWS for value in VALUES))


@dataclass
class System:
    """`load(folder)` reads the files, `prepare(loaded)` compiles, `join(prepared)` joins, `answer(joined)` is Arrow."""

    name: str
    load: Callable[[Path], Any]
    prepare: Callable[[Any], Any]
    join: Callable[[Any], Any]
    answer: Callable[[Any], pa.Table]


def run(system: System) -> None:
    """Measure the system on the folder that the command line names, and write what it answered and cost beside it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--result", type=Path, required=True)
    given = parser.parse_args()
    loaded = system.load(given.data)
    _forget_peak()
    started = _clocks()
    prepared = system.prepare(loaded)
    spent = _since(started)
    figures: dict[str, Any] = {
        "name": system.name,
        "python": platform.python_version(),
        "prepare": {"wall": spent[0], "cpu": spent[1], "peak_bytes": _status_bytes("VmHWM")},
    }
    del loaded
    _forget_peak()
    rounds: list[tuple[float, float]] = []
    joined = None
    while not rounds or len(rounds) < _wanted(rounds[0][0]):
        joined = None
        started = _clocks()
        joined = system.join(prepared)
        rounds.append(_since(started))
    figures["join"] = {
        "wall": statistics.median(one[0] for one in rounds),
        "cpu": statistics.median(one[1] for one in rounds),
        "rounds": [one[0] for one in rounds],
        "peak_bytes": _status_bytes("VmHWM"),
    }
    answer = system.answer(joined).select(ANSWER)
    pq.write_table(answer, given.result.with_suffix(".parquet"))
    given.result.write_text(json.dumps(figures))


def _wanted(seconds: float) -> int:
    return 1 if seconds > SLOW_SECONDS else 5 if seconds < FAST_SECONDS else 3


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(started: tuple[float, float]) -> tuple[float, float]:
    now = _clocks()
    return now[0] - started[0], now[1] - started[1]


def _forget_peak() -> None:
    """Begin anew with the greatest resident memory; where the kernel does not let us, it counts from the start on."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _status_bytes(field: str) -> int:
    lines = Path(f"/proc/{os.getpid()}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
