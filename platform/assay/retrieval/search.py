"""Searching the release that serves, or another: dense, lexical and both, filtered before the search by what the caller
may see. A release is asked by its own model and in its own mode, whatever the settings name meanwhile."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from assay.durable_files import FileStamp
from assay.errors import ConfigurationError, ModelError, NotReady, StorageError
from assay.retrieval import engine
from assay.retrieval.configurations import check_ranking, embedder_of, read_manifest
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
    stamp: FileStamp | None
    mode: SearchMode
    table: Any
    rows: int
    denials: tuple[Denial, ...]
    denials_stamp: FileStamp | None


@dataclass(frozen=True)
class _Question:
    """What a caller asks; `mode` is None where the release decides."""

    query: str
    k: int
    mode: SearchMode | None
    where: str
    principals: tuple[str, ...]

    def of(self, release: _Release) -> Request:
        """Asked of a release. What is denied is part of the prefilter, so both legs and the places of equal texts lack it."""
        where = without_denied(self.where, release.denials, self.principals)
        return Request(self.query, self.k, self.mode or release.mode, where, self.principals)


class Searcher:
    """Answers searches from the serving release, and follows the pointer and the deny-list when they are replaced.

    One for all threads. Raises NotReady before the first release, ModelError when the model that built the release is
    missing or altered or this code ranks otherwise than the release was judged to, ConfigurationError for a query, filter or mode that makes no sense.
    """

    def __init__(
        self,
        vectors_path: Path,
        releases_path: Path,
        load_model: Callable[[ServingPointer], QueryModel],
        denials_path: Path | None = None,
        *,
        mode_of: Callable[[ServingPointer], SearchMode] = lambda _: "hybrid",
        release: ServingPointer | None = None,
    ) -> None:
        """`denials_path`: the folder of the deny-list, where it is not that of the pointer. `mode_of`: in which mode a
        release is asked where a search names none. `release`: the one to ask, whatever serves."""
        self._vectors_path = vectors_path
        self._releases_path = releases_path
        self._denials_path = denials_path or releases_path
        self._load_model = load_model
        self._mode_of = mode_of
        self._fixed = release
        self._models: dict[str, QueryModel] = {}
        self._release: _Release | None = None
        self._lock = threading.Lock()
        # Its own lock: loading takes seconds, and lexical searches need not wait for it.
        self._model_lock = threading.Lock()

    @classmethod
    def open(cls, settings: Settings, release: ServingPointer | None = None) -> "Searcher":
        """A searcher over the state in `settings.home`: of what serves, or of `release` alone.

        Opens nothing yet; the model that the release's manifest names is loaded by the first search that embeds its query,
        never by a lexical one.
        """
        return cls(
            settings.vectors_path,
            settings.releases_path,
            lambda pointer: _query_model(settings, pointer),
            mode_of=lambda pointer: _search_mode(settings, pointer),
            release=release,
        )

    def search(
        self,
        query: str,
        k: int = 10,
        mode: SearchMode | None = None,
        filters: Mapping[str, FilterValue] | None = None,
        principals: Sequence[str] = ("public",),
    ) -> list[Hit]:
        """The `k` best hits with different texts, fewer when there are no more; in the release's own mode, or in `mode`."""
        return list(self.search_with_timings(query, k, mode, filters, principals).hits)

    def search_with_timings(
        self,
        query: str,
        k: int = 10,
        mode: SearchMode | None = None,
        filters: Mapping[str, FilterValue] | None = None,
        principals: Sequence[str] = ("public",),
    ) -> SearchResult:
        """`search` with the release that answered and the milliseconds each step took."""
        question = _checked(query, k, mode, filters, principals)
        return self._answer(question, lambda pointer: self._model_of(pointer).embed(query))

    def search_vector(
        self,
        vector: Vector,
        query: str,
        k: int = 10,
        mode: SearchMode | None = None,
        filters: Mapping[str, FilterValue] | None = None,
        principals: Sequence[str] = ("public",),
    ) -> SearchResult:
        """A search whose query was embedded before, by the release's own model; that is the caller's to know."""
        question = _checked(query, k, mode, filters, principals)
        return self._answer(question, lambda _pointer: vector)

    def _answer(self, question: _Question, embed: Callable[[ServingPointer], Vector]) -> SearchResult:
        """Answer from the serving release. When its table is gone, dropped or cleaned up, follow the pointer once."""
        watch = Stopwatch()
        try:
            return self._attempt(question, embed, watch, reopen=False)
        except engine.GoneError:
            pass
        try:
            return self._attempt(question, embed, watch, reopen=True)
        except engine.GoneError as error:
            raise StorageError(
                f"The table of the serving release is gone ({error.__cause__}). Nothing was changed. Build it "
                "again from the lake with `assay demo` or `assay ingest DIR`."
            ) from error

    def _attempt(
        self, question: _Question, embed: Callable[[ServingPointer], Vector], watch: Stopwatch, reopen: bool
    ) -> SearchResult:
        with engine.storage_errors("opening the serving release"):
            release = self._serving(reopen)
        watch.lap("open")
        request, release_id = question.of(release), release.pointer.release_id
        vector = None if request.mode == "lexical" else embed(release.pointer)
        watch.lap("embed")
        with engine.storage_errors(f"searching release {release_id}"):
            hits = find(release.table, release.rows, release_id, request, vector, watch)
        return SearchResult(request.query, release_id, watch.total(), hits)

    def _serving(self, reopen: bool) -> _Release:
        with self._lock:
            held = None if reopen else self._release
            if (
                held is not None
                and (self._fixed is not None or pointer_stamp(self._releases_path) == held.stamp)
                and denials_stamp(self._denials_path) == held.denials_stamp
            ):
                return held
            stamped = (self._fixed, None) if self._fixed else read_stamped_pointer(self._releases_path)
            if stamped is None:
                raise NotReady(
                    "Nothing was released yet, so there is nothing to search. Run the sample with `make demo`, or your "
                    "own documents with `assay ingest DIR`."
                )
            pointer, stamp = stamped
            denials, denied = read_denials(self._denials_path)
            table = engine.open_table(self._vectors_path, pointer.table, pointer.version)
            within, mode = denials_within(table, denials), self._mode_of(pointer)
            self._release = _Release(pointer, stamp, mode, table, int(table.count_rows()), within, denied)
            return self._release

    def _model_of(self, pointer: ServingPointer) -> QueryModel:
        """The model of a release. Each is loaded once: after a flip searches still end that began before it."""
        with self._model_lock:
            if pointer.fingerprint not in self._models:
                model = self._load_model(pointer)
                if model.fingerprint != pointer.fingerprint:
                    raise ModelError(
                        f"Release {pointer.release_id} was embedded by {pointer.model} (fingerprint "
                        f"{pointer.fingerprint[:12]}), which is another model now ({model.fingerprint[:12]}). Nothing was "
                        "searched. Put its former files back, or build a release of the new ones with `assay ingest DIR`."
                    )
                self._models[pointer.fingerprint] = model
            return self._models[pointer.fingerprint]


def _query_model(settings: Settings, pointer: ServingPointer) -> QueryModel:
    embedder = embedder_of(read_manifest(settings.releases_path, pointer.configuration), settings)
    return QueryModel(embedder.model.fingerprint, lambda text: embedder.embed_query(text, remember=False))


def _search_mode(settings: Settings, pointer: ServingPointer) -> SearchMode:
    configuration = read_manifest(settings.releases_path, pointer.configuration)
    check_ranking(configuration)
    named = configuration.search_mode
    for mode in get_args(SearchMode):
        if mode == named:
            return mode
    raise ConfigurationError(
        f"The manifest of configuration {pointer.configuration} names the mode `{named}`, which this version has not. "
        "Nothing was searched. Search with the version of Assay that made the release, or roll back with "
        "`assay release rollback`."
    )


def _checked(
    query: str, k: int, mode: SearchMode | None, wanted: Mapping[str, FilterValue] | None, principals: Sequence[str]
) -> _Question:
    again = "Nothing was searched. Correct it and run `assay search TEXT` again."
    if not query.strip():
        raise ConfigurationError(f"The query is blank. {again}")
    if not is_unicode(query):
        raise ConfigurationError(f"The query is not valid Unicode. {again}")
    if k < 1:
        raise ConfigurationError(f"`k` is {k}, it must be 1 or more. {again}")
    if mode is not None and mode not in get_args(SearchMode):
        raise ConfigurationError(f"`{mode}` is no mode: {', '.join(get_args(SearchMode))} are. {again}")
    return _Question(query, k, mode, prefilter(wanted, principals), tuple(principals))
