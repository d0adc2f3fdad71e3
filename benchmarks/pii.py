"""Look for personal data in a planted set and in two public corpora, with Assay and with plain expressions.

    python benchmarks/pii.py [--texts N]

The planted set is that of `tests/documents/planted_pii.py`: values made by rules among words and look-alikes; a finding is
right when kind, start and end are. The corpora (PowerShell documentation, SciFact) come from `ASSAY_SHARED_DATA` (default
`../shared/data`); there findings are counted per 1,000 documents, and `--show N` prints some of each kind to be read.
The expressions are those that are commonly given for these kinds, without a check of what they find.
Exits 2 where there is no data.
"""

import argparse
import json
import os
import platform
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.documents.pii import PII_KINDS, Finding, find_pii

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests" / "documents"))
from planted_pii import planted_text  # noqa: E402  found through the line above

PLAIN = {
    "email": re.compile(r"[\w.+%-]+@[\w-]+\.[\w.-]+"),
    "phone": re.compile(r"\+?\(?\d[\d ().-]{7,16}\d"),
    "iban": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "card": re.compile(r"\b(?:\d[ -]?){12,18}\d\b"),
    "ip": re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"),
    "secret": re.compile(r"(?i)(?<=password[=:])\s?\S+|(?<=key[=:])\s?\S+|\bAKIA[A-Z0-9]{16}\b"),
}
Find = Callable[[str], Iterable[Finding]]


def plain(text: str) -> Iterable[Finding]:
    for kind in PII_KINDS:
        yield from (Finding(kind, *found.span()) for found in PLAIN[kind].finditer(text))


def planted(name: str, find: Find, texts: int) -> None:
    right, found, there = Counter[str](), Counter[str](), Counter[str]()
    for seed in range(texts):
        one = planted_text(Random(seed))
        got = {(each.kind, each.start, each.end) for each in find(one.text)}
        right.update(kind for kind, *_ in got & set(one.places))
        found.update(kind for kind, *_ in got)
        there.update(kind for kind, *_ in one.places)
    for kind in PII_KINDS:
        precision, recall = right[kind] / max(found[kind], 1), right[kind] / there[kind]
        print(f"planted     {name:<6} {kind:<7} {there[kind]:>6} there  precision {precision:.4f}  recall {recall:.4f}")


def corpus(name: str, texts: list[str], shown: int) -> None:
    for system, find in (("assay", find_pii), ("plain", plain)):
        began = time.process_time()
        findings = [(text, one) for text in texts for one in find(text)]
        seconds = time.process_time() - began
        counts = Counter(one.kind for _, one in findings)
        per_thousand = "  ".join(f"{kind} {1000 * counts[kind] / len(texts):.1f}" for kind in PII_KINDS)
        speed = sum(map(len, texts)) / seconds / 1e6
        print(
            f"{name:<11} {system:<6} per 1,000 of {len(texts)} documents: {per_thousand}; {speed:.1f} million characters/s"
        )
        if system == "assay":
            for kind in PII_KINDS:
                of_kind = [each for each in findings if each[1].kind == kind]
                for text, one in Random(1).sample(of_kind, min(shown, len(of_kind))):
                    print(f"    {kind}: {text[max(0, one.start - 40) : one.end + 10]!r}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=3_000)
    parser.add_argument("--show", type=int, default=0, metavar="N")
    given = parser.parse_args()
    root = Path(os.environ.get("ASSAY_SHARED_DATA") or CHECKOUT.parent / "shared" / "data")
    snapshots, scifact = (
        root / "dev" / "powershell_docs_history" / "snapshots.parquet",
        root / "dev" / "scifact" / "corpus.jsonl",
    )
    if not (snapshots.exists() and scifact.exists()):
        print(f"No corpora under `{root}`; say where they are with `ASSAY_SHARED_DATA`.", file=sys.stderr)
        return 2
    for name, find in (("assay", find_pii), ("plain", plain)):
        planted(name, find, given.texts)
    rows = pq.read_table(snapshots, columns=["snapshot_date", "text"])
    newest = rows.filter(pc.equal(rows["snapshot_date"], pc.max(rows["snapshot_date"])))
    corpus("powershell", newest["text"].to_pylist(), given.show)
    documents = map(json.loads, scifact.read_text(encoding="utf-8").splitlines())
    corpus("scifact", [f"{one['title']}\n{one['text']}" for one in documents], given.show)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
