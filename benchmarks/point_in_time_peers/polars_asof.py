"""polars: `join_asof` over timelines compiled by polars, so that its cells are right.

By itself `join_asof` knows one time: over the raw rows it cannot say that a late, older row does not win. The compile is the
one of Assay, written in polars: sorted by when a row became visible, a running maximum per key. What remains to be said
after the join, tombstones and the ttl of the winner, is an expression.
"""

from pathlib import Path

import polars as pl
import pyarrow as pa

from point_in_time_peers.history import TTL, VALUES, VIEWS
from point_in_time_peers.measured import System, run

Frames = dict[str, pl.DataFrame]


def load(folder: Path) -> Frames:
    return {name: pl.read_parquet(folder / f"{name}.parquet") for name in ("labels", *VIEWS)}


def prepare(frames: Frames) -> Frames:
    """Timelines sorted by `valid_from`, as `join_asof` wants them."""
    prepared = {"labels": frames.pop("labels")}
    for view in VIEWS:
        prepared[view] = (
            frames.pop(view)
            .lazy()
            .with_columns(valid_from=pl.max_horizontal("event_ts", "available_at"))
            .sort("key", "valid_from", "event_ts", "available_at", "seq")
            .filter(pl.col("event_ts") == pl.col("event_ts").cum_max().over("key"))
            .unique(["key", "valid_from"], keep="last", maintain_order=True)
            .select(
                "key",
                "valid_from",
                *(pl.col(one).alias(f"{view}__{one}") for one in (*VALUES, "event_ts", "is_deleted")),
            )
            .sort("valid_from", maintain_order=True)
            .collect()
        )
    return prepared


def join(frames: Frames) -> pl.DataFrame:
    joined = frames["labels"].lazy().sort("label_ts")
    for view in VIEWS:
        joined = joined.join_asof(
            frames[view].lazy(),
            left_on="label_ts",
            right_on="valid_from",
            by="key",
            strategy="backward",
            check_sortedness=False,
        ).drop("valid_from", strict=False)
        event, deleted = f"{view}__event_ts", f"{view}__is_deleted"
        stands = pl.col(deleted).not_() & (pl.col(event) >= pl.col("label_ts") - TTL)
        joined = joined.with_columns(
            pl.when(stands).then(pl.col(f"{view}__{value}")).alias(f"{view}__{value}") for value in VALUES
        ).drop(event, deleted)
    return joined.sort("label").collect()


def answer(joined: pl.DataFrame) -> pa.Table:
    return joined.to_arrow()


if __name__ == "__main__":
    run(System(f"polars {pl.__version__} join_asof", load, prepare, join, answer))
