"""The places between two commits at which a run is killed: every stage of the document path has one or more.

The product has no hooks for this. The function that commits is wrapped from outside, in the process that is to die.
"""

import functools
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, NoReturn

from assay.documents.blobs import BlobStore
from assay.documents.bronze import FEED
from assay.documents.duplicates import DUPLICATES, SIGNATURES
from assay.documents.gold import CHUNKS
from assay.documents.manifests import MANIFESTS
from assay.documents.silver_texts import DOCUMENT_TABLES
from assay.documents.state import STATE
from assay.embeddings.cache import VectorCache
from assay.lake import Lake
from assay.quality.outcomes import OUTCOMES
from assay.quality.quarantine import QUARANTINE
from assay.retrieval import maintenance
from assay.retrieval.index import ChunkIndex
from assay.schema import Table

Days = tuple[date, ...]
DAYS: Days = (date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 3))


@dataclass(frozen=True)
class Start:
    """What stands before the run that is killed: the runs that were finished, and the days that it is then given."""

    name: str
    finished: tuple[Days, ...]
    days: Days


EMPTY = Start("nothing", (), DAYS)
# A release of the first two days serves while the third comes in: with edits, additions and deletions.
SERVING = Start("days 1 and 2", (DAYS[:2],), DAYS)
# The second day comes late: what it brings must go under the third, whose feed is then another one.
LATE = Start("days 1 and 3", (DAYS[:1], DAYS[2:]), DAYS[1:2])
STARTS = (EMPTY, SERVING, LATE)


@dataclass(frozen=True)
class Boundary:
    """A moment of a run: before or after the `call`th of those calls of a function that are `meant`.

    `is_released`: whether the new release serves by then; everywhere else what served before the run still does.
    """

    name: str
    start: Start
    owner: Any
    function: str
    when: Literal["before", "after"] = "after"
    meant: Callable[..., bool] = lambda *_, **__: True
    call: int = 1
    is_released: bool = False

    def arm(self) -> None:
        """From now on this process kills itself at the boundary."""
        real = getattr(self.owner, self.function)
        seen = 0

        @functools.wraps(real)
        def deadly(*given: Any, **named: Any) -> Any:
            nonlocal seen
            if not self.meant(*given, **named):
                return real(*given, **named)
            seen += 1
            if seen == self.call and self.when == "before":
                die()
            result = real(*given, **named)
            if seen == self.call:
                die()
            return result

        setattr(self.owner, self.function, deadly)


def die() -> NoReturn:
    """Kill this process and all that it started in its group, as the kernel does when memory runs out: no clean-up."""
    os.killpg(os.getpgrp(), signal.SIGKILL)
    raise AssertionError("survived SIGKILL")


def _replaces(table: Table, **partition: object) -> Callable[..., bool]:
    """Whether `Lake.replace_partition` or `Lake.replace_rows` is called for this table, and this partition of it."""

    def meant(_lake: Lake, given: Table, _rows: Any, *, partitions: Any = None, **_: Any) -> bool:
        found = partitions or {}
        return given.name == table.name and all(found.get(name) == value for name, value in partition.items())

    return meant


def _replaces_file(name: str) -> Callable[..., bool]:
    """Whether `os.replace` puts the file of this name in place."""
    return lambda _temporary, target: Path(target).name == name


def _flips_pointer_in(folder: str) -> Callable[..., bool]:
    """Whether `os.replace` puts a pointer in place: that of what serves or that of the candidate the gate asks."""
    return lambda _temporary, target: Path(target).parts[-2:] == (folder, "serving.json")


# In the order of the stages. Which start each has is chosen so that every start meets early and late stages.
BOUNDARIES = (
    Boundary("after a blob, before its manifest", EMPTY, BlobStore, "put", call=20),
    Boundary(
        "after a manifest's quarantine, before the manifest",
        SERVING,
        Lake,
        "replace_partition",
        meant=_replaces(QUARANTINE, stage="bronze", day=DAYS[2]),
    ),
    Boundary(
        "after the manifest of day 2 of 3", EMPTY, Lake, "replace_partition", meant=_replaces(MANIFESTS, day=DAYS[1])
    ),
    Boundary(
        "after a late day's feed, before that of the day after it",
        LATE,
        Lake,
        "replace_partition",
        meant=_replaces(FEED, day=DAYS[1]),
    ),
    Boundary("after the deny-list, before the texts", SERVING, os, "replace", meant=_replaces_file("deny_list.json")),
    Boundary(
        "after silver's quarantine, before its documents",
        EMPTY,
        Lake,
        "replace_partition",
        meant=_replaces(QUARANTINE, stage="silver", day=DAYS[1]),
    ),
    Boundary(
        "after silver's tables, before its documents",
        SERVING,
        Lake,
        "replace_partition",
        meant=_replaces(DOCUMENT_TABLES, day=DAYS[2]),
    ),
    Boundary(
        "after the outcomes of the document state, before the state",
        SERVING,
        Lake,
        "replace_partition",
        meant=_replaces(OUTCOMES, table_name=STATE.name),
    ),
    Boundary("after the document state, before the chunks", LATE, Lake, "replace_rows", meant=_replaces(STATE)),
    Boundary("after the signatures, before the duplicates", EMPTY, Lake, "replace_rows", meant=_replaces(SIGNATURES)),
    Boundary("after the duplicates, before the chunks", SERVING, Lake, "replace_rows", meant=_replaces(DUPLICATES)),
    Boundary("after the chunks, before the index", SERVING, Lake, "replace_rows", meant=_replaces(CHUNKS)),
    Boundary("after the vector cache, before the index", EMPTY, VectorCache, "put_many"),
    Boundary("after the index took the edits, before the deletions", SERVING, ChunkIndex, "replace_documents"),
    # The first call makes the indexes of the new table, the second comes after its compaction.
    Boundary(
        "after compaction, inside maintenance", EMPTY, maintenance, "create_missing_indexes", when="before", call=2
    ),
    Boundary(
        "after the candidate's pointer, before the gate's verdict",
        LATE,
        os,
        "replace",
        meant=_flips_pointer_in("candidate"),
    ),
    Boundary(
        "before the new pointer takes the old one's place",
        SERVING,
        os,
        "replace",
        "before",
        _flips_pointer_in("releases"),
    ),
    Boundary(
        "after the pointer, before its history",
        SERVING,
        os,
        "replace",
        "after",
        _flips_pointer_in("releases"),
        is_released=True,
    ),
)


def boundary_of(name: str) -> Boundary:
    """The boundary of that name."""
    return next(one for one in BOUNDARIES if one.name == name)
