"""silver/text_signatures, silver/compared_texts and silver/duplicates, reconciled with the current documents.

All three follow from the state, the texts and the settings alone, whichever runs came before. A text is signed once and
two texts are compared once; looking for candidates takes 1.1 s for 100,000 texts of which a tenth are duplicates.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute

from assay.built_from import remember
from assay.documents.duplicates.canonicals import Duplicate, Found, Likeness, Pair, find_duplicates
from assay.documents.duplicates.hidden import COMPARED, DUPLICATES, SIGNATURES
from assay.documents.duplicates.scopes import Candidate, candidates
from assay.documents.duplicates.shingles import SHINGLING, jaccard, shingles
from assay.documents.duplicates.signatures import MIN_SHINGLES, from_bytes, signature_id, signatures_of, to_bytes
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE, current_mask
from assay.errors import CheckFailed
from assay.locks import exclusive
from assay.progress import track
from assay.quality.outcomes import ALL_SOURCES, check_batch
from assay.quality.suites import Limits, suite_for
from assay.rows import differences
from assay.schema import Table
from assay.settings import Settings
from assay.tables import ComparedTextsRow, DuplicateRow, TextSignatureRow
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

# Texts in memory at a time, some 100 MB of documentation pages. A read may have to go through all texts of its days.
TEXTS_PER_READ = 10_000

Item = TypeVar("Item")


@dataclass(frozen=True)
class DuplicatesReport:
    """Of `current` documents `exact` and `near` are hidden as duplicates of `canonicals` others.

    `signed` texts got their signature and `compared` pairs of texts were compared in this run. `hidden` documents became
    duplicates by it, `restored` ones ceased to be.
    """

    current: int
    exact: int
    near: int
    canonicals: int
    signed: int
    compared: int
    hidden: int
    restored: int


def write_duplicates(workspace: Workspace, day: date) -> DuplicatesReport:
    """Find the duplicates among the current documents and write the rows that differ.

    `day` is the partition under which the suites' outcomes are recorded.
    Raises CheckFailed, with the duplicates before standing, when a batch breaks a blocking expectation.
    """
    with exclusive(duplicates_lock(workspace)):
        inputs = {table.name: workspace.lake.version(table) for table in (STATE, DOCUMENTS)}
        then = workspace.at(inputs)
        state = then.lake.read(STATE)
        current = state.filter(current_mask(state)).to_pylist()
        texts = _Texts(then, current)
        signed = _sign(workspace, texts, day)
        found, compared = _find(workspace, _documents(workspace.settings, current), texts)
        standing = workspace.lake.read(DUPLICATES)
        rows = DUPLICATES.rows(map(_row, found.duplicates))
        _write(workspace, DUPLICATES, standing, rows, day)
        inputs |= {table.name: workspace.lake.version(table) for table in (SIGNATURES, COMPARED)}
        remember(workspace, DUPLICATES.name, inputs)
    before, now = (set(one["document_id"].to_pylist()) for one in (standing, rows))
    return DuplicatesReport(
        current=len(current),
        exact=sum(one.kind == "exact" for one in found.duplicates),
        near=sum(one.kind == "near" for one in found.duplicates),
        canonicals=len({one.canonical.document_id for one in found.duplicates}),
        signed=signed,
        compared=compared,
        hidden=len(now - before),
        restored=len(before - now),
    )


def duplicates_lock(workspace: Workspace) -> Path:
    """The lock that whoever writes or judges the duplicates holds."""
    return workspace.settings.locks_path / "duplicates.lock"


def derive_duplicates(workspace: Workspace, state: pa.Table) -> pa.Table:
    """The rows that the current documents of `state` make with the standing signatures and comparisons."""
    documents = _documents(workspace.settings, state.filter(current_mask(state)).to_pylist())
    return DUPLICATES.rows(map(_row, find_duplicates(documents, _likeness(workspace)).duplicates))


def _documents(settings: Settings, current: Iterable[Mapping[str, Any]]) -> list[Candidate]:
    return [] if settings.duplicates == "off" else candidates(settings, current)


class _Texts:
    """The standing texts by their hash, read where they are needed."""

    def __init__(self, workspace: Workspace, current: Iterable[Mapping[str, Any]]) -> None:
        self._lake = workspace.lake
        self._rows = {row["text_hash"]: row for row in current}

    def hashes(self) -> set[str]:
        return set(self._rows)

    def by_place(self, hashes: Iterable[str]) -> list[str]:
        """In the order in which they are stored."""
        place = {
            one: tuple(self._rows[one][name] for name in ("text_source", "text_day", "document_id")) for one in hashes
        }
        return sorted(place, key=place.__getitem__)

    def read(self, hashes: Iterable[str]) -> dict[str, str]:
        """Those that are there: a run that goes on may have replaced one, and comes back to it."""
        rows = [self._rows[one] for one in hashes]
        found = self._lake.read(
            DOCUMENTS,
            where={
                "source": sorted({row["text_source"] for row in rows}),
                "day": sorted({row["text_day"] for row in rows}),
                "document_id": sorted({row["document_id"] for row in rows}),
            },
            columns=["text_hash", "text"],
        )
        wanted = {row["text_hash"] for row in rows}
        pairs = zip(found["text_hash"].to_pylist(), found["text"].to_pylist(), strict=True)
        return {text_hash: text for text_hash, text in pairs if text_hash in wanted}


def _sign(workspace: Workspace, texts: _Texts, day: date) -> int:
    """Make silver/text_signatures those of the standing texts; how many were computed for it."""
    wanted = texts.hashes() if workspace.settings.duplicates == "near" else set[str]()
    identity = signature_id() if wanted else ""
    stored = workspace.lake.read(SIGNATURES, columns=["text_hash", "signature_id"])
    known = {row["text_hash"]: row["signature_id"] for row in stored.to_pylist()}
    new = texts.by_place(one for one in wanted if known.get(one) != identity)
    rows: list[TextSignatureRow] = []
    for group in track(_groups(new), "signing texts", total=-(-len(new) // TEXTS_PER_READ)):
        read = texts.read(group)
        sets = [shingles(text) for text in read.values()]
        for text_hash, own, signature in zip(read, sets, signatures_of(sets), strict=True):
            rows.append(TextSignatureRow(text_hash, identity, len(own), to_bytes(signature)))
    signed = SIGNATURES.rows(rows)
    changing = sorted({*new, *(known.keys() - wanted)})
    standing = workspace.lake.read(SIGNATURES, where={"text_hash": changing}) if changing else SIGNATURES.empty()
    _write(workspace, SIGNATURES, standing, signed, day)
    return len(rows)


def _find(workspace: Workspace, documents: Sequence[Candidate], texts: _Texts) -> tuple[Found, int]:
    """The duplicates, with every pair compared that decides about them; how many pairs were not yet.

    silver/compared_texts becomes those pairs, so that none is compared again.
    """
    # Guessing, so that a round after the first asks for no more than what hangs on a wrong guess.
    likeness, now = _likeness(workspace, guess=True), 0
    unreadable: set[Pair] = set()
    found = find_duplicates(documents, likeness)
    while likeness and found.missing:
        fresh = _compare(texts, found.missing)
        unreadable |= found.missing - fresh.keys()
        now += len(fresh)
        compared = {**likeness.compared, **dict.fromkeys(found.missing, 0.0), **fresh}
        likeness = replace(likeness, compared=compared)
        found = find_duplicates(documents, likeness)
    kept = sorted(found.looked_at - unreadable)
    rows = COMPARED.rows(ComparedTextsRow(*pair, SHINGLING, likeness.compared[pair]) for pair in kept if likeness)
    touched = {
        *workspace.lake.read(COMPARED, columns=["text_hash"])["text_hash"].to_pylist(),
        *(one for one, _ in kept),
    }
    if touched:
        workspace.lake.replace_rows(COMPARED, rows, column="text_hash", values=touched)
    return found, now


def _likeness(workspace: Workspace, *, guess: bool = False) -> Likeness | None:
    """What the tables say of the texts; None where only equal texts are looked for."""
    if workspace.settings.duplicates != "near":
        return None
    stored = workspace.lake.read(SIGNATURES, where={"signature_id": signature_id()})
    stored = stored.filter(pc.greater_equal(stored["shingles"], MIN_SHINGLES))
    compared = workspace.lake.read(COMPARED, where={"shingling": SHINGLING}).to_pylist()
    return Likeness(
        threshold=workspace.settings.duplicate_threshold,
        places={text_hash: place for place, text_hash in enumerate(stored["text_hash"].to_pylist())},
        signatures=from_bytes(stored["signature"].to_pylist()),
        compared={(row["text_hash"], row["other_text_hash"]): row["jaccard"] for row in compared},
        guess=guess,
    )


def _compare(texts: _Texts, pairs: Iterable[Pair]) -> dict[Pair, float]:
    """The Jaccard similarity of each pair whose texts could be read."""
    compared: dict[Pair, float] = {}
    groups = list(_groups(sorted(pairs), TEXTS_PER_READ // 2))
    for group in track(groups, "comparing texts", total=len(groups)):
        sets = {
            text_hash: shingles(text) for text_hash, text in texts.read({one for pair in group for one in pair}).items()
        }
        compared |= {pair: jaccard(sets[pair[0]], sets[pair[1]]) for pair in group if sets.keys() >= set(pair)}
    return compared


def _row(found: Duplicate) -> DuplicateRow:
    return DuplicateRow(
        document_id=found.document.document_id,
        canonical_id=found.canonical.document_id,
        kind=found.kind,
        jaccard=found.jaccard,
        scope=found.document.audience.scope,
        text_hash=found.document.text_hash,
        canonical_text_hash=found.canonical.text_hash,
    )


def _write(workspace: Workspace, table: Table, standing: pa.Table, rows: pa.Table, day: date) -> None:
    """Make `rows` what stands in place of `standing`, once those that differ were judged."""
    key = table.key[0]
    gone, new = differences(standing, rows)
    batch, changed = rows.filter(new), {*standing[key].filter(gone).to_pylist(), *rows[key].filter(new).to_pylist()}
    checked = check_batch(
        workspace, suite_for(table, Limits.of(workspace.settings)), batch, source=ALL_SOURCES, day=day
    )
    if checked.blocked_by:
        raise CheckFailed(
            f"What was computed for `{table.name}` fails `{'`, `'.join(checked.blocked_by)}`. It was not written; what "
            "stood of it before stands. See the failing keys on the asset's checks with `make dev`."
        )
    if changed:
        workspace.lake.replace_rows(table, batch, column=key, values=changed)


def _groups(items: Sequence[Item], size: int = TEXTS_PER_READ) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
