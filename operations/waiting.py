"""Waiting for what somebody else brings about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

if TYPE_CHECKING:
    from collections.abc import Callable


def holds_within(claim: Callable[[], bool], *, seconds: float, pause_seconds: float) -> bool:
    """Whether a claim comes to hold in that time, asked again after each pause. What it raises is passed on."""
    waiting = Retrying(
        retry=retry_if_result(lambda holds: not holds),
        stop=stop_after_delay(seconds),
        wait=wait_fixed(pause_seconds),
    )
    try:
        waiting(claim)
    except RetryError:
        return False
    return True
