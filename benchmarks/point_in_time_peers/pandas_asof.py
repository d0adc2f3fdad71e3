"""pandas: `merge_asof` over timelines compiled by pandas, sorted by `valid_from` as it wants them.

Like every as-of join it knows one time, so over the raw rows it would be wrong: the compile is Assay's, written in pandas.
"""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from point_in_time_peers.history import TTL, VALUES, VIEWS
from point_in_time_peers.measured import System, run

Frames = dict[str, pd.DataFrame]


def load(folder: Path) -> Frames:
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("labels", *VIEWS)}


def prepare(frames: Frames) -> Frames:
    prepared = {"labels": frames.pop("labels")}
    for view in VIEWS:
        rows = frames.pop(view)
        rows["valid_from"] = rows[["event_ts", "available_at"]].max(axis=1)
        rows = rows.sort_values(["key", "valid_from", "event_ts", "available_at", "seq"])
        rows = rows[rows["event_ts"] == rows.groupby("key")["event_ts"].cummax()]
        rows = rows.drop_duplicates(["key", "valid_from"], keep="last").sort_values("valid_from", kind="stable")
        names = {one: f"{view}__{one}" for one in (*VALUES, "event_ts", "is_deleted")}
        prepared[view] = rows[["key", "valid_from", *names]].rename(columns=names)
    return prepared


def join(frames: Frames) -> pd.DataFrame:
    joined = frames["labels"].sort_values("label_ts", kind="stable")
    for view in VIEWS:
        joined = pd.merge_asof(joined, frames[view], left_on="label_ts", right_on="valid_from", by="key")
        event, deleted = joined.pop(f"{view}__event_ts"), joined.pop(f"{view}__is_deleted")
        stands = deleted.eq(False) & (event >= joined["label_ts"] - TTL)
        for value in VALUES:
            joined[f"{view}__{value}"] = joined[f"{view}__{value}"].where(stands)
        del joined["valid_from"]
    return joined.sort_values("label", kind="stable")


def answer(joined: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(joined, preserve_index=False)


if __name__ == "__main__":
    run(System(f"pandas {pd.__version__} merge_asof", load, prepare, join, answer))
