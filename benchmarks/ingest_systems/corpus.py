"""The documents of the benchmark: some paths of the PowerShell documentation on three dates."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# First load, update 1 (1.3% of all documents edited), update 2 (25%). The step before them mostly adds files.
DAYS = ("2026-05-08", "2026-06-12", "2026-06-26")
# One path in so many is one that update 1 edits; all others are taken as they come, with update 2's natural churn.
EDITED_EARLY_ONE_IN = 10


@dataclass(frozen=True)
class Corpus:
    """A folder with `snapshots.parquet` and a `DAY.jsonl` per day, how many documents it holds and each update edits."""

    folder: Path
    documents: int
    edited: tuple[int, ...]
    characters: int


def write_corpus(snapshots: Path, count: int, folder: Path) -> Corpus:
    """Choose `count` paths of a table of snapshots and write their texts under `folder`.

    The rule: of the paths that stand on all three days, a tenth are the first (by sha256 of the path) that update 1
    edits, the rest the first of all others.
    """
    import pyarrow as pa  # here: the peers read only what is written below, and have no pyarrow
    import pyarrow.parquet as pq

    texts: dict[str, dict[str, str]] = {day: {} for day in DAYS}
    for row in pq.read_table(snapshots, columns=["path", "snapshot_date", "text"]).to_pylist():
        if row["snapshot_date"] in texts:
            texts[row["snapshot_date"]][row["path"]] = row["text"]
    chosen = sorted(_chosen(texts, count))
    folder.mkdir(parents=True)
    rows = [{"path": path, "snapshot_date": day, "text": texts[day][path]} for day in DAYS for path in chosen]
    pq.write_table(pa.Table.from_pylist(rows), folder / "snapshots.parquet")
    for day in DAYS:
        with (folder / f"{day}.jsonl").open("w", encoding="utf-8") as lines:
            for path in chosen:
                lines.write(json.dumps({"path": path, "text": texts[day][path]}) + "\n")
    first, second, third = (texts[day] for day in DAYS)
    edited = tuple(sum(old[one] != new[one] for one in chosen) for old, new in ((first, second), (second, third)))
    return Corpus(folder, len(chosen), edited, sum(len(first[path]) for path in chosen))


def read_day(folder: Path, day: str) -> Iterator[tuple[str, str]]:
    """(path, text) of every document of a day."""
    with (folder / f"{day}.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            yield row["path"], row["text"]


def _chosen(texts: dict[str, dict[str, str]], count: int) -> list[str]:
    first, second, third = (texts[day] for day in DAYS)
    paths = sorted(first.keys() & second.keys() & third.keys(), key=_hash)
    edited = [path for path in paths if first[path] != second[path]][: count // EDITED_EARLY_ONE_IN]
    others = [path for path in paths if first[path] == second[path]]
    return edited + others[: count - len(edited)]


def _hash(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()
