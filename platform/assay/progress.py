"""Progress on the terminal: a bar for whatever takes longer than two seconds, nothing where nobody looks."""

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

SHOWN_AFTER_SECONDS = 2.0

Item = TypeVar("Item")


class Report(Protocol):
    """Called with how much is done and how much there is."""

    def __call__(self, done: int, total: int, /) -> None: ...


def track(items: Iterable[Item], what: str, *, total: int) -> Iterator[Item]:
    """Pass `items` on, showing on a terminal how many of `total` have come."""
    with bar(what) as report:
        for done, item in enumerate(items, start=1):
            yield item
            report(done, total)


@contextmanager
def bar(what: str) -> Generator[Report]:
    """A function that draws a bar on standard error once two seconds have passed; it draws nothing without a terminal."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    began = time.monotonic()
    task = progress.add_task(what, total=None)

    def report(done: int, total: int, /) -> None:
        progress.update(task, completed=done, total=total)
        if (
            progress.console.is_terminal
            and not progress.live.is_started
            and time.monotonic() - began > SHOWN_AFTER_SECONDS
        ):
            progress.start()

    try:
        yield report
    finally:
        if progress.live.is_started:
            progress.stop()
