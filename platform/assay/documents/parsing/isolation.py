"""Parsing in processes of its own: a document that hangs, grows or crashes costs itself and no other.

Every worker has a socket of its own. Pools that share one pipe between their workers (pebble 5.2.3,
concurrent.futures) were measured first: an `os._exit(0)` was reported as a deadline, a worker killed while idle broke
the whole pool, and one killed while it sent its answer held up all others.
"""

import atexit
import os
import selectors
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from assay.documents.parsing.options import DEFAULT_OPTIONS, ParseOptions
from assay.documents.parsing.parsed import ParsedDocument
from assay.documents.parsing.registry import parse_here
from assay.documents.parsing.worker_process import Answer, Task, WorkerProcess
from assay.errors import ConfigurationError, DocumentRejected

DEFAULT_TIMEOUT_SECONDS = 60.0
DEFAULT_MEMORY_BYTES = 2 * 2**30
# A worker has its next document at hand while its last answer is read.
_TASKS_PER_WORKER = 2
# What leaks in a parser's C code ends with its worker; a start costs as much as some 50 small documents.
_TASKS_PER_LIFE = 200
# A start takes a fraction of a second; a machine that swaps takes longer, a broken one for ever.
_START_TIMEOUT_SECONDS = 120.0

Key = TypeVar("Key")
ParseFunction = Callable[[bytes, str, str | None, ParseOptions], ParsedDocument]


class ParserPool:
    """Worker processes that parse many documents. Use it as a context manager; not for several threads at once.

    `timeout_seconds` is the deadline of one document, of a scan that of one page; `memory_bytes` the address space of one worker. `parse` is what
    the workers run: a top-level function `(data, name, media_type, options) -> ParsedDocument` or its name
    `module:function`.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        options: ParseOptions = DEFAULT_OPTIONS,
        parse: ParseFunction | str = parse_here,
    ) -> None:
        self._size = workers
        self._timeout_seconds = timeout_seconds
        self._memory_bytes = memory_bytes
        self._options = options
        self._function_name = parse if isinstance(parse, str) else _import_name(parse)
        self._workers: list[WorkerProcess] = []
        self._is_running = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every worker. The pool may be used again, and starts new ones."""
        while self._workers:
            self._workers.pop().end()

    def parse_many(self, items: Iterable[tuple[Key, bytes | Path, str]]) -> Iterator[tuple[Key, Answer]]:
        """Parse `(key, bytes or path, name)` items; every key is answered exactly once, in the order of completion.

        A path is read by the worker. Refusals are answers: what the parser refused, and `timeout`, `out_of_memory`,
        `crashed` and `unreadable`. Items are taken as workers get free. Raises ConfigurationError when workers cannot
        start; breaking off ends the workers that are busy.
        """
        return self.run(Task(key, source, name) for key, source, name in items)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Any, Answer]]:
        """`parse_many` over tasks, which may also carry a declared media type."""
        if self._is_running:
            raise RuntimeError("This ParserPool is parsing already. Finish that iteration or open another pool.")
        self._is_running = True
        waiting = iter(tasks)
        try:
            while self._give(waiting):
                for task, answer in self._await_answers():
                    yield task.key, answer
        finally:
            self._is_running = False
            for worker in [worker for worker in self._workers if worker.tasks]:
                self._remove(worker)

    def _give(self, waiting: Iterator[Task]) -> bool:
        """Hand out tasks until every worker has enough; False when there is nothing left to wait for."""
        for worker in [worker for worker in self._workers if worker.given >= _TASKS_PER_LIFE and not worker.tasks]:
            self._remove(worker)
        while (worker := self._least_busy()) is not None or len(self._workers) < self._size:
            task = next(waiting, None)
            if task is None:
                break
            (worker or self._start()).give(task)
        return any(worker.tasks for worker in self._workers)

    def _least_busy(self) -> WorkerProcess | None:
        """The worker for the next task; None when all have enough or another should be started for it."""
        young = [worker for worker in self._workers if worker.given < _TASKS_PER_LIFE]
        chosen = min(young, key=lambda worker: len(worker.tasks), default=None)
        if chosen is None or len(chosen.tasks) >= _TASKS_PER_WORKER:
            return None
        return chosen if not chosen.tasks or len(self._workers) >= self._size else None

    def _start(self) -> WorkerProcess:
        worker = WorkerProcess(self._function_name, self._memory_bytes, self._options)
        self._workers.append(worker)
        return worker

    def _remove(self, worker: WorkerProcess) -> DocumentRejected:
        self._workers.remove(worker)
        return worker.end()

    def _replace(self, worker: WorkerProcess, unanswered: Iterable[Task]) -> DocumentRejected:
        """End a worker and give what it did not answer to a fresh one, in the same order."""
        verdict = self._remove(worker)
        tasks = tuple(unanswered)
        if tasks:
            fresh = self._start()
            for task in tasks:
                fresh.give(task)
        return verdict

    def _await_answers(self) -> list[tuple[Task, Answer]]:
        """Listen until something happens: answers, a death, or a deadline."""
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                writing = selectors.EVENT_WRITE if worker.wants_to_write else 0
                selector.register(worker.socket, selectors.EVENT_READ | writing, worker)
            began = time.monotonic()
            events = selector.select(max(0.0, min(self._left(worker) for worker in self._workers if worker.tasks)))
            # Deadlines count only while the pool listens: a slow caller is not the document's fault.
            listened_seconds = time.monotonic() - began
        for worker in self._workers:
            worker.waited_seconds += listened_seconds
        answers: list[tuple[Task, Answer]] = []
        for key, mask in events:
            worker: WorkerProcess = key.data
            if mask & selectors.EVENT_WRITE:
                worker.write()
            if mask & selectors.EVENT_READ:
                answers += self._read(worker)
        for worker in list(self._workers):
            if worker.tasks and self._left(worker) <= 0:
                answers += self._time_out(worker)
        return answers

    def _left(self, worker: WorkerProcess) -> float:
        return (self._timeout_seconds if worker.is_ready else _START_TIMEOUT_SECONDS) - worker.waited_seconds

    def _read(self, worker: WorkerProcess) -> list[tuple[Task, Answer]]:
        """What a worker says, or what its death says.

        Running out of memory, like a death, is blamed on the first document of a fresh worker; after others it is
        tried again in a new one. So neither what an earlier document left behind nor a worker that was killed from
        outside costs an innocent one.
        """
        was_fresh = not worker.answered
        answers = worker.read()
        starved = [task for task, answer in answers if _is_starved(answer)]
        if starved and not was_fresh:
            answers = [(task, answer) for task, answer in answers if task not in starved]
        if worker.is_dead:
            answers += self._bury(worker, again=() if was_fresh else starved)
        elif starved:
            self._replace(worker, [*(() if was_fresh else starved), *worker.tasks])
        return answers

    def _bury(self, worker: WorkerProcess, again: Iterable[Task] = ()) -> list[tuple[Task, Answer]]:
        if not worker.is_ready:
            raise self._no_start(self._remove(worker))
        blamed = worker.tasks.popleft() if worker.tasks and not worker.answered else None
        verdict = self._replace(worker, [*again, *worker.tasks])
        return [(blamed, verdict)] if blamed else []

    def _time_out(self, worker: WorkerProcess) -> list[tuple[Task, Answer]]:
        if not worker.is_ready:
            raise self._no_start(self._remove(worker))
        late = worker.tasks.popleft()
        self._replace(worker, worker.tasks)
        return [(late, DocumentRejected("timeout", f"Parsing took longer than {self._timeout_seconds:g} seconds."))]

    def _no_start(self, verdict: DocumentRejected) -> ConfigurationError:
        return ConfigurationError(
            f"No parser worker can start for `{self._function_name}` with {self._memory_bytes:,} bytes of address "
            f"space (`ASSAY_PARSE_MEMORY_BYTES`): {verdict.detail} Documents that were not answered were not parsed. "
            "See what is missing with `assay doctor`."
        )


def _is_starved(answer: Answer) -> bool:
    return isinstance(answer, DocumentRejected) and answer.reason == "out_of_memory"


def _import_name(function: ParseFunction) -> str:
    module, name = function.__module__, function.__qualname__
    if module == "__main__" or "." in name:
        raise ConfigurationError(
            f"Workers cannot import `{module}.{name}`. Nothing was parsed. Put the function at the top of a module of "
            "its own and pass it from there, or pass `module:function`."
        )
    return f"{module}:{name}"


# Pools of one worker each, waiting for the next `parse_document`; threads that call it together get one each.
_idle_pools: list[ParserPool] = []
_idle_pools_lock = threading.Lock()


def parse_document(data: bytes, *, name: str, media_type: str | None = None) -> ParsedDocument:
    """Parse one document in a worker process that is started by the first call and kept for the next.

    `name` is its file name; `media_type`, if any, what its source declared: both only decide what content leaves open.
    Raises DocumentRejected, among others for `timeout` (60 s), `out_of_memory` (2 GiB) and `crashed`.
    """
    with _idle_pools_lock:
        pool = _idle_pools.pop() if _idle_pools else ParserPool(workers=1)
    try:
        [(_, answer)] = pool.run([Task(None, data, name, media_type)])
    finally:
        with _idle_pools_lock:
            keep = len(_idle_pools) < (os.cpu_count() or 1)
            if keep:
                _idle_pools.append(pool)
        if not keep:
            pool.close()
    if isinstance(answer, DocumentRejected):
        raise answer
    return answer


@atexit.register
def _close_idle_pools() -> None:
    while _idle_pools:
        _idle_pools.pop().close()


def _forget_after_fork() -> None:
    """A forked child shares the workers' sockets with its parent: it must leave them alone and start its own."""
    global _idle_pools_lock
    _idle_pools_lock = threading.Lock()
    _idle_pools.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
