"""A step is tried again for what the moment brought and for errors nobody foresaw, not for what Assay refuses on purpose."""

import dagster as dg
import pytest

from assay.errors import CheckFailed, ConfigurationError, DiskFull, ModelError, StorageError
from assets.retries import RETRIES, retried_on_storage_errors

AT_ONCE = dg.RetryPolicy(max_retries=RETRIES.max_retries)


def attempts(error: Exception, *, as_generator: bool) -> int:
    """How often a step is tried that always ends with `error`."""
    tried = []

    @dg.asset(retry_policy=AT_ONCE)
    @retried_on_storage_errors
    def step(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """A step of one result."""
        tried.append(context.retry_number)
        raise error

    @dg.multi_asset(specs=[dg.AssetSpec("step")], retry_policy=AT_ONCE)
    @retried_on_storage_errors
    def steps(context: dg.AssetExecutionContext):
        """A step that yields its results."""
        tried.append(context.retry_number)
        yield dg.MaterializeResult("step")
        raise error

    with dg.DagsterInstance.ephemeral() as instance:
        ran = dg.materialize([steps if as_generator else step], instance=instance, raise_on_error=False)
    assert not ran.success
    return len(tried)


@pytest.mark.parametrize("as_generator", [False, True], ids=["returns", "yields"])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StorageError("The lock was not free."), 3),
        (DiskFull("No space left."), 1),
        (CheckFailed("The gate said no."), 1),
        (ConfigurationError("No such setting."), 1),
        (ModelError("Another model."), 1),
        (ZeroDivisionError(), 3),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_is_refused_on_purpose_is_not_tried_again(error: Exception, expected: int, as_generator: bool) -> None:
    assert attempts(error, as_generator=as_generator) == expected


def test_the_message_of_an_error_reaches_the_run() -> None:
    @dg.asset(retry_policy=AT_ONCE)
    @retried_on_storage_errors
    def step() -> None:
        """Always refused."""
        raise CheckFailed("The folded document state fails `x`. Nothing was written.")

    with dg.DagsterInstance.ephemeral() as instance:
        ran = dg.materialize([step], instance=instance, raise_on_error=False)
    [failed] = ran.get_step_failure_events()
    assert "The folded document state fails `x`." in failed.step_failure_data.error_display_string
