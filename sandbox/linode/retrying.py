"""Trying again what a backend could not do yet."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenacity import RetryCallState

_LOG = logging.getLogger(__name__)


async def persistently(operation: Callable[[], Awaitable[None]], what: str) -> None:
    """Try until it works, with growing pauses; `what` is for the log."""

    def note(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _LOG.warning("%s: attempt %d failed, trying again: %s", what, state.attempt_number, error)

    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(Exception),
        wait=wait_random_exponential(multiplier=0.2, max=10),
        before_sleep=note,
    ):
        with attempt:
            await operation()
