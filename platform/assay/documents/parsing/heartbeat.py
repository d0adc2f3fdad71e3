"""How a parser at long work says that it is not stuck: each sign gives it the whole deadline again."""

from collections.abc import Callable

_listeners: list[Callable[[], object]] = []


def listen(listener: Callable[[], object]) -> None:
    """Have `listener` called at every sign that is given in this process: what a worker passes on to its pool."""
    _listeners.append(listener)


def beat() -> None:
    """Say that a bounded part of a document is about to be done, as a page that is read by OCR."""
    for listener in _listeners:
        listener()
