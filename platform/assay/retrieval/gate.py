"""The fast gate: a data change serves only after its invariants hold and its canary questions are answered.

Every live configuration is judged by it, each on its own table. Where it passed, the configuration's head moves to the new
version, and the serving pointer with it where that configuration serves; otherwise both stay, and the old version goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from assay.built_from import inputs_of
from assay.documents.duplicates import DUPLICATES, SIGNATURES
from assay.documents.gold import CHUNKS, chunks_source
from assay.documents.state import STATE
from assay.embeddings import Embedder
from assay.locks import exclusive
from assay.quality.outcomes import ALL_SOURCES, failed_expectations
from assay.quality.rules import Rule, none_of
from assay.quality.verdicts import broken_invariants
from assay.retrieval.canaries import Canary, CanarySet, canaries_for
from assay.retrieval.configurations import ReleaseConfiguration, write_manifest
from assay.retrieval.deny_list import update_deny_list
from assay.retrieval.index import ChunkIndex
from assay.retrieval.invariants import cache_rules, document_rule, index_rules
from assay.retrieval.reconcile import open_index, table_lock
from assay.retrieval.search import QueryModel, Searcher
from assay.retrieval.serving import (
    CANDIDATE_FOLDER,
    ServingPointer,
    complete_history,
    flip,
    read_head,
    read_pointer,
    serving_lock,
    write_head,
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
    """The fast gate's verdict on a version of a configuration's table.

    `head`: the configuration's head afterwards, None where none ever passed. `published`: whether the serving pointer moved
    to it: False where the gate failed, where this version served already, and where another configuration serves.
    `serving`: what serves afterwards.
    """

    configuration: str
    release_id: str
    table: str
    version: int
    rules: tuple[Rule, ...]
    canaries: tuple[tuple[Canary, bool], ...]
    smoke: bool
    head: str | None
    published: bool
    serving: str | None

    @property
    def passed(self) -> bool:
        return all(rule.passed for rule in self.rules)

    @property
    def failures(self) -> tuple[str, ...]:
        return tuple(rule.name for rule in self.rules if not rule.passed)


def release_newest(workspace: Workspace, embedder: Embedder, configuration: ReleaseConfiguration) -> GateReport:
    """Judge the newest version of a configuration's table; where every rule holds, move its head there, and the serving
    pointer too where this configuration serves.

    Raises NotReady when nothing was indexed yet.
    """
    workspace = workspace.under(configuration.settings(workspace.settings))
    releases_path = workspace.settings.releases_path
    # The table's lock too: a commit in between would be judged in place of the version that is published.
    with exclusive(serving_lock(workspace.settings)), exclusive(table_lock(workspace, embedder)):
        index = open_index(workspace, embedder)
        complete_history(releases_path)
        pointer = _candidate(workspace, configuration, index)
        canaries, answered = _asked(workspace, embedder, index, pointer)
        rules = (
            *index_rules(workspace, index),
            document_rule(workspace, index.name),
            *cache_rules(index, embedder),
            _outcome_rule(workspace, configuration.chunker),
            _verdict_rule(workspace, configuration.chunker),
            _canary_rule(canaries, answered),
        )
        published = all(rule.passed for rule in rules) and _move(workspace, configuration, pointer)
        head, serving = read_head(releases_path, pointer.configuration), read_pointer(releases_path)
    return GateReport(
        configuration=pointer.configuration,
        release_id=pointer.release_id,
        table=pointer.table,
        version=pointer.version,
        rules=rules,
        canaries=tuple(answered.items()),
        smoke=canaries.smoke,
        head=head.release_id if head else None,
        published=published,
        serving=serving.release_id if serving else None,
    )


def _asked(
    workspace: Workspace, embedder: Embedder, index: ChunkIndex, pointer: ServingPointer
) -> tuple[CanarySet, dict[Canary, bool]]:
    """The questions, and whether the candidate answers them."""
    inputs = inputs_of(workspace, index.name)
    columns = ["document_id", "allowed_principals", "title", "heading_path"]
    chunks = workspace.at(inputs).lake.read(CHUNKS, where={"chunker": pointer.chunker}, columns=columns)
    canaries = canaries_for(chunks, workspace.settings.canaries)
    answered = _ask(workspace, embedder, pointer, canaries)
    if workspace.lake.version(STATE) != inputs.get(STATE.name):
        # Another run went on. What it deleted is in this release still: with the candidate's pointer written, where
        # the deny-list looks, the list names it before the release can serve.
        with engine() as connection:
            update_deny_list(workspace, connection, needed=pointer)
    return canaries, answered


def _move(workspace: Workspace, configuration: ReleaseConfiguration, pointer: ServingPointer) -> bool:
    """Move the head, and the serving pointer of the configuration that serves, where they are at another version.

    The head first: killed in between, the next run finds the serving pointer behind and moves it.
    """
    releases_path = workspace.settings.releases_path
    write_manifest(releases_path, configuration)
    head, serving = read_head(releases_path, pointer.configuration), read_pointer(releases_path)
    if head is None or not _same_version(head, pointer):
        head = pointer
        write_head(releases_path, head)
    if serving is None or serving.configuration != pointer.configuration or _same_version(serving, pointer):
        return False
    flip(releases_path, head, "publish")
    return True


def _same_version(one: ServingPointer, other: ServingPointer) -> bool:
    return (one.table, one.version) == (other.table, other.version)


def _outcome_rule(workspace: Workspace, chunker: str) -> Rule:
    failed = [
        *failed_expectations(workspace, (STATE, SIGNATURES, DUPLICATES), source=ALL_SOURCES),
        *failed_expectations(workspace, (CHUNKS,), source=chunks_source(chunker)),
    ]
    return none_of("blocking_expectations_hold", failed, "blocking expectations failed")


def _verdict_rule(workspace: Workspace, chunker: str) -> Rule:
    broken = [
        *broken_invariants(workspace, (STATE, DUPLICATES), source=ALL_SOURCES),
        *broken_invariants(workspace, (CHUNKS,), source=chunks_source(chunker)),
    ]
    return none_of("recorded_invariants_hold", broken, "invariants were broken when they were judged last")


def _canary_rule(canaries: CanarySet, answered: Mapping[Canary, bool]) -> Rule:
    needed = MIN_SMOKE_RECALL if canaries.smoke else MIN_CANARY_RECALL
    recall = sum(answered.values()) / len(answered) if answered else 1.0
    kind = "smoke questions (made from headings)" if canaries.smoke else "canary questions"
    detail = (
        f"{sum(answered.values())} of {len(answered)} {kind} answered within {CANARY_HITS} hits; {needed:.0%} needed"
    )
    return Rule("canary_questions_are_answered", recall >= needed, detail, len(answered) - sum(answered.values()))


def _candidate(workspace: Workspace, configuration: ReleaseConfiguration, index: ChunkIndex) -> ServingPointer:
    return ServingPointer(
        release_id=f"{configuration.configuration_id}@{index.version}",
        table=index.name,
        version=index.version,
        model=configuration.model,
        fingerprint=configuration.fingerprint,
        chunker=configuration.chunker,
        configuration=configuration.configuration_id,
        published_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        run_id=workspace.run.run_id,
    )


def _ask(workspace: Workspace, embedder: Embedder, pointer: ServingPointer, canaries: CanarySet) -> dict[Canary, bool]:
    """Ask every question of the candidate through the very searcher that would serve it."""
    folder = workspace.settings.releases_path / CANDIDATE_FOLDER
    write_pointer(folder, pointer)
    model = QueryModel(embedder.model.fingerprint, lambda text: embedder.embed_query(text, remember=True))
    # With the deny-list: the candidate is judged by what it would answer, not by what it holds.
    settings = workspace.settings
    searcher = Searcher(
        settings.vectors_path,
        folder,
        lambda _: model,
        settings.releases_path,
        mode_of=lambda _: settings.search_mode,
    )
    return {
        canary: canary.document_id
        in {
            place.document_id
            for hit in searcher.search(canary.question, k=CANARY_HITS, principals=canary.principals)
            for place in hit.places
        }
        for canary in canaries.canaries
    }
