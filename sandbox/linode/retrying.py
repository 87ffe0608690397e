"""Trying again what a backend could not do yet."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from tenacity import AsyncRetrying, wait_random_exponential

from sandbox.linode.backend import BackendError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenacity import RetryCallState

_LOG = logging.getLogger(__name__)
_MISTAKES: Final = 10
"""In a row: what nobody foresaw may pass by itself, and half a minute tells."""


async def persistently(operation: Callable[[], Awaitable[None]], what: str) -> bool:
    """Try until it works, with growing pauses; whether it did. `what` is for the log.

    A BackendError is the world's, and is tried again for ever. Anything else is a mistake of the sandbox's own: its
    traceback is logged once, and what goes on failing so is given up until the next change.
    """
    mistakes = 0

    def again(state: RetryCallState) -> bool:
        nonlocal mistakes
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, BackendError):
            mistakes = 0
            return True
        mistakes += 1
        if mistakes == 1 and isinstance(error, Exception):
            _LOG.error("%s: nobody foresaw that it fails so", what, exc_info=error)
        return isinstance(error, Exception) and mistakes < _MISTAKES

    def note(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _LOG.warning("%s: attempt %d failed, trying again: %s", what, state.attempt_number, error)

    pauses = wait_random_exponential(multiplier=0.2, max=10)
    try:
        async for attempt in AsyncRetrying(retry=again, wait=pauses, before_sleep=note):
            with attempt:
                await operation()
    except Exception as error:
        _LOG.error("%s: given up until the next change or start: %s", what, error)  # told above
        return False
    return True
