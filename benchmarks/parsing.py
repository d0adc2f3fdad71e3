"""Parse every real file within the limits of a worker; then time PDFs beside pdfplumber, pypdf and markitdown.

    python3.11 -m venv .venv-peers-parsing && .venv-peers-parsing/bin/pip install -r benchmarks/parsing_peers.txt
    .venv/bin/python benchmarks/parsing.py [--peers-python PYTHON] [--only outcomes|tables|speed] [--repeats N]

Claims: every file is parsed or refused for a reason that the index lets one expect; no worker needs more than half of
its memory; the columns of the NICS sheet sum to its totals; every ruled table is found and none is invented; and
all PDFs of text and tables cost less CPU than with any peer. Files come from `ASSAY_SHARED_DATA` (default
`../shared/data`). Exits 1 on a broken claim, 2 without data or peers.
"""

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from chunk_offsets import data_folder
from parsing_files import index

from assay.documents.parsing import ParsedDocument, ParserPool, parse_here
from assay.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[1]
READER = CHECKOUT / "benchmarks" / "parsing_files" / "read_pdfs.py"
PEERS = ("pdfplumber", "pdfplumber-tables", "pypdf", "markitdown")
SCANS = ("scans_derived/", "ocrmypdf/ccitt", "ocrmypdf/3small")
TOKEN = re.compile(r"\w+")


def outcomes(folder: Path) -> list[str]:
    """Parse everything as silver does; gives the broken claims."""
    settings = Settings(_env_file=None)
    expectations = {row["file"]: index.expected(row) for row in index.rows(folder)}
    files = [*expectations, *index.others(folder)]
    found: dict[str, str] = {}
    began = time.monotonic()
    with ParserPool(
        workers=settings.parse_workers,
        timeout_seconds=settings.parse_timeout_seconds,
        memory_bytes=settings.parse_memory_bytes,
    ) as pool:
        for name, answer in pool.parse_many((name, folder / name, name) for name in files):
            found[name] = index.TEXT if isinstance(answer, ParsedDocument) else answer.reason
            if isinstance(answer, ParsedDocument) and answer.refused_pages:
                print(f"  pages refused in {name}: {[(page.page, page.reason) for page in answer.refused_pages]}")
    seconds = time.monotonic() - began
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    limit_mib = settings.parse_memory_bytes / 2**20
    print(f"{len(found)} of {len(files)} files answered in {seconds:.0f} s: {dict(Counter(found.values()))}")
    print(f"largest process: {peak_mib:.0f} MiB resident, of {limit_mib:.0f} MiB of address space")
    for name in (name for name in files if name not in expectations and found[name] != index.TEXT):
        print(f"  refused: {name}: {found[name]}")
    broken = [f"{name}: {found[name]}" for name, allowed in expectations.items() if found[name] not in allowed]
    broken += [
        f"{name}: {found[name]}" for name in files if found.get(name) in (None, "crashed", "timeout", "out_of_memory")
    ]
    return broken + ([f"{peak_mib:.0f} MiB"] if peak_mib > limit_mib / 2 else [])


def tables(folder: Path, python: str) -> list[str]:
    """Ruled tables found and invented, beside pdfplumber with its defaults."""
    pdfs = folder / "pdfs"
    names = [*index.RULED_TABLES, *index.WITHOUT_TABLES]
    paths = [str(pdfs / name) for name in names]
    ours = read("assay", sys.executable, paths)
    theirs = read("pdfplumber-tables", python, paths)
    broken: list[str] = []
    print("| system | ruled tables | found in their files | in files without one |\n|---|---|---|---|")
    for system, results in (("Assay", ours), ("pdfplumber", theirs)):
        counts = {str(Path(line["file"]).relative_to(pdfs)): line["tables"] for line in results}
        ruled = sum(counts[name] for name in index.RULED_TABLES)
        invented = sum(counts[name] for name in index.WITHOUT_TABLES)
        print(f"| {system} | {sum(index.RULED_TABLES.values())} | {ruled} | {invented} |")
        if system == "Assay":
            broken += [
                f"{name}: {counts[name]} tables" for name, count in index.RULED_TABLES.items() if counts[name] != count
            ]
            broken += [f"{name}: {counts[name]} tables" for name in index.WITHOUT_TABLES if counts[name]]
    [sheet] = parse_here((pdfs / index.NICS_SHEET).read_bytes(), index.NICS_SHEET).tables
    _, *states, totals = sheet.rows
    wrong = [
        column
        for column in range(1, len(totals))
        if sum(figure(row[column]) for row in states) != figure(totals[column])
    ]
    print(
        f"NICS sheet: {len(states)} rows, {len(totals) - 1 - len(wrong)} of {len(totals) - 1} columns sum to their total"
    )
    return broken + [f"NICS column {column}" for column in wrong]


def figure(cell: str) -> int:
    return int(re.sub(r"\D", "", cell) or 0)


def speed(folder: Path, python: str, repeats: int) -> list[str]:
    """CPU seconds and tokens per kind; gives the broken claims."""
    kinds = {"text": [], "ruled tables": [], "scan": []}
    for row in index.rows(folder):
        name = row["file"]
        if name.removeprefix("pdfs/") in index.RULED_TABLES:
            kinds["ruled tables"].append(str(folder / name))
        elif row["kind"] == "text":
            kinds["text"].append(str(folder / name))
        elif row["kind"] == "scan" and any(scan in name for scan in SCANS):
            kinds["scan"].append(str(folder / name))
    broken: list[str] = []
    print(
        "| kind | system | files read | pages | pages/CPU s | Assay's of its tokens | its of Assay's tokens |\n|---|---|---|---|---|---|---|"
    )
    for kind, paths in kinds.items():
        ours = best_of("assay", sys.executable, paths, 1 if kind == "scan" else repeats)
        if kind == "text":
            # Files of text with a page that is a picture: no peer reads it, and it costs as much as 500 of text.
            paths = [line["file"] for line in ours if not line["by_ocr"]]
            ours = [line for line in ours if not line["by_ocr"]]
        rate = pages_per_second(ours)
        print(f"| {kind} | Assay | {files_read(ours)} | {pages(ours)} | {rate:.1f} | | |")
        for system in ("pdfium", *PEERS):
            where = sys.executable if system == "pdfium" else python
            theirs = best_of(system, where, paths, 1 if kind == "scan" else repeats)
            if not any(line["text"].strip() for line in theirs):
                print(f"| {kind} | {system} | no text | | | | |")
                continue
            print(
                f"| {kind} | {system} | {files_read(theirs)} | {pages(theirs)} | {pages_per_second(theirs):.1f} | "
                f"{overlap(theirs, ours):.3f} | {overlap(ours, theirs):.3f} |"
            )
            if kind != "scan" and system in PEERS and pages_per_second(theirs) >= rate:
                broken.append(f"{system} reads {kind} at {pages_per_second(theirs):.1f} pages/s, Assay at {rate:.1f}")
    return broken


def best_of(system: str, python: str, paths: Sequence[str], repeats: int) -> list[dict]:
    """Every file's quickest reading of some, each of which is a process of its own."""
    runs = [read(system, python, paths) for _ in range(repeats)]
    return [min(lines, key=lambda line: line["seconds"]) for lines in zip(*runs, strict=True)]


def read(system: str, python: str, paths: Sequence[str]) -> list[dict]:
    # One thread: tesseract's own would be counted twice over on a machine with more cores.
    done = subprocess.run(
        [python, str(READER), system, *paths], stdout=subprocess.PIPE, text=True, check=True,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def pages(lines: Sequence[dict]) -> int:
    return sum(line["pages"] for line in lines)


def files_read(lines: Sequence[dict]) -> int:
    return sum(bool(line["pages"]) for line in lines)


def pages_per_second(lines: Sequence[dict]) -> float:
    return pages(lines) / max(1e-9, sum(line["seconds"] for line in lines if line["pages"]))


def overlap(expected: Sequence[dict], found: Sequence[dict]) -> float:
    """The share of the expected tokens, with their number, that were found in the same file."""
    total = shared = 0
    for one, other in zip(expected, found, strict=True):
        wanted, had = (Counter(TOKEN.findall(line["text"].lower())) for line in (one, other))
        total += wanted.total()
        shared += (wanted & had).total()
    return shared / max(1, total)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-python", default=str(CHECKOUT / ".venv-peers-parsing" / "bin" / "python"))
    parser.add_argument("--only", choices=("outcomes", "tables", "speed"))
    parser.add_argument("--repeats", type=int, default=3, help="Readings of every file, of which the quickest counts.")
    given = parser.parse_args()
    folder = data_folder()
    if folder is None or not (folder / "pdfs" / "INDEX.csv").exists():
        print("No data: set ASSAY_SHARED_DATA.", file=sys.stderr)
        return 2
    if given.only != "outcomes" and not Path(given.peers_python).exists():
        print(f"No peers: see the head of {Path(__file__).name}.", file=sys.stderr)
        return 2
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    print(f"{len(names)} cores, {names[0]}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    broken: list[str] = []
    if given.only in (None, "outcomes"):
        broken += outcomes(folder)
    if given.only in (None, "tables"):
        broken += tables(folder, given.peers_python)
    if given.only in (None, "speed"):
        broken += speed(folder, given.peers_python, given.repeats)
    for claim in broken:
        print(f"broken: {claim}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
