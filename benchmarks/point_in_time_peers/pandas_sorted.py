"""pandas as it is used by itself: rows sorted by when they were known, `merge_asof` over that one time.

Nothing is compiled, so a late row about an older event wins over what is newer.
"""

import pandas as pd

from point_in_time_peers import pandas_asof
from point_in_time_peers.history import VALUES, VIEWS
from point_in_time_peers.measured import System, run


def join(frames: pandas_asof.Frames) -> pd.DataFrame:
    arrivals = {"labels": frames["labels"]}
    names = {"available_at": "valid_from"}
    for view in VIEWS:
        names |= {one: f"{view}__{one}" for one in (*VALUES, "event_ts", "is_deleted")}
        rows = frames[view].sort_values(["available_at", "event_ts", "seq"])
        arrivals[view] = rows[["key", "available_at", *VALUES, "event_ts", "is_deleted"]].rename(columns=names)
    return pandas_asof.join(arrivals)


if __name__ == "__main__":
    name = f"pandas {pd.__version__} merge_asof, only sorted"
    run(System(name, pandas_asof.load, lambda frames: frames, join, pandas_asof.answer))
