"""The peer of benchmarks/duplicates.py: datasketch on the same shingles, run by a Python that has it.

Reads one JSON document from standard input and prints one: CPU seconds, duplicates found, and what it says of each pair.
"""

import json
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datasketch import MinHash, MinHashLSH

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "platform" / "assay" / "documents" / "duplicates"))
from shingles import shingles  # by path: the module needs nothing else of ours, and the peer's Python has nothing else


def signed(sets: list[list[bytes]], hashes: int) -> list[Any]:
    return list(MinHash.bulk(sets, num_perm=hashes))


def main() -> None:
    asked = json.load(sys.stdin)
    texts, hashes, threshold = asked["texts"], asked["hashes"], asked["threshold"]
    rounds, found, signatures = [], 0, {}
    for _ in range(asked["rounds"]):
        start = time.process_time()
        sets = [[one.encode() for one in shingles(text)] for text in texts.values()]
        cut = time.process_time()
        signatures = dict(zip(texts, signed(sets, hashes), strict=True))
        done = time.process_time()
        lsh, found = MinHashLSH(threshold=threshold, num_perm=hashes), 0
        for path, signature in signatures.items():
            if any(signatures[other].jaccard(signature) >= threshold for other in sorted(lsh.query(signature))):
                found += 1
            else:
                lsh.insert(path, signature)
        rounds.append((cut - start, done - cut, time.process_time() - done))
    pairs: dict[str, list[bool]] = {}
    for one in asked["thresholds"]:
        lsh = MinHashLSH(threshold=one, num_perm=hashes)
        for path, signature in signatures.items():
            lsh.insert(path, signature)
        near = {path: set(lsh.query(signature)) for path, signature in signatures.items()}
        pairs[str(one)] = [b in near[a] and signatures[a].jaccard(signatures[b]) >= one for a, b in asked["pairs"]]
    seconds = dict(
        zip(("shingles", "signatures", "lookup"), map(statistics.median, zip(*rounds, strict=True)), strict=True)
    )
    json.dump({"version": version("datasketch"), "seconds": seconds, "found": found, "pairs": pairs}, sys.stdout)


if __name__ == "__main__":
    main()
