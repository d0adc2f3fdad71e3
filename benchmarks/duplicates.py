"""Near duplicates: precision and recall against exact Jaccard similarity, documents per second against datasketch.

    python benchmarks/duplicates.py [--peer-python .venv-peers/bin/python]

Four claims on `powershell_docs_history` (its newest snapshot, and `near_dup_pairs.parquet` with the exact similarity of
6,572 pairs): which pairs are taken for near duplicates at a threshold; how fast documents are signed and looked up; that
no page is removed for being like the same page of another product version; that an update signs what it changed.
Texts come from `ASSAY_SHARED_DATA` (default `../shared/data`). Exits 1 where a claim fails, 2 without data or peer.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.documents.duplicates import DUPLICATES, write_duplicates
from assay.documents.duplicates.canonicals import Likeness, find_duplicates, pair_of
from assay.documents.duplicates.scopes import Audience, Candidate, candidates
from assay.documents.duplicates.shingles import jaccard, shingles
from assay.documents.duplicates.signatures import HASHES, Signatures, signatures_of
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE
from assay.schema import Table
from assay.settings import Settings, SourceSettings
from assay.workspace import Run, Workspace

THRESHOLDS = (0.8, 0.85, 0.9, 0.95)
DEFAULT = Settings.model_fields["duplicate_threshold"].default
ROUNDS = 3
ANYBODY = Audience("docs", "default", ("public",), "")
PEER = Path(__file__).with_name("duplicates_peers") / "datasketch_side.py"
# The share of pairs that a right answer must reach: a pair on the threshold may be missed once in 2,000.
LEAST_RECALL = 0.995


def data_folder() -> Path | None:
    """The folder of the corpus, or None."""
    checkout = Path(__file__).resolve().parents[1]
    root = Path(os.environ.get("ASSAY_SHARED_DATA") or checkout.parent / "shared" / "data")
    folder = (root / "dev" if (root / "dev").is_dir() else root) / "powershell_docs_history"
    return folder if folder.is_dir() else None


def snapshots(folder: Path) -> dict[str, dict[str, str]]:
    """The texts by date and path."""
    dates: dict[str, dict[str, str]] = {}
    for row in pq.read_table(folder / "snapshots.parquet", columns=["path", "snapshot_date", "text"]).to_pylist():
        dates.setdefault(row["snapshot_date"], {})[row["path"]] = row["text"]
    return {one: dict(sorted(dates[one].items())) for one in sorted(dates)}


def of_paths(paths: Sequence[str], texts: Mapping[str, str]) -> list[Candidate]:
    """Documents that anybody may find, whatever version their paths name."""
    return [Candidate(path, sha256(texts[path].encode()).hexdigest(), ANYBODY) for path in paths]


def known(documents: Sequence[Candidate], signatures: Signatures, threshold: float, compared: Any = None) -> Likeness:
    places = {one.text_hash: place for place, one in enumerate(documents)}
    return Likeness(threshold, places, signatures, compared or {}, guess=compared is None)


def judged(pairs: Sequence[dict[str, Any]], texts: Mapping[str, str], peer: Mapping[str, list[bool]]) -> bool:
    """Print precision and recall by threshold; whether ours are as claimed at the default one."""
    sets = {
        path: shingles(texts[path]) for path in sorted({one[name] for one in pairs for name in ("path_a", "path_b")})
    }
    places = dict(zip(sets, signatures_of(list(sets.values())), strict=True))
    exact = [jaccard(sets[one["path_a"]], sets[one["path_b"]]) for one in pairs]
    assert all(abs(mine - one["jaccard5"]) < 1e-9 for mine, one in zip(exact, pairs, strict=True)), "other shingles"
    holds = True
    print(f"\nNear duplicates among {len(pairs)} pairs, against exact Jaccard similarity\n")
    print("| threshold | pairs at or above | Assay precision | recall | datasketch precision | recall |")
    print("|---|---|---|---|---|---|")
    for threshold in THRESHOLDS:
        truth = [one["jaccard5"] >= threshold for one in pairs]
        ours: list[bool] = []
        for one, alike in zip(pairs, exact, strict=True):
            two = of_paths([one["path_a"], one["path_b"]], texts)
            signatures = np.stack([places[one["path_a"]], places[one["path_b"]]])
            compared = {pair_of(two[0].text_hash, two[1].text_hash): alike}
            ours.append(bool(find_duplicates(two, known(two, signatures, threshold, compared)).duplicates))
        precision, recall = scores(ours, truth)
        others = scores(peer[str(threshold)], truth)
        print(f"| {threshold} | {sum(truth)} | {precision:.4f} | {recall:.4f} | {others[0]:.4f} | {others[1]:.4f} |")
        if threshold == DEFAULT:
            holds = precision == 1 and recall >= LEAST_RECALL
    return holds


def scores(said: Sequence[bool], truth: Sequence[bool]) -> tuple[float, float]:
    """Precision and recall."""
    right = sum(mine and true for mine, true in zip(said, truth, strict=True))
    return right / max(sum(said), 1), right / max(sum(truth), 1)


def timed(texts: Mapping[str, str]) -> tuple[dict[str, float], int]:
    """CPU seconds for all texts in one scope, the median of some rounds; and how many duplicates were found."""
    documents, rounds, found = of_paths(list(texts), texts), [], 0
    for _ in range(ROUNDS):
        start = time.process_time()
        sets = [shingles(text) for text in texts.values()]
        cut = time.process_time()
        signatures = signatures_of(sets)
        signed = time.process_time()
        found = len(find_duplicates(documents, known(documents, signatures, DEFAULT)).duplicates)
        rounds.append((cut - start, signed - cut, time.process_time() - signed))
    return dict(
        zip(("shingles", "signatures", "lookup"), map(statistics.median, zip(*rounds, strict=True)), strict=True)
    ), found


def row_of(table: Table, **columns: Any) -> dict[str, Any]:
    """A row of `table` with these of its columns, whatever else it needs filled."""
    filling = {"string": "x", "int64": 1, "bool": False, "date32[day]": date(2026, 1, 1)}
    rest = {one.name: None if one.nullable else filling.get(str(one.type), []) for one in table.schema}
    return rest | {name: value for name, value in columns.items() if name in rest}


def write_state(workspace: Workspace, texts: Mapping[str, str], day: date) -> list[dict[str, Any]]:
    """The lake's state as the pipeline would leave it after a snapshot."""
    rows: list[dict[str, Any]] = [
        {
            "document_id": f"docs:{path}", "source": "docs", "day": day, "text": text, "text_source": "docs", "text_day": day,
            "text_version": 1, "text_hash": sha256(text.encode()).hexdigest(), "title": path, "tenant": "default",
            "allowed_principals": ["public"],
        }
        for path, text in texts.items()
    ]  # fmt: skip
    for table, partitions in ((DOCUMENTS, {"source": "docs", "day": day}), (STATE, None)):
        arrow = pa.Table.from_pylist([row_of(table, **row) for row in rows], schema=table.schema)
        if partitions:
            workspace.lake.replace_partition(table, arrow, partitions=partitions)
        else:
            workspace.lake.replace_rows(table, arrow, column="source", values=["docs"])
    return rows


def updates(dates: Mapping[str, Mapping[str, str]], scope: str | None) -> tuple[int, int]:
    """Print what each snapshot costs the real stage; how many pages of another version and how many others are hidden."""
    source = SourceSettings(name="docs", uri="docs", **({} if scope is None else {"duplicate_scope": scope}))
    variants = others = 0
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(_env_file=None, home=Path(home), sources=(source,))
        workspace = Workspace(settings, Run("benchmark", datetime.now(UTC)))
        for one, texts in dates.items():
            day = date.fromisoformat(one)
            rows = write_state(workspace, texts, day)
            began = time.process_time()
            report = write_duplicates(workspace, day)
            seconds = time.process_time() - began
            print(
                f"| {one} | {report.current} | {report.signed} | {report.compared} | {report.exact} | {report.near} "
                f"| {seconds:.1f} |"
            )
            with_default_scope = {
                one.document_id: one.audience.scope for one in candidates(Settings(_env_file=None), rows)
            }
            found = workspace.lake.read(DUPLICATES).to_pylist()
            variants = sum(
                with_default_scope[row["document_id"]] != with_default_scope[row["canonical_id"]] for row in found
            )
            others = len(found) - variants
    return variants, others


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", default=".venv-peers/bin/python", help="a Python that has datasketch")
    arguments = parser.parse_args()
    if (folder := data_folder()) is None:
        print("No data: name it with ASSAY_SHARED_DATA.", file=sys.stderr)
        return 2
    dates = snapshots(folder)
    newest = list(dates.values())[-1]
    everything = pq.read_table(folder / "near_dup_pairs.parquet").to_pylist()
    pairs = [one for one in everything if one["path_a"] in newest and one["path_b"] in newest]
    asked = {"texts": newest, "pairs": [(one["path_a"], one["path_b"]) for one in pairs], "thresholds": THRESHOLDS,
             "threshold": DEFAULT, "hashes": HASHES, "rounds": ROUNDS}  # fmt: skip
    seconds, found = timed(newest)
    try:
        peer = subprocess.run(
            [arguments.peer_python, PEER], input=json.dumps(asked), capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        print(
            f"datasketch did not run: {getattr(error, 'stderr', '') or error}. See benchmarks/peers.txt.",
            file=sys.stderr,
        )
        return 2
    theirs = json.loads(peer.stdout)
    holds = judged(pairs, newest, theirs["pairs"])

    print(
        f"\nCPU seconds for {len(newest)} documents in one scope, {HASHES} hashes, threshold {DEFAULT}; medians of {ROUNDS}\n"
    )
    print("| | shingles | signatures | lookup | documents/s of signature and lookup | of all | duplicates found |")
    print("|---|---|---|---|---|---|---|")
    rates: list[float] = []
    for name, spent, hits in (
        ("Assay", seconds, found),
        (f"datasketch {theirs['version']}", theirs["seconds"], theirs["found"]),
    ):
        rates.append(len(newest) / (spent["signatures"] + spent["lookup"]))
        print(
            f"| {name} | {spent['shingles']:.2f} | {spent['signatures']:.2f} | {spent['lookup']:.2f} | {rates[-1]:,.0f} "
            f"| {len(newest) / sum(spent.values()):,.0f} | {hits} |"
        )
    print(f"\nratio {rates[0] / rates[1]:.1f}")

    hidden: dict[str, tuple[int, int]] = {}
    last = list(dates)[-1]
    for name, scope, some in (("by version", None, dates), ("none", "(?!)", {last: newest})):
        print(f"\nThe real stage, scope {name}\n")
        print(
            "| snapshot | documents | signed | pairs compared | exact | near | CPU s |\n|---|---|---|---|---|---|---|"
        )
        hidden[name] = updates(some, scope)
        print(f"\nof the newest snapshot hidden: {hidden[name][0]} pages of another version, {hidden[name][1]} others")
    print(f"\n{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    return 0 if holds and hidden["by version"][0] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
