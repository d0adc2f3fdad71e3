"""Parse 2,000 damaged files of every format under the default limits, and see that each costs itself alone.

    PYTHONPATH=tests python tests/faults/soak_mutations.py [--report docs/soak.md] [--count 2000] [--seed 1]

The files are made from sound ones of the script's own and, where ASSAY_SHARED_DATA is set, from real ones. Exits 1 where
a file was not answered exactly once, or ended by its deadline or by a failure of a parser; each such file is printed
with what makes it again. Linux only.
"""

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import measured_parsing
from mutated_files import mutated_files
from soak_report import machine, write_section
from sound_files import real_seed_files, seed_files

from assay.documents.parsing import ParserPool
from assay.documents.parsing.isolation import DEFAULT_MEMORY_BYTES, DEFAULT_TIMEOUT_SECONDS
from assay.errors import DocumentRejected

HEADING = "## Damaged files"
# A refusal that no damage excuses: the file hung, or met a parser that does not know what it raised.
FINDINGS = ("timeout", "crashed")
# Larger real files would take most of the time and no other path.
MAX_REAL_BYTES = 200_000
WORKERS = 2
PARSED = "parsed"


@dataclass
class Soak:
    """What became of the files: name -> answers, and what each parsing took."""

    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    answers: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    details: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    mebibytes: dict[str, float] = field(default_factory=dict)

    def read_log(self, log: Path) -> None:
        for line in log.read_text().splitlines():
            name, seconds, mebibytes = line.split("\t")
            self.seconds[name] = float(seconds)
            self.mebibytes[name] = float(mebibytes)

    def problems(self) -> list[str]:
        found = [
            f"{name} was answered {len(self.answers[name])} times"
            for name in self.files
            if len(self.answers[name]) != 1
        ]
        found += [f"{name}, which was never given, was answered" for name in self.answers.keys() - self.files.keys()]
        found += [f"{name}: {self.details[name]}" for name, [one, *_] in self.answers.items() if one in FINDINGS]
        return found

    def reasons(self, place: int, group: str) -> Counter[str]:
        """Answers of a format (place 0) or of a mutation (1)."""
        return Counter(
            self.answers[name][0] for name, what in self.files.items() if what[place] == group and self.answers[name]
        )


def run(count: int, seed: int, log: Path) -> Soak:
    seeds = seed_files()
    if shared := os.environ.get("ASSAY_SHARED_DATA"):
        for kind, real in real_seed_files(Path(shared), MAX_REAL_BYTES).items():
            seeds[kind] += real
    os.environ[measured_parsing.LOG_VARIABLE] = str(log)
    log.touch()
    soak = Soak()

    def items():
        for file in mutated_files(count, seed, seeds):
            soak.files[file.name] = (file.kind, file.mutation)
            yield file.name, file.data, file.name

    with ParserPool(workers=WORKERS, parse=measured_parsing.parse) as pool:
        for name, answer in pool.parse_many(items()):
            refused = isinstance(answer, DocumentRejected)
            soak.answers[name].append(answer.reason if refused else PARSED)
            soak.details[name] = str(answer) if refused else ""
            if len(soak.answers) % 100 == 0:
                print(f"{len(soak.answers)} of {count}", flush=True)
    soak.read_log(log)
    return soak


def table(soak: Soak, place: int, title: str) -> str:
    rows = [f"| {title} | files | parsed | refused | slowest, s | peak of a worker, MiB |", "|---|---|---|---|---|---|"]
    for group in sorted({what[place] for what in soak.files.values()}):
        reasons = soak.reasons(place, group)
        names = [name for name, what in soak.files.items() if what[place] == group]
        refused = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common() if reason != PARSED)
        slowest = max(soak.seconds.get(name, DEFAULT_TIMEOUT_SECONDS) for name in names)
        peak = max(soak.mebibytes.get(name, 0.0) for name in names)
        rows.append(f"| {group} | {len(names)} | {reasons[PARSED]} | {refused} | {slowest:.1f} | {peak:.0f} |")
    return "\n".join(rows)


def report(soak: Soak, problems: Sequence[str], count: int, seed: int, minutes: float) -> str:
    """The section of the report, from its heading on."""
    names = sorted(soak.seconds, key=lambda name: -soak.seconds[name])[:3]
    slowest = ", ".join(f"{name} {soak.seconds[name]:.1f} s ({soak.answers[name][0]})" for name in names)
    peak = max(soak.mebibytes.values(), default=0.0)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    findings = "\n".join(f"- {problem}" for problem in problems)
    real = " and from real ones" if os.environ.get("ASSAY_SHARED_DATA") else ""
    return f"""{HEADING}

`python tests/faults/soak_mutations.py --count {count} --seed {seed}`, {machine("pypdfium2", "pillow", "lxml")}; {minutes:.0f} minutes.

Made from sound files of every format{real}: bits flipped, noise, truncation, the header of another format, halves of two
files, pieces repeated, archives in archives, damage inside of an Office file's XML, XML bombs, and files that expand. They
go through {WORKERS} workers with the default limits: {DEFAULT_TIMEOUT_SECONDS:g} s for a document, {DEFAULT_MEMORY_BYTES / 2**30:g} GiB of address space for a worker.

**{count} files, {len(soak.files) - sum(len(one) != 1 for one in soak.answers.values())} answered exactly once; {len(problems)} findings.** The peak of a worker was {peak:.0f} MiB; of every process that
parsing started, tesseract's among them, {largest:.0f} MiB. Slowest: {slowest}.
{findings}

{table(soak, 0, "format")}

{table(soak, 1, "mutation")}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, default=Path("docs/soak.md"))
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder, began = Path(tempfile.mkdtemp(prefix="assay-soak-")), time.monotonic()
    soak = run(given.count, given.seed, folder / "parsed.tsv")
    problems = soak.problems()
    section = report(soak, problems, given.count, given.seed, (time.monotonic() - began) / 60)
    write_section(given.report, HEADING, section)
    print(section)
    shutil.rmtree(folder)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
