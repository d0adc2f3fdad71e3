"""Whether a store holds what it should: every document judged by its chunks."""

from collections import Counter
from dataclasses import dataclass

from ingest_systems.command import Chunks


@dataclass(frozen=True)
class Verdict:
    """Documents by how they stand in the store.

    `current`: exactly the chunks of the day. `stale`: exactly those of the day before. `missing`: no chunk.
    `mixed`: old chunks beside new ones, or a chunk more often than it should be. `incomplete`: some chunks are not
    there. `unknown`: in the store, and not among the documents.
    """

    current: int = 0
    stale: int = 0
    missing: int = 0
    mixed: int = 0
    incomplete: int = 0
    unknown: int = 0

    @property
    def broken(self) -> int:
        """Documents that stand neither as they were nor as they are."""
        return self.missing + self.mixed + self.incomplete + self.unknown

    @property
    def wrong(self) -> int:
        return self.stale + self.broken


def judge(stored: Chunks, wanted: Chunks, before: Chunks) -> Verdict:
    """The store against the chunks of the day and of the day before."""
    kinds = Counter(
        _kind(Counter(stored.get(document, [])), Counter(chunks), Counter(before.get(document, [])))
        for document, chunks in wanted.items()
    )
    return Verdict(**kinds, unknown=len(stored.keys() - wanted.keys()))


def _kind(found: Counter[str], new: Counter[str], old: Counter[str]) -> str:
    # A chunk whose text a document holds twice may be stored once: LangChain's ids are hashes of the text.
    doubled = any(found[text] > max(new[text], old[text]) for text in found)
    if found.keys() == new.keys() and not doubled:
        return "current"
    if not found:
        return "missing"
    if found.keys() == old.keys() and not doubled:
        return "stale"
    leftover, arrived = found.keys() - new.keys(), found.keys() - old.keys()
    return "mixed" if doubled or (leftover and arrived) else "incomplete"
