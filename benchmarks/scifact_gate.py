"""The gate on a difference that is known: SciFact by dense search against hybrid search, judged by `compare`.

    python benchmarks/scifact_gate.py [--home DIR]

Both arms are asked the 300 judged queries through the searcher that serves; an item is a query, its score its nDCG@10. The
claims: hybrid against dense passes and its difference lies surely above 0; dense against hybrid fails by non-inferiority;
hybrid against itself passes nowhere worse. Embedding the corpus takes some 7 CPU minutes once; `--home` keeps the vectors.
Texts come from `ASSAY_SHARED_DATA` (default `../shared/data`). Exits 1 where a claim fails, 2 without data.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from assay.embeddings import Embedder
from assay.evaluation import (
    GateDecision,
    GatePolicy,
    ItemScore,
    RetrievalReport,
    compare,
    evaluate_retrieval,
    read_beir,
)
from assay.settings import Settings

METRIC = "passages/ndcg@10"


def data_folder() -> Path | None:
    """The folder of the corpus, or None."""
    checkout = Path(__file__).resolve().parents[1]
    root = Path(os.environ.get("ASSAY_SHARED_DATA") or checkout.parent / "shared" / "data")
    folder = (root / "dev" if (root / "dev").is_dir() else root) / "scifact"
    return folder if folder.is_dir() else None


def arm(report: RetrievalReport) -> list[ItemScore]:
    """A score per query; queries share no source document that is known of, so each is its own cluster."""
    return [ItemScore(query, None, METRIC, scores.ndcg) for query, scores in report.scores.items()]


def judged(what: str, candidate: Sequence[ItemScore], baseline: Sequence[ItemScore]) -> GateDecision:
    decision = compare(candidate, baseline, GatePolicy())
    row = decision.metrics[0]
    print(f"{what}: {decision.verdict}" + (f" by {decision.decided_by}" if decision.decided_by else ""))
    print(f"  nDCG@10 {row.candidate:.4f} against {row.baseline:.4f}, n {row.n}")
    print(f"  difference {row.difference:+.4f}, surely above {row.lower:+.4f}, surely below {row.upper:+.4f}")
    return decision


def main() -> int:
    options = argparse.ArgumentParser(description="SciFact, dense against hybrid, through the gate.")
    options.add_argument("--home", type=Path, help="keep the vectors here; otherwise in a folder that is removed")
    wanted = options.parse_args()
    folder = data_folder()
    if folder is None:
        print("SciFact is missing. Name the folder that holds it: `ASSAY_SHARED_DATA=DIR`.", file=sys.stderr)
        return 2
    began = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        home = wanted.home or Path(scratch) / "home"
        embedder = Embedder.open(Settings(_env_file=None, home=home))
        dataset = read_beir(folder)
        dense, hybrid = (
            arm(evaluate_retrieval(dataset, embedder, mode, Path(scratch))) for mode in ("dense", "hybrid")
        )
    better = judged("hybrid, where dense serves", hybrid, dense)
    worse = judged("dense, where hybrid serves", dense, hybrid)
    same = judged("hybrid, where hybrid serves", hybrid, hybrid)
    print(f"{time.process_time() - began:.0f} CPU seconds")
    held = (
        better.verdict == "PASS"
        and (better.metrics[0].lower or 0.0) > 0
        and (worse.verdict, worse.decided_by) == ("FAIL", "non_inferiority")
        and same.verdict == "PASS"
    )
    if not held:
        print("A CLAIM FAILS", file=sys.stderr)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
