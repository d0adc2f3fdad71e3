"""The stages of the index over every live configuration: each table once, what serves first.

So a rollback is never stale, and what serves is up to date whatever becomes of a candidate beside it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from assay.built_from import forget
from assay.embeddings import Embedder
from assay.errors import AssayError, DiskFull, ModelError, NotReady, StorageError
from assay.locks import exclusive
from assay.quality.rules import Rule
from assay.retrieval.configurations import ReleaseConfiguration, configured_release, embedder_of, find_configurations
from assay.retrieval.gate import GateReport, release_newest
from assay.retrieval.invariants import cache_rules, index_rules
from assay.retrieval.reconcile import maintain_index, open_index, reconcile_index, table_lock
from assay.retrieval.serving import drop_head, heads, read_pointer, serving_lock
from assay.retrieval.unneeded_tables import drop_unneeded_tables
from assay.settings import Settings
from assay.workspace import Workspace

_Report = TypeVar("_Report")


@dataclass(frozen=True)
class Live:
    """A live configuration whose model is at hand, the workspace under its knobs, and its embedder."""

    configuration: ReleaseConfiguration
    workspace: Workspace
    embedder: Embedder


@dataclass(frozen=True)
class LiveSet:
    """The live configurations, what serves first; `unusable` ones by id with the reason: their model cannot be had, or their
    manifest not be read."""

    usable: tuple[Live, ...]
    unusable: Mapping[str, str]

    @property
    def by_chunker(self) -> tuple[Live, ...]:
        """The first configuration of each chunker."""
        return _first_of_each(self.usable, lambda one: one.chunker)

    @property
    def by_table(self) -> tuple[Live, ...]:
        """The first configuration of each table."""
        return _first_of_each(self.usable, lambda one: one.table)


@dataclass(frozen=True)
class LiveIndexReport:
    """What the reconciliation of every table did, added up. `failed`: tables that were not brought up to date, with the reason."""

    tables: int
    documents_replaced: int
    documents_removed: int
    embedded: int
    reused: int
    inserted: int
    updated: int
    deleted: int
    chunks: int
    by_day: Mapping[date, Mapping[str, int]]
    failed: Mapping[str, str]


@dataclass(frozen=True)
class LiveMaintenanceReport:
    """What was found and done in every table, added up. `optimized` names the tables that were; `dropped` those that went,
    for nobody needs them any more."""

    tables: int
    rows: int
    fragments: int
    unindexed_rows: int
    versions_removed: int
    bytes_removed: int
    optimized: tuple[str, ...]
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class LiveGateReport:
    """The fast gate's verdicts, of what serves first; `unusable` configurations with the reason.

    What failed or is unusable and does not serve has no head any more: it is not up to date, so nothing goes over to it.
    `retained`: the configurations that neither serve nor are configured.
    """

    reports: tuple[GateReport, ...]
    unusable: Mapping[str, str]
    retained: frozenset[str]


def find_live(workspace: Workspace) -> LiveSet:
    """The live configurations with their models. Raises ModelError where that of the configured one is missing."""
    usable: list[Live] = []
    found = find_configurations(workspace.settings)
    unusable = dict(found.unreadable)
    for one in found.live:
        try:
            embedder = embedder_of(one, workspace.settings)
        except ModelError as error:
            unusable[one.configuration_id] = str(error)
        else:
            usable.append(Live(one, workspace.under(one.settings(workspace.settings)), embedder))
    return LiveSet(tuple(usable), unusable)


def reconcile_live(workspace: Workspace) -> LiveIndexReport:
    """Bring every live table to the current chunks of its chunker. Raises what the first, which serves, raises."""
    tables = find_live(workspace).by_table
    done, failed = _each(tables, lambda one: reconcile_index(one.workspace, one.embedder))
    for one in tables:
        if one.configuration.table in failed:
            # Judged against what it was built from, it would pass for being as it was. So the gate judges it by what stands.
            with exclusive(table_lock(one.workspace, one.embedder)):
                forget(workspace.settings.home, one.configuration.table)
    by_day: dict[date, Counter[str]] = {}
    for report in done.values():
        for day, counts in report.by_day.items():
            by_day.setdefault(day, Counter()).update(counts)

    reports = done.values()
    return LiveIndexReport(
        tables=len(done),
        documents_replaced=sum(one.documents_replaced for one in reports),
        documents_removed=sum(one.documents_removed for one in reports),
        embedded=sum(one.embedded for one in reports),
        reused=sum(one.reused for one in reports),
        inserted=sum(one.inserted for one in reports),
        updated=sum(one.updated for one in reports),
        deleted=sum(one.deleted for one in reports),
        chunks=sum(one.chunks for one in reports),
        by_day=by_day,
        failed=failed,
    )


def maintain_live(workspace: Workspace) -> LiveMaintenanceReport:
    """Tidy every live table, and drop those that nobody needs any more. Raises NotReady when nothing was indexed yet."""
    live = find_live(workspace)
    done, _ = _each(live.by_table, lambda one: maintain_index(one.workspace, one.embedder))
    reports = done.values()
    return LiveMaintenanceReport(
        tables=len(done),
        rows=sum(one.rows for one in reports),
        fragments=sum(one.fragments for one in reports),
        unindexed_rows=sum(one.unindexed_rows for one in reports),
        versions_removed=sum(one.versions_removed for one in reports),
        bytes_removed=sum(one.bytes_removed for one in reports),
        optimized=tuple(name for name, one in done.items() if one.optimized),
        dropped=drop_unneeded_tables(workspace.settings),
    )


def release_live(workspace: Workspace) -> LiveGateReport:
    """Judge the newest version of every live configuration and move the heads, and what serves, where every rule holds.

    Where one does not, what serves stays as it is; another loses its head. Raises NotReady when nothing was indexed yet.
    """
    live = find_live(workspace)
    reports: list[GateReport] = []
    unusable = dict(live.unusable)
    for one in live.usable:
        try:
            reports.append(release_newest(workspace, one.embedder, one.configuration))
        except AssayError as error:
            if one is live.usable[0] or not _is_of_one(error):
                raise
            unusable[one.configuration.configuration_id] = str(error)
    dropped = _drop_stale_heads(workspace.settings, kept={one.configuration for one in reports if one.passed})
    reports = [replace(one, head=None) if one.configuration in dropped else one for one in reports]
    serving = read_pointer(workspace.settings.releases_path)
    ours = {configured_release(workspace.settings).configuration_id, *([serving.configuration] if serving else [])}
    judged = {one.configuration for one in reports} | unusable.keys()
    return LiveGateReport(tuple(reports), unusable, frozenset(judged - ours))


def index_rules_of_live(workspace: Workspace) -> Iterable[tuple[str, Sequence[Rule]]]:
    """Every live table with the verdicts on its invariants, that of what serves first.

    Left out are tables whose model does not load, or that were never built or are damaged: the gate moves no head to them.
    """
    judged, _ = _each(find_live(workspace).by_table, _index_rules)
    return judged.items()


def _index_rules(live: Live) -> tuple[Rule, ...]:
    with exclusive(table_lock(live.workspace, live.embedder)):
        index = open_index(live.workspace, live.embedder)
        return (*index_rules(live.workspace, index), *cache_rules(index, live.embedder))


def _first_of_each(usable: Sequence[Live], key: Callable[[ReleaseConfiguration], str]) -> tuple[Live, ...]:
    first: dict[str, Live] = {}
    for one in usable:
        first.setdefault(key(one.configuration), one)
    return tuple(first.values())


def _each(tables: Sequence[Live], stage: Callable[[Live], _Report]) -> tuple[dict[str, _Report], dict[str, str]]:
    """A stage's reports by table, and why it failed on others: what is wrong with one must stop nothing that serves."""
    done: dict[str, _Report] = {}
    failed: dict[str, str] = {}
    for one in tables:
        try:
            done[one.configuration.table] = stage(one)
        except AssayError as error:
            if one is tables[0] or not _is_of_one(error):
                raise
            failed[one.configuration.table] = str(error)
    return done, failed


def _is_of_one(error: AssayError) -> bool:
    """Whether an error is of the configuration it was met with: a model, or a table that is damaged or not there yet."""
    return isinstance(error, (ModelError, NotReady, StorageError)) and not isinstance(error, DiskFull)


def _drop_stale_heads(settings: Settings, kept: set[str]) -> set[str]:
    """Forget the heads of configurations that are not up to date, and say of which; what serves keeps its own."""
    with exclusive(serving_lock(settings)):
        serving = read_pointer(settings.releases_path)
        kept = kept | ({serving.configuration} if serving else set())
        stale = {one.configuration for one in heads(settings.releases_path)} - kept
        for configuration in stale:
            drop_head(settings.releases_path, configuration)
    return stale
