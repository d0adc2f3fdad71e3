"""Searching the release that serves: dense, lexical and both, filtered before the search by what the caller may see."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from assay.durable_files import FileStamp
from assay.embeddings import Embedder
from assay.errors import ConfigurationError, ModelError, NotReady, StorageError
from assay.retrieval import engine
from assay.retrieval.denials import Denial, denials_stamp, denials_within, read_denials, without_denied
from assay.retrieval.filters import FilterValue, is_unicode, prefilter
from assay.retrieval.hits import Hit, SearchResult
from assay.retrieval.legs import Request, SearchMode, Stopwatch, Vector, find
from assay.retrieval.serving import ServingPointer, pointer_stamp, read_stamped_pointer
from assay.settings import Settings


@dataclass(frozen=True)
class QueryModel:
    """The embedding model as a search needs it: who it is, and a query's text as a vector (dimension,) float32."""

    fingerprint: str
    embed: Callable[[str], Vector]


@dataclass(frozen=True)
class _Release:
    """A release with its table fixed at the release's version, and what may not be found in it any more.

    A search keeps the one it began with to its end.
    """

    pointer: ServingPointer
    stamp: FileStamp
    table: Any
    rows: int
    denials: tuple[Denial, ...]
    denials_stamp: FileStamp | None


class Searcher:
    """Answers searches from the serving release, and follows the pointer and the deny-list when they are replaced.

    One for all threads. Raises NotReady before the first release, ModelError when the configured model is not the one
    that built the release, ConfigurationError for a query, filter or mode that makes no sense.
    """

    def __init__(
        self,
        vectors_path: Path,
        releases_path: Path,
        load_model: Callable[[], QueryModel],
        denials_path: Path | None = None,
    ) -> None:
        """`denials_path`: the folder of the deny-list, where it is not that of the pointer."""
        self._vectors_path = vectors_path
        self._releases_path = releases_path
        self._denials_path = denials_path or releases_path
        self._load_model = load_model
        self._model: QueryModel | None = None
        self._release: _Release | None = None
        self._lock = threading.Lock()
        # Its own lock: loading takes seconds, and lexical searches need not wait for it.
        self._model_lock = threading.Lock()

    @classmethod
    def open(cls, settings: Settings) -> "Searcher":
        """A searcher over the state in `settings.home`. Opens nothing yet; the model is loaded by the first search
        that embeds its query, never by a lexical one."""
        return cls(settings.vectors_path, settings.releases_path, lambda: _query_model(settings))

    def search(
        self,
        query: str,
        k: int = 10,
        mode: SearchMode = "hybrid",
        filters: Mapping[str, FilterValue] | None = None,
        principals: Sequence[str] = ("public",),
    ) -> list[Hit]:
        """The `k` best hits with different texts, fewer when there are no more."""
        return list(self.search_with_timings(query, k, mode, filters, principals).hits)

    def search_with_timings(
        self,
        query: str,
        k: int = 10,
        mode: SearchMode = "hybrid",
        filters: Mapping[str, FilterValue] | None = None,
        principals: Sequence[str] = ("public",),
    ) -> SearchResult:
        """`search` with the release that answered and the milliseconds each step took."""
        request = _checked_request(query, k, mode, filters, principals)
        if mode == "lexical":
            return self._answer(request, lambda _pointer: None)
        return self._answer(request, lambda pointer: self._model_of(pointer).embed(query))

    def search_vector(
        self,
        vector: Vector,
        query: str,
        k: int = 10,
        mode: SearchMode = "hybrid",
        filters: Mapping[str, FilterValue] | None = None,
        principals: Sequence[str] = ("public",),
    ) -> SearchResult:
        """A search whose query was embedded before, by the release's own model; that is the caller's to know."""
        request = _checked_request(query, k, mode, filters, principals)
        return self._answer(request, lambda _pointer: vector)

    def _answer(self, request: Request, embed: Callable[[ServingPointer], Vector | None]) -> SearchResult:
        """Answer from the serving release. When its table is gone, dropped or cleaned up, follow the pointer once."""
        watch = Stopwatch()
        try:
            return self._attempt(request, embed, watch, reopen=False)
        except engine.GoneError:
            pass
        try:
            return self._attempt(request, embed, watch, reopen=True)
        except engine.GoneError as error:
            raise StorageError(
                f"The table of the serving release is gone ({error.__cause__}). Nothing was changed. Build it "
                "again from the lake with `assay demo` or `assay ingest DIR`."
            ) from error

    def _attempt(
        self, request: Request, embed: Callable[[ServingPointer], Vector | None], watch: Stopwatch, reopen: bool
    ) -> SearchResult:
        with engine.storage_errors("opening the serving release"):
            release = self._serving(reopen)
        watch.lap("open")
        vector = embed(release.pointer)
        watch.lap("embed")
        release_id = release.pointer.release_id
        # Part of the prefilter, so both legs and the places of equal texts leave out what is denied.
        permitted = replace(request, where=without_denied(request.where, release.denials, request.principals))
        with engine.storage_errors(f"searching release {release_id}"):
            hits = find(release.table, release.rows, release_id, permitted, vector, watch)
        return SearchResult(request.query, release_id, watch.total(), hits)

    def _serving(self, reopen: bool) -> _Release:
        with self._lock:
            held = None if reopen else self._release
            if (
                held is not None
                and pointer_stamp(self._releases_path) == held.stamp
                and denials_stamp(self._denials_path) == held.denials_stamp
            ):
                return held
            stamped = read_stamped_pointer(self._releases_path)
            if stamped is None:
                raise NotReady(
                    "Nothing was released yet, so there is nothing to search. Run the sample with `make demo`, or your "
                    "own documents with `assay ingest DIR`."
                )
            pointer, stamp = stamped
            denials, denied = read_denials(self._denials_path)
            table = engine.open_table(self._vectors_path, pointer.table, pointer.version)
            within = denials_within(table, denials)
            self._release = _Release(pointer, stamp, table, int(table.count_rows()), within, denied)
            return self._release

    def _model_of(self, pointer: ServingPointer) -> QueryModel:
        with self._model_lock:
            if self._model is None:
                self._model = self._load_model()
            model = self._model
        if model.fingerprint != pointer.fingerprint:
            raise ModelError(
                f"Release {pointer.release_id} was embedded by {pointer.model} (fingerprint "
                f"{pointer.fingerprint[:12]}), the configured model is another ({model.fingerprint[:12]}). Nothing was "
                "searched. Set "
                f"`ASSAY_EMBEDDING_MODEL={pointer.model}`, or build a release of the new model with `assay ingest DIR`."
            )
        return model


def _query_model(settings: Settings) -> QueryModel:
    embedder = Embedder.open(settings)
    return QueryModel(embedder.model.fingerprint, lambda text: embedder.embed_query(text, remember=False))


def _checked_request(
    query: str, k: int, mode: SearchMode, wanted: Mapping[str, FilterValue] | None, principals: Sequence[str]
) -> Request:
    again = "Nothing was searched. Correct it and run `assay search TEXT` again."
    if not query.strip():
        raise ConfigurationError(f"The query is blank. {again}")
    if not is_unicode(query):
        raise ConfigurationError(f"The query is not valid Unicode. {again}")
    if k < 1:
        raise ConfigurationError(f"`k` is {k}, it must be 1 or more. {again}")
    if mode not in get_args(SearchMode):
        raise ConfigurationError(f"`{mode}` is no mode: {', '.join(get_args(SearchMode))} are. {again}")
    return Request(query, k, mode, prefilter(wanted, principals), tuple(principals))
