"""Which failures a step tries again: what the moment brought, not what the code or the settings are."""

import functools
import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import dagster as dg

from assay.errors import AssayError, DiskFull, StorageError

# A lock that is held, a commit that lost every race, a file server that was away: gone within a minute, or not soon.
RETRIES = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)

Step = TypeVar("Step", bound=Callable[..., object])


def retried_on_storage_errors(step: Step) -> Step:
    """Let RETRIES try only storage again: a refused batch, a missing model or a full disk is the same ten seconds later."""
    if inspect.isgeneratorfunction(step):

        @functools.wraps(step)
        def steps(*args: object, **kwargs: object) -> Generator[object]:
            with _without_retry():
                yield from step(*args, **kwargs)

        return steps  # pyright: ignore[reportReturnType]  the same signature, by `wraps`

    @functools.wraps(step)
    def one_step(*args: object, **kwargs: object) -> object:
        with _without_retry():
            return step(*args, **kwargs)

    return one_step  # pyright: ignore[reportReturnType]  the same signature, by `wraps`


@contextmanager
def _without_retry() -> Generator[None]:
    try:
        yield
    except AssayError as error:
        if isinstance(error, StorageError) and not isinstance(error, DiskFull):
            raise
        raise dg.Failure(str(error), allow_retries=False) from error
