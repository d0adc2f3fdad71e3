"""The fast gate: a data change serves only after its invariants hold and its canary questions are answered.

The serving pointer moves to the new version when the gate passed; otherwise it stays, and the old version goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from assay.built_from import inputs_of
from assay.documents.duplicates import DUPLICATES, SIGNATURES
from assay.documents.gold import CHUNKS, configured_chunker
from assay.documents.state import STATE
from assay.embeddings import Embedder
from assay.locks import exclusive
from assay.quality.outcomes import ALL_SOURCES, failed_expectations
from assay.quality.rules import Rule, none_of
from assay.quality.verdicts import broken_invariants
from assay.retrieval.canaries import Canary, CanarySet, canaries_for
from assay.retrieval.deny_list import update_deny_list
from assay.retrieval.index import ChunkIndex
from assay.retrieval.invariants import index_rules
from assay.retrieval.reconcile import open_index, table_lock
from assay.retrieval.search import QueryModel, Searcher
from assay.retrieval.serving import (
    CANDIDATE_FOLDER,
    ServingPointer,
    complete_history,
    publish_pointer,
    read_pointer,
    write_pointer,
)
from assay.warehouse import engine
from assay.workspace import Workspace

# A canary is answered when its document is among this many hits.
CANARY_HITS = 10
# Of written questions nine in ten must be answered; of those made from headings, which can be poor questions, seven.
MIN_CANARY_RECALL = 0.9
MIN_SMOKE_RECALL = 0.7


@dataclass(frozen=True)
class GateReport:
    """The fast gate's verdict on a version. `published` is False where it failed, or where it served already."""

    release_id: str
    table: str
    version: int
    rules: tuple[Rule, ...]
    canaries: tuple[tuple[Canary, bool], ...]
    smoke: bool
    published: bool
    serving: str | None

    @property
    def passed(self) -> bool:
        return all(rule.passed for rule in self.rules)

    @property
    def failures(self) -> tuple[str, ...]:
        return tuple(rule.name for rule in self.rules if not rule.passed)


def release_newest(workspace: Workspace, embedder: Embedder) -> GateReport:
    """Judge the newest version of the index and move the serving pointer to it when every rule holds.

    Raises NotReady when nothing was indexed yet.
    """
    settings = workspace.settings
    # The table's lock too: a commit in between would be judged in place of the version that is published.
    with exclusive(settings.locks_path / "serving.lock"), exclusive(table_lock(workspace, embedder)):
        index = open_index(workspace, embedder)
        pointer = _candidate(workspace, embedder, index)
        serving = read_pointer(settings.releases_path)
        if serving is not None:
            complete_history(settings.releases_path, serving)
        inputs = inputs_of(workspace, index.name)
        columns = ["document_id", "allowed_principals", "title", "heading_path"]
        chunks = workspace.at(inputs).lake.read(CHUNKS, columns=columns)
        canaries = canaries_for(chunks, settings.canaries)
        answered = _ask(workspace, embedder, pointer, canaries)
        if workspace.lake.version(STATE) != inputs.get(STATE.name):
            # Another run went on. What it deleted is in this release still: with the candidate's pointer written, where
            # the deny-list looks, the list names it before the release can serve.
            with engine() as connection:
                update_deny_list(workspace, connection)
        rules = (
            *index_rules(workspace, index),
            _outcome_rule(workspace),
            _verdict_rule(workspace),
            _canary_rule(canaries, answered),
        )
        passed = all(rule.passed for rule in rules)
        fresh = serving is None or (serving.table, serving.version) != (pointer.table, pointer.version)
        if passed and fresh:
            publish_pointer(settings.releases_path, pointer)
            serving = pointer
    return GateReport(
        release_id=pointer.release_id,
        table=pointer.table,
        version=pointer.version,
        rules=rules,
        canaries=tuple(answered.items()),
        smoke=canaries.smoke,
        published=passed and fresh,
        serving=serving.release_id if serving else None,
    )


def _outcome_rule(workspace: Workspace) -> Rule:
    failed = failed_expectations(workspace, (STATE, SIGNATURES, DUPLICATES, CHUNKS), source=ALL_SOURCES)
    return none_of("blocking_expectations_hold", failed, "blocking expectations failed")


def _verdict_rule(workspace: Workspace) -> Rule:
    broken = broken_invariants(workspace, (STATE, DUPLICATES, CHUNKS))
    return none_of("recorded_invariants_hold", broken, "invariants were broken when they were judged last")


def _canary_rule(canaries: CanarySet, answered: Mapping[Canary, bool]) -> Rule:
    needed = MIN_SMOKE_RECALL if canaries.smoke else MIN_CANARY_RECALL
    recall = sum(answered.values()) / len(answered) if answered else 1.0
    kind = "smoke questions (made from headings)" if canaries.smoke else "canary questions"
    detail = (
        f"{sum(answered.values())} of {len(answered)} {kind} answered within {CANARY_HITS} hits; {needed:.0%} needed"
    )
    return Rule("canary_questions_are_answered", recall >= needed, detail, len(answered) - sum(answered.values()))


def _candidate(workspace: Workspace, embedder: Embedder, index: ChunkIndex) -> ServingPointer:
    return ServingPointer(
        release_id=f"{index.name}@{index.version}",
        table=index.name,
        version=index.version,
        model=embedder.model.name,
        fingerprint=embedder.model.fingerprint,
        chunker=configured_chunker(workspace.settings),
        published_at=datetime.now(UTC).isoformat(timespec="microseconds"),
    )


def _ask(workspace: Workspace, embedder: Embedder, pointer: ServingPointer, canaries: CanarySet) -> dict[Canary, bool]:
    """Ask every question of the candidate through the very searcher that would serve it."""
    folder = workspace.settings.releases_path / CANDIDATE_FOLDER
    write_pointer(folder, pointer)
    model = QueryModel(embedder.model.fingerprint, lambda text: embedder.embed_query(text, remember=True))
    # With the deny-list: the candidate is judged by what it would answer, not by what it holds.
    searcher = Searcher(workspace.settings.vectors_path, folder, lambda: model, workspace.settings.releases_path)
    return {
        canary: canary.document_id
        in {
            place.document_id
            for hit in searcher.search(canary.question, k=CANARY_HITS, principals=canary.principals)
            for place in hit.places
        }
        for canary in canaries.canaries
    }
