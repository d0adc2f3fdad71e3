"""silver/document_state: the standing version of every document id, folded from the whole feed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute

from assay.built_from import remember
from assay.documents.bronze import FEED, day_of
from assay.documents.manifests import MANIFESTS
from assay.documents.moves import moves_between
from assay.documents.silver import DOCUMENTS
from assay.documents.silver_texts import TEXT_TABLES
from assay.errors import CheckFailed
from assay.locks import exclusive
from assay.quality.blocked_days import blocked_days
from assay.quality.outcomes import ALL_SOURCES, OUTCOMES, check_batch
from assay.quality.suites import Limits, suite_for
from assay.quality.verdicts import VERDICTS
from assay.rows import differences
from assay.schema import table_of
from assay.tables import DocumentStateRow
from assay.warehouse import query, registered, to_table
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

STATE = table_of(DocumentStateRow)


@dataclass(frozen=True)
class StateReport:
    """The standing state after a fold, and what this fold changed of it.

    `current` documents can be served, `without_text` have none that could be used. `added`, `changed` and `deleted`
    count the documents that became current, stand otherwise, or ceased to be current, `moved` those that did the first
    where another of the same bytes did the last; `by_day` counts them by the day of the version that stands now.
    """

    current: int
    tombstones: int
    without_text: int
    added: int
    changed: int
    moved: int
    deleted: int
    by_day: Mapping[date, Mapping[str, int]]


def write_state(workspace: Workspace, connection: duckdb.DuckDBPyConnection, day: date) -> StateReport:
    """Fold the whole feed into the standing state and write the rows that differ.

    `day` is the partition under which the suite's outcomes are recorded.
    Raises CheckFailed, with nothing written, when the folded state breaks a blocking expectation.
    """
    with exclusive(state_lock(workspace)):
        inputs = {table.name: workspace.lake.version(table) for table in (FEED, DOCUMENTS, OUTCOMES, VERDICTS)}
        state = fold_state(workspace.at(inputs), connection)
        standing = workspace.lake.read(STATE)
        changed = _differing_ids(standing, state)
        batch = state.filter(pc.is_in(state["document_id"], pa.array(changed, pa.string())))
        # An unchanged state too: what was said of a batch that failed, and was mended since, is taken back by it.
        checked = check_batch(
            workspace, suite_for(STATE, Limits.of(workspace.settings)), batch, source=ALL_SOURCES, day=day
        )
        if checked.blocked_by:
            raise CheckFailed(
                f"The folded document state fails `{'`, `'.join(checked.blocked_by)}`. Nothing was written; the state "
                "before stands and goes on serving. See the failing keys on the asset's checks with `make dev`."
            )
        if changed:
            workspace.lake.replace_rows(STATE, batch, column="document_id", values=changed)
        remember(workspace, STATE.name, inputs)
    before, now = _current_ids(standing), _current_ids(state)
    tombstones = pc.sum(state["is_deleted"]).as_py() or 0
    moves = moves_between(workspace.at(inputs), state, came=now - before, went=before - now)
    kinds = {
        "added": now - before - moves.keys(),
        "changed": now & before & set(changed),
        "moved": set(moves),
        "deleted": before - now - set(moves.values()),
    }
    return StateReport(
        current=len(now),
        tombstones=tombstones,
        without_text=state.num_rows - len(now) - tombstones,
        **{kind: len(ids) for kind, ids in kinds.items()},
        by_day=_counted_by_day(pa.concat_tables([standing, state]), kinds),
    )


def _counted_by_day(states: pa.Table, kinds: Mapping[str, set[str]]) -> dict[date, Counter[str]]:
    """How many documents of each kind, by the day of their version; of a document that comes twice the last counts."""
    versions = dict(zip(states["document_id"].to_pylist(), states["document_version"].to_pylist(), strict=True))
    counted: dict[date, Counter[str]] = {}
    for kind, ids in kinds.items():
        for document_id in ids:
            counted.setdefault(day_of(versions[document_id]), Counter())[kind] += 1
    return counted


def state_lock(workspace: Workspace) -> Path:
    """The lock that whoever writes or judges the state holds."""
    return workspace.settings.locks_path / "document_state.lock"


def fold_state(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """The standing version of every document id: a function of the feed, the parsed texts and the blocked days.

    Of what stands only the tombstones count, and only on blocked days: a deletion is not taken back by a day's refusal.
    """
    lake = workspace.lake
    texts = lake.read(
        DOCUMENTS, columns=["source", "day", "document_id", "document_version", "content_hash", "title", "text_hash"]
    )
    tables = {
        "feed": lake.dataset(FEED),
        "parsed": texts,
        "blocked_feeds": blocked_days(workspace, (MANIFESTS, FEED)),
        "blocked_texts": blocked_days(workspace, TEXT_TABLES),
        "tombstones": tombstones(workspace),
    }
    with registered(connection, tables):
        return to_table(STATE, query(connection, "assay.documents", "document_state.sql"))


def tombstones(workspace: Workspace) -> pa.Table:
    """The deletions that stand: document_id, source and document_version of each."""
    columns = ["document_id", "source", "document_version"]
    return workspace.lake.read(STATE, where={"is_deleted": True}, columns=columns)


def current_mask(state: pa.Table) -> pa.ChunkedArray:
    """True for the documents that can be served: not deleted, with a usable text."""
    return pc.and_(pc.invert(state["is_deleted"]), pc.is_valid(state["text_version"]))


def _current_ids(state: pa.Table) -> set[str]:
    return set(state.filter(current_mask(state))["document_id"].to_pylist())


def _differing_ids(standing: pa.Table, state: pa.Table) -> list[str]:
    gone, new = differences(standing, state)
    return sorted({*standing.filter(gone)["document_id"].to_pylist(), *state.filter(new)["document_id"].to_pylist()})
