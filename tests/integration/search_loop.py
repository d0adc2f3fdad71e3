"""Searching without pause beside whatever writes, and what was wrong with any answer."""

import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from generated_days import SECTIONS

from assay.errors import NotReady
from assay.retrieval import Searcher
from assay.settings import Settings

_EDITION = re.compile(r"Edition (\d+) of (document-\d+)")


@dataclass
class SearchLoop:
    """A thread that asks for one document after the other until it is stopped.

    A torn read is an answer with two editions of a document, or with some of its sections only. `names` are documents that
    every day holds: one that was found once is lost when it is not found again.
    """

    settings: Settings
    names: Sequence[str]
    searches: int = 0
    answered: int = 0
    found: set[str] = field(default_factory=set[str])
    lost: list[str] = field(default_factory=list[str])
    torn: list[str] = field(default_factory=list[str])
    errors: Counter[str] = field(default_factory=Counter[str])

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "SearchLoop":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        searcher = Searcher.open(self.settings)
        while not self._stop.is_set():
            for name in self.names:
                if self._stop.wait(0.02):
                    break
                self._ask(searcher, name)

    def _ask(self, searcher: Searcher, name: str) -> None:
        self.searches += 1
        try:
            hits = searcher.search(
                f"edition of {name}", k=3 * SECTIONS, mode="lexical", filters={"document_id": f"generated:{name}.md"}
            )
        except NotReady:
            return  # nothing was released yet
        except Exception as error:
            self.errors[f"{type(error).__name__}: {error}"[:300]] += 1
            return
        found = [match.groups() for hit in hits for match in _EDITION.finditer(hit.text)]
        self.answered += bool(found)
        if found:
            self.found.add(name)
        elif name in self.found:
            self.lost.append(name)
        if found and (len(set(found)) != 1 or len(found) != SECTIONS):
            self.torn.append(f"{name}: {sorted(found)}")
