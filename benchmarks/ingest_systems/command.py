"""The command line that every system has: ingest a day, or say what the store holds and what it should hold.

python -m ingest_systems.NAME ingest --home DIR --corpus DIR --day DAY --model DIR --result FILE
python -m ingest_systems.NAME inspect (the same)
"""

import argparse
import json
from pathlib import Path
from typing import Protocol

from ingest_systems.meter import Meter

CHUNK_TOKENS = 200
# Chunks by the path of their document.
Chunks = dict[str, list[str]]


class System(Protocol):
    """A way to get documents into a persistent vector store under `home`."""

    def ingest(self, corpus: Path, day: str) -> None:
        """Bring the store to a day's documents."""
        ...

    def stored(self) -> Chunks:
        """Every chunk that a search could find."""
        ...

    def wanted(self, corpus: Path, day: str) -> Chunks:
        """The chunks of a day's documents by the system's own splitter."""
        ...


class MakeSystem(Protocol):
    def __call__(self, home: Path, model: Path, meter: Meter, batch_size: int) -> System: ...


def run(make: MakeSystem) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["ingest", "inspect"])
    for name in ("--home", "--corpus", "--model", "--result"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--day", required=True)
    parser.add_argument("--batch-size", type=int, default=0, help="chunks the system handles at a time, where it asks")
    parser.add_argument("--kill-after-texts", type=int)
    parser.add_argument("--kill-after-writes", type=int)
    given = parser.parse_args()
    meter = Meter(given.result, given.kill_after_texts, given.kill_after_writes)
    system = make(given.home, given.model, meter, given.batch_size)
    if given.action == "ingest":
        system.ingest(given.corpus, given.day)
        meter.save()
    else:
        found = {"stored": system.stored(), "wanted": system.wanted(given.corpus, given.day)}
        given.result.write_text(json.dumps(found))
