"""Two feature views and labels, drawn from a seed: late rows, corrections, ties, tombstones, labels given twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

VIEWS = ("activity", "affinity")
# `row` numbers the row of the log that a value came from, so that a cell says which row was chosen.
VALUES = ("row", "amount")
TTL = timedelta(days=7)
DAYS = 30
START = datetime(2026, 11, 1, tzinfo=UTC)
TIME = pa.timestamp("us", "UTC")
ROWS_PER_KEY = 50

_SECOND_MICROS = 1_000_000
_DAY_MICROS = 86_400 * _SECOND_MICROS


def write_history(folder: Path, *, rows: int, labels: int, seed: int) -> None:
    """`<view>.parquet` of `rows` rows each, and `labels.parquet`."""
    random = np.random.default_rng(seed)
    keys = max(rows // ROWS_PER_KEY, 1)
    for view in VIEWS:
        pq.write_table(_log(random, rows, keys), folder / f"{view}.parquet")
    pq.write_table(_labels(random, labels, keys), folder / "labels.parquet")


def _log(random: np.random.Generator, rows: int, keys: int) -> pa.Table:
    """In the order of arrival, as a log is. One row in ten is late by up to two days, three in a hundred correct another."""
    key = random.integers(0, keys, rows)
    event = _moments(random, rows)
    delay = random.integers(0, 60, rows)
    late = random.random(rows) < 0.1
    delay[late] = random.integers(60, 2 * 86_400, int(late.sum()))
    available = event + delay * _SECOND_MICROS
    seq = np.arange(rows)
    corrects = np.flatnonzero(random.random(rows) < 0.03)
    corrected = random.integers(0, rows, len(corrects))
    key[corrects], event[corrects] = key[corrected], event[corrected]
    # Two of three corrections come later; of the others all is equal but `seq`, the tie that only it decides.
    later = random.random(len(corrects)) < 0.67
    available[corrects] = available[corrected] + later * random.integers(1, 86_400, len(corrects)) * _SECOND_MICROS
    seq[corrects] += rows
    order = np.argsort(available, kind="stable")
    return pa.table(
        {
            "key": key[order],
            "event_ts": pa.array(event[order]).cast(TIME),
            "available_at": pa.array(available[order]).cast(TIME),
            "seq": seq[order],
            "is_deleted": random.random(rows) < 0.01,
            "row": np.arange(rows),
            "amount": random.random(rows),
        }
    )


def _labels(random: np.random.Generator, labels: int, keys: int) -> pa.Table:
    """One key in a hundred is unknown; one label in two thousand has the key and the time of another."""
    key = random.integers(0, int(keys * 1.01) + 1, labels)
    moment = _moments(random, labels)
    again = np.flatnonzero(random.random(labels) < 0.0005)
    like = random.integers(0, labels, len(again))
    key[again], moment[again] = key[like], moment[like]
    return pa.table(
        {
            "label": np.arange(labels),
            "key": key,
            "label_ts": pa.array(moment).cast(TIME),
            "weight": random.random(labels),
        }
    )


def _moments(random: np.random.Generator, number: int) -> np.ndarray:
    start = int(START.timestamp()) * _SECOND_MICROS
    return start + random.integers(0, DAYS * _DAY_MICROS // _SECOND_MICROS, number) * _SECOND_MICROS
