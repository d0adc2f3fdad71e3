"""Point-in-time joins: Assay against polars, pandas, a range join in DuckDB and Feast, every cell compared.

    python benchmarks/point_in_time.py [--rows 5000000 --labels 1000000] [--feast-rows 500000 --feast-labels 100000]

Each system in its own process, over the same Parquet files from one seed: two views, late rows, corrections, ties,
tombstones. What comes out right is decided by the range join, which is the definition written as SQL. Feast reads every
row of a label's key into memory, so it gets a smaller history of the same density, and so does Assay beside it. Exits 1
where a cell of Assay is wrong or it is slower than claimed, 2 without the peers of `benchmarks/point_in_time_peers.txt`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from point_in_time_peers.history import DAYS, TTL, VALUES, VIEWS, write_history

from assay.features import Timeline, point_in_time_join

HERE = Path(__file__).parent
# A join over what was compiled is at least so many times faster than each of these from the log: they compile nothing that
# a next join could use without being told how.
CLAIMED = {"polars_asof": 4, "pandas_asof": 7, "range_join": 20}
RIGHT = "range_join"
# They need libraries that Assay does not.
PEERS = {"polars_asof", "polars_sorted", "feast_store"}
GIB = 2**30


def measured(name: str, folder: Path, peer_python: Path) -> dict[str, Any]:
    """What a system's process reports; its answer lies beside. Raises CalledProcessError and OSError."""
    result = folder / f"{name}.json"
    python = peer_python if name in PEERS else Path(sys.executable)
    subprocess.run(
        [python, "-m", f"point_in_time_peers.{name}", "--data", folder, "--result", result],
        cwd=HERE,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(result.read_text())


def wrong(folder: Path, name: str, right: pa.Table) -> tuple[int, np.ndarray]:
    """How many labels the system lost, and for each view (axis 0) of each label it kept whether a cell differs."""
    said = pq.read_table(folder / f"{name}.parquet")
    kept = right.take(said.column("label"))
    differs = [
        np.logical_or.reduce([numbers(said, f"{view}__{one}") != numbers(kept, f"{view}__{one}") for one in VALUES])
        for view in VIEWS
    ]
    return right.num_rows - len(set(said.column("label").to_pylist())), np.array(differs)


def numbers(table: pa.Table, name: str) -> np.ndarray:
    """A column of row numbers or amounts, all of them 0 or greater; -1 for null and for pandas' NaN."""
    return np.nan_to_num(table.column(name).cast(pa.float64()).fill_null(-1).to_numpy(), nan=-1)


def causes(folder: Path, name: str, right: pa.Table) -> dict[str, int]:
    """Of the wrong cells, how many show a row not yet known, another of the same event time, or something else."""
    said = pq.read_table(folder / f"{name}.parquet")
    labels = pq.read_table(folder / "labels.parquet").take(said.column("label"))
    moments = labels.column("label_ts").cast(pa.int64()).to_numpy()
    counts = {"not yet known": 0, "tie": 0, "other": 0}
    for view in VIEWS:
        log = pq.read_table(folder / f"{view}.parquet").sort_by("row")
        event, known = (log.column(one).cast(pa.int64()).to_numpy() for one in ("event_ts", "available_at"))
        chosen = numbers(said, f"{view}__row").astype(np.int64)
        should = numbers(right.take(said.column("label")), f"{view}__row").astype(np.int64)
        differs = chosen != should
        leaks = differs & (chosen >= 0) & (known[chosen] > moments)
        ties = differs & ~leaks & (chosen >= 0) & (should >= 0) & (event[chosen] == event[should])
        counts["not yet known"] += int(leaks.sum())
        counts["tie"] += int(ties.sum())
        counts["other"] += int((differs & ~leaks & ~ties).sum())
    return counts


def one_time_only(folder: Path) -> dict[str, int]:
    """How many cells an as-of join gets wrong that knows one time of a row: when it happened, or when it was known."""
    labels = pq.read_table(folder / "labels.parquet")
    counts = {"event_ts": 0, "available_at": 0}
    for view in VIEWS:
        log = pq.read_table(folder / f"{view}.parquet")
        right = numbers(_joined(labels, view, log), f"{view}__row")
        for name in counts:
            other = "available_at" if name == "event_ts" else "event_ts"
            blind = log.set_column(log.column_names.index(other), other, log.column(name))
            counts[name] += int((numbers(_joined(labels, view, blind), f"{view}__row") != right).sum())
    return counts


def _joined(labels: pa.Table, view: str, log: pa.Table) -> pa.Table:
    return point_in_time_join(labels, {view: Timeline.compile(log, entity="key", values=VALUES)})


def compared(names: Sequence[str], *, rows: int, labels: int, seed: int, peer_python: Path) -> tuple[bool, bool]:
    """Print a table of the systems at one size; whether Assay is right in every cell, and as fast as claimed."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_history(folder, rows=rows, labels=labels, seed=seed)
        figures: dict[str, dict[str, Any]] = {}
        for name in (RIGHT, *names):
            print(f"  {name} ...", file=sys.stderr)
            figures[name] = measured(name, folder, peer_python)
        right = pq.read_table(folder / f"{RIGHT}.parquet")
        print(
            f"\n{labels:,} labels, {len(VIEWS)} views of {rows:,} rows each, {DAYS} days, ttl {TTL.days} days, seed {seed}\n"
        )
        print(
            "| system | compile s | peak GiB | join s | CPU s | peak GiB | rounds "
            "| join: Assay is faster, wall | CPU | peer from the log, Assay compiled | both from the log "
            "| labels lost | wrong cells |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|"
        )
        ours = figures["assay_join"]
        is_right = is_fast = True
        for name, one in figures.items():
            lost, differs = wrong(folder, name, right)
            print(row_of(one, ours, lost, int(differs.sum())))
            if name == "assay_join":
                is_right = lost == 0 and not differs.any()
            is_fast &= whole(one) >= CLAIMED.get(name, 0) * ours["join"]["wall"]
        for name in set(names) & {"feast_store"}:
            print(f"\nFeast's wrong cells by cause: {causes(folder, name, right)}")
            print(f"Cells that an as-of join over one of the times gets wrong, without a ttl: {one_time_only(folder)}")
    return is_right, is_fast


def whole(one: Mapping[str, Any]) -> float:
    """Wall seconds from the log to the joined labels."""
    return one["prepare"]["wall"] + one["join"]["wall"]


def row_of(one: Mapping[str, Any], ours: Mapping[str, Any], lost: int, differing: int) -> str:
    prepare, join = one["prepare"], one["join"]
    cells = [
        one["name"],
        f"{prepare['wall']:.2f}",
        f"{prepare['peak_bytes'] / GIB:.2f}",
        f"{join['wall']:.2f}",
        f"{join['cpu']:.2f}",
        f"{join['peak_bytes'] / GIB:.2f}",
        str(len(join["rounds"])),
        f"{join['wall'] / ours['join']['wall']:.1f}",
        f"{join['cpu'] / ours['join']['cpu']:.1f}",
        f"{whole(one) / ours['join']['wall']:.1f}",
        f"{whole(one) / whole(ours):.1f}",
        str(lost),
        str(differing),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000, help="of each of the two views")
    parser.add_argument("--labels", type=int, default=1_000_000)
    parser.add_argument("--feast-rows", type=int, default=500_000)
    parser.add_argument("--feast-labels", type=int, default=100_000, help="0: without Feast")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--peer-python", type=Path, default=HERE.parent / ".venv-peers-features" / "bin" / "python")
    given = parser.parse_args()
    fast = ["assay_join", "polars_asof", "polars_sorted", "pandas_asof", "pandas_sorted"]
    peer_python = given.peer_python.absolute()  # not resolved: a link out of a virtual environment leaves it
    try:
        outcomes = [compared(fast, rows=given.rows, labels=given.labels, seed=given.seed, peer_python=peer_python)]
        if given.feast_labels:
            small = compared(
                ["assay_join", "feast_store"],
                rows=given.feast_rows,
                labels=given.feast_labels,
                seed=given.seed,
                peer_python=peer_python,
            )
            outcomes.append((small[0], True))
    except (OSError, subprocess.CalledProcessError) as error:
        print(
            f"A system did not run: {getattr(error, 'stderr', '') or error}. See benchmarks/point_in_time_peers.txt.",
            file=sys.stderr,
        )
        return 2
    print(f"\n{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    return 0 if all(right and quick for right, quick in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
