"""Waiting for something to come true, with the user kept informed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.plugins.framework.cancellation import DeadlineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

    from sandbox.plugins.framework.cancellation import Deadline
    from sandbox.plugins.framework.requests import Operation


def wait_until_done(look: Callable[[], str | None], *, operation: Operation, deadline: Deadline, every: float) -> None:
    """Call `look` every so many seconds until it returns None.

    What it returns before that says what is still missing: it is shown beside the resource, and it is the
    message of the DeadlineError that ends the wait. Raises CancelledError as soon as the user stops the run,
    and whatever `look` raises.
    """
    import tenacity  # on demand: most processes of a provider never wait

    def report(state: RetryCallState) -> None:
        if state.outcome is not None:
            operation.say(state.outcome.result())

    waiting = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda missing: missing is not None),
        stop=tenacity.stop_after_delay(deadline.remaining),
        wait=tenacity.wait_fixed(every),
        sleep=operation.cancellation.sleep,
        before_sleep=report,
    )
    try:
        waiting(look)
    except tenacity.RetryError as error:
        raise DeadlineError(f"{error.last_attempt.result()} after {deadline.seconds:.0f} s") from None
