"""polars as it is used by itself: rows sorted by when they were known, `join_asof` over that one time.

Nothing is compiled, so a late row about an older event wins over what is newer.
"""

import polars as pl

from point_in_time_peers import polars_asof
from point_in_time_peers.history import VALUES, VIEWS
from point_in_time_peers.measured import System, run


def join(frames: polars_asof.Frames) -> pl.DataFrame:
    arrivals = {"labels": frames["labels"]}
    for view in VIEWS:
        names = [pl.col(one).alias(f"{view}__{one}") for one in (*VALUES, "event_ts", "is_deleted")]
        rows = frames[view].lazy().sort("available_at", "event_ts", "seq")
        arrivals[view] = rows.select("key", pl.col("available_at").alias("valid_from"), *names).collect()
    return polars_asof.join(arrivals)


if __name__ == "__main__":
    name = f"polars {pl.__version__} join_asof, only sorted"
    run(System(name, polars_asof.load, lambda frames: frames, join, polars_asof.answer))
