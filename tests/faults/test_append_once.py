"""Consumers of a log that race and are killed: every offset is in the table once."""

import multiprocessing as mp
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pytest
from scale import at_ci

from assay.errors import FencedOut
from assay.lake import Lake
from assay.schema import table, table_of

pytestmark = [pytest.mark.faults, at_ci("a process for every kill")]

SPAWN = mp.get_context("spawn")
LOG_PARTITIONS = ("0", "1")
END = 1500
KILLS = 10
PATIENCE_SECONDS = 120


@table("test/records", key=("log_partition", "offset"))
@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record of a log of two partitions."""

    log_partition: Annotated[str, "Log partition."]
    offset: Annotated[int, "Offset."]
    consumer: Annotated[str, "Who appended it."]


RECORDS = table_of(RecordRow)


def consume(root: Path, consumer: str, seed: int, largest_batch: int, barrier: Barrier | None = None) -> None:
    """Append both log partitions to their end, in batches cut at random, each time from what the table says."""
    lake, cuts, fenced = Lake(root), random.Random(seed), 0
    if barrier:
        barrier.wait()
    while min((standing := lake.offsets(RECORDS, LOG_PARTITIONS)).values()) < END:
        batch = {
            name: (start, min(END, start + cuts.randint(1, largest_batch)))
            for name, start in standing.items()
            if start < END
        }
        rows = [
            RecordRow(name, offset, consumer) for name, (start, end) in batch.items() for offset in range(start, end)
        ]
        try:
            lake.append_once(RECORDS, RECORDS.rows(rows), batch)
        except FencedOut:
            fenced += 1


def appended_once(lake: Lake) -> bool:
    rows: pa.Table = lake.read(RECORDS)
    found = Counter(zip(rows["log_partition"].to_pylist(), rows["offset"].to_pylist(), strict=True))
    return found == Counter((name, offset) for name in LOG_PARTITIONS for offset in range(END))


def test_racing_consumers_append_every_offset_once(tmp_path: Path) -> None:
    barrier = SPAWN.Barrier(3)
    consumers = [SPAWN.Process(target=consume, args=(tmp_path, f"c{i}", i, 5 + 10 * i, barrier)) for i in range(3)]
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join()
    assert [consumer.exitcode for consumer in consumers] == [0, 0, 0]
    assert appended_once(Lake(tmp_path))
    assert len(set(Lake(tmp_path).read(RECORDS)["consumer"].to_pylist())) > 1, "they did not race"


def test_killed_consumers_lose_and_double_nothing(tmp_path: Path) -> None:
    lake, moments = Lake(tmp_path), random.Random(7)
    running = {name: start(tmp_path, name) for name in ("c0", "c1")}
    dead: list[str] = []
    while len(dead) < KILLS and (name := next_to_commit(lake, dead)):
        time.sleep(moments.uniform(0, 0.03))  # anywhere inside its next commits
        os.kill(running[name].pid or 0, signal.SIGKILL)
        running[name].join()
        dead.append(name)
        successor = f"c{len(running)}"
        running[successor] = start(tmp_path, successor)
    for name, consumer in running.items():
        consumer.join()
        assert consumer.exitcode in ((-signal.SIGKILL, 0) if name in dead else (0,))
    assert len(dead) >= KILLS / 2, "the log ended before the kills"
    assert appended_once(lake)
    assert lake.offsets(RECORDS, LOG_PARTITIONS) == dict.fromkeys(LOG_PARTITIONS, END)


def start(root: Path, name: str) -> SpawnProcess:
    process = SPAWN.Process(target=consume, args=(root, name, int(name[1:]), 10))
    process.start()
    return process


def next_to_commit(lake: Lake, dead: list[str]) -> str | None:
    """A live consumer that just committed, None once the log is at its end."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while min(lake.offsets(RECORDS, LOG_PARTITIONS).values()) < END:
        assert time.monotonic() < deadline, "no consumer commits any more"
        last = lake.read(RECORDS).sort_by([("offset", "descending")]).slice(0, 1)["consumer"].to_pylist()
        if last and last[0] not in dead:
            return last[0]
        time.sleep(0.005)
    return None
