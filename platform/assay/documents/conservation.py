"""Invariant 2, counted: what a stage emits is what it took in minus what it held back.

The rules read what stands and count it their own way, not by the query or function that wrote it.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb

from assay.documents.bronze import FEED
from assay.documents.known_files import known_after, known_files
from assay.documents.manifests import MANIFESTS, observed_days
from assay.documents.silver import DOCUMENTS
from assay.documents.silver_texts import DOCUMENT_TABLES, OCR_WORDS, TEXT_TABLES
from assay.documents.state import STATE, current_mask
from assay.quality.blocked_days import blocked_days
from assay.quality.outcomes import KEY_SEPARATOR, OUTCOMES
from assay.quality.quarantine import QUARANTINE
from assay.quality.rules import Rule, first_of
from assay.schema import Table
from assay.settings import SourceSettings
from assay.warehouse import query, registered
from assay.workspace import Workspace


def files_are_conserved(workspace: Workspace, source: SourceSettings, day: date) -> Rule:
    """Every file of a day that was refused, or whose row failed an expectation, is in quarantine once, and no other."""
    seen = _rows(workspace, MANIFESTS, source, day, ["path", "status"])
    refused = [source.document_id(path) for path, status in seen if status == "refused"]
    failed = [source.document_id(path) for path in _failed(workspace, MANIFESTS, source, day)]
    due = Counter([*refused, *failed])
    held = Counter(one for (one,) in _rows(workspace, QUARANTINE, source, day, ["document_id"], stage="bronze"))
    observed = Counter(path for path, status in seen if status == "observed")
    lost, doubled = due - held, (held - due) + (observed - Counter(set(observed)))
    counts = (
        f"{observed.total() + due.total()} files = {observed.total()} observed + {len(refused)} refused + {len(failed)} "
        f"failed an expectation; {held.total()} in quarantine"
    )
    return _balanced("files_are_conserved", counts, lost, doubled)


def changes_are_conserved(workspace: Workspace, source: SourceSettings, day: date) -> Rule:
    """Files known before + added - deleted == files present now; in a source of arrivals nothing is known before.

    What moved leaves one path for another, with the bytes that were known there, and neither adds nor deletes. A file
    that is refused when it is first seen is present, and in no feed.
    """
    feed = _rows(workspace, FEED, source, day, ["document_id", "change"])
    added, deleted, moved, moved_away = (
        {one for one, change in feed if change == kind} for kind in ("added", "deleted", "moved", "moved_away")
    )
    altered = {one for one, change in feed if change in ("edited", "repermitted")}
    seen = _rows(workspace, MANIFESTS, source, day, ["path", "status", "content_hash"], status=("observed", "refused"))
    if source.mode == "arrivals":
        known: dict[str, str | None] = {}
        present = {path: content for path, status, content in seen if status == "observed"}
    else:
        known = known_files(workspace.lake, source, [one for one in observed_days(workspace.lake, source) if one < day])
        present = known_after(known, {path: content for path, _, content in seen})
    first_refused = {path for path, status, _ in seen if status == "refused"} & (present.keys() - known.keys())
    before, now, refused = ({source.document_id(path) for path in paths} for paths in (known, present, first_refused))
    came, went = added | moved, deleted | moved_away
    lost = now - (before - went) - came - refused
    spare = ((before - went) | came) - now | (came & before) | (went - before) | (altered - before)
    unpaired = _unpaired(workspace, source, day, known, present) if moved or moved_away else set[str]()
    # The read is spared where all is well: outcomes have a file for every table, source and day.
    failed = set(_failed(workspace, FEED, source, day)) if lost or spare or unpaired else set[str]()
    doubled = Counter(one for one, _ in feed) - Counter({*came, *went, *altered})
    counts = (
        f"{len(before)} known + {len(added)} added + {len(refused)} refused at first sight - {len(deleted)} deleted = "
        f"{len(now)} present; {len(moved)} moved, {len(altered)} altered, {len(failed)} failed an expectation"
    )
    wrong = Counter(spare - failed) + Counter(unpaired - failed) + doubled
    return _balanced("changes_are_conserved", counts, Counter(lost - failed), wrong)


def documents_are_conserved(workspace: Workspace, source: SourceSettings, day: date) -> Rule:
    """Every upsert of a day is one silver document or one in quarantine, never both or neither."""
    columns = ["document_id", "content_hash"]
    taken = Counter(_rows(workspace, FEED, source, day, columns, op="upsert"))
    emitted = Counter(_rows(workspace, DOCUMENTS, source, day, columns))
    held = Counter(_rows(workspace, QUARANTINE, source, day, columns, stage="silver"))
    counts = f"{taken.total()} taken in = {emitted.total()} emitted + {held.total()} quarantined"
    return _balanced("documents_are_conserved", counts, taken - (emitted + held), (emitted + held) - taken)


def tables_and_words_belong_to_their_texts(workspace: Workspace, source: SourceSettings, day: date) -> Rule:
    """Every text of a day has the rows of tables and words that it was written with, and there are no others."""
    texts = _rows(workspace, DOCUMENTS, source, day, ["document_id", "text_hash", "table_rows", "ocr_words"])
    due: Counter[tuple[str, str, str]] = Counter()
    for document_id, text_hash, table_rows, words in texts:
        due[document_id, text_hash, "table rows"] += table_rows
        due[document_id, text_hash, "words"] += words
    due += Counter()  # without the zeros
    there = Counter(
        (*row, kind)
        for table, kind in ((DOCUMENT_TABLES, "table rows"), (OCR_WORDS, "words"))
        for row in _rows(workspace, table, source, day, ["document_id", "text_hash"])
    )
    counts = f"{due.total()} rows of tables and words of {len(texts)} texts = {there.total()} there"
    return _balanced("tables_and_words_belong_to_their_texts", counts, due - there, there - due)


def every_document_stands(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> Rule:
    """Every id of the believed feed has one row in the state: current, deleted, or without a usable text."""
    state = workspace.lake.read(STATE)
    tables = {
        "feed": workspace.lake.dataset(FEED),
        "state": state,
        "blocked_feeds": blocked_days(workspace, (MANIFESTS, FEED)),
        "blocked_texts": blocked_days(workspace, TEXT_TABLES),
    }
    with registered(connection, tables):
        rows = query(connection, "assay.documents", "standing_documents.sql").to_pylist()
    current, deleted = sum(current_mask(state).to_pylist()), sum(state["is_deleted"].to_pylist())
    believed = Counter(row["document_id"] for row in rows if row["is_believed"])
    standing = Counter({row["document_id"]: row["copies"] for row in rows})
    counts = (
        f"{believed.total()} documents = {current} current + {deleted} deleted + "
        f"{state.num_rows - current - deleted} without text"
    )
    return _balanced("every_document_stands", counts, believed - standing, standing - believed)


def _balanced(name: str, counts: str, lost: Counter[Any], doubled: Counter[Any]) -> Rule:
    """The rule that nothing was lost and nothing is there twice; its detail counts, and names the first of either."""
    offenders = lost.total() + doubled.total()
    counts = counts if not offenders else counts.replace(" = ", " != ")
    named = f": {first_of([*lost, *doubled])}" if offenders else ""
    detail = f"{counts}; {lost.total()} lost, {doubled.total()} doubled or unexpected{named}"
    return Rule(name, not offenders, detail, offenders)


def _unpaired(
    workspace: Workspace,
    source: SourceSettings,
    day: date,
    known: Mapping[str, str | None],
    present: Mapping[str, str | None],
) -> set[str]:
    """The moves of which the other half does not answer, and those of other bytes than were known."""
    came = set(_rows(workspace, FEED, source, day, ["moved_from", "document_id"], change="moved"))
    went = set(_rows(workspace, FEED, source, day, ["document_id", "moved_to"], change="moved_away"))
    before = {source.document_id(path): content for path, content in known.items()}
    now = {source.document_id(path): content for path, content in present.items()}
    altered = {pair for pair in came & went if before.get(pair[0]) != now.get(pair[1])}
    return {one for pair in (came ^ went) | altered for one in pair}


def _failed(workspace: Workspace, table: Table, source: SourceSettings, day: date) -> list[str]:
    """The last column of the key of every row that an expectation kept out of a table."""
    lists = _rows(workspace, OUTCOMES, source, day, ["quarantined_keys"], table_name=table.name)
    return [key.split(KEY_SEPARATOR, len(table.key) - 1)[-1] for (keys,) in lists for key in keys]


def _rows(
    workspace: Workspace, table: Table, source: SourceSettings, day: date, columns: list[str], **where: object
) -> list[tuple[Any, ...]]:
    """The named columns of a source and day, a tuple per row."""
    rows = workspace.lake.read(table, where={"source": source.name, "day": day, **where}, columns=columns)
    return list(zip(*(rows[name].to_pylist() for name in columns), strict=True))
