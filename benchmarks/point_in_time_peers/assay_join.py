"""Assay: a timeline of each view, compiled once, and the point-in-time join over them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from assay.features import Timeline, point_in_time_join
from point_in_time_peers.history import TTL, VALUES, VIEWS
from point_in_time_peers.measured import System, run


def load(folder: Path) -> dict[str, pa.Table]:
    return {name: pq.read_table(folder / f"{name}.parquet") for name in ("labels", *VIEWS)}


def prepare(tables: dict[str, pa.Table]) -> tuple[pa.Table, dict[str, Timeline]]:
    views = {view: Timeline.compile(tables.pop(view), entity="key", values=VALUES, ttl=TTL) for view in VIEWS}
    return tables["labels"], views


def join(prepared: tuple[pa.Table, dict[str, Timeline]]) -> pa.Table:
    return point_in_time_join(*prepared)


if __name__ == "__main__":
    run(System("Assay", load, prepare, join, lambda joined: joined))
