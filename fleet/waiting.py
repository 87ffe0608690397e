"""Waiting for what somebody else brings about: what is told meanwhile, and what no waiting mends.

The Kubernetes client is imported where an error is looked at, so that a preview does without it
(fleet/lke/readiness.py).
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakKeyDictionary

import pulumi
from tenacity import RetryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

Result = TypeVar("Result")

TELL_SECONDS: Final = 30
"""After so long, and again after as long, whoever waits reads what for."""
REFUSED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
"""What an API server answers to credentials that it does not take, or that may not do this; it answers so for ever."""


def telling(what: str | Callable[..., str]) -> Callable[[RetryCallState], None]:
    """What a retried function does before it sleeps: every 30 s it says what is waited for, and what was last seen.

    Args:
        what: words for it, or a function of the retried one's arguments that gives them.
    """
    told: WeakKeyDictionary[RetryCallState, float] = WeakKeyDictionary()

    def tell(state: RetryCallState) -> None:
        now = state.seconds_since_start or 0.0
        if now - told.get(state, 0.0) < TELL_SECONDS:
            return
        told[state] = now
        subject = what if isinstance(what, str) else what(*state.args, **state.kwargs)
        error = state.outcome.exception() if state.outcome else None
        pulumi.log.info(f"waiting for {subject}, {now:.0f} s so far; last seen: {seen(error)}")

    return tell


async def persist(attempt: Callable[[str], Result], kubeconfig: str, told: Callable[[str], str]) -> Result:
    """Run what retries by itself on a cluster, in a thread, beside the rest of the program, and give what it gives.

    Args:
        attempt: raises tenacity's RetryError when it gives up.
        kubeconfig: what it is called with, YAML text; secret, and never part of a message.
        told: the error's text, by what the last attempt came to.

    Raises:
        pulumi.RunError: when it gives up.
    """
    try:
        return await asyncio.to_thread(attempt, kubeconfig)
    except RetryError as error:
        raise pulumi.RunError(told(seen(error.last_attempt.exception()))) from None


def is_trouble(error: BaseException) -> bool:
    """Whether it is a request's that was refused, or not answered at all."""
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    return isinstance(error, ApiException | HTTPError)


def is_refused(error: BaseException | None) -> bool:
    """Whether credentials are not taken, or may not do this."""
    from kubernetes.client import ApiException

    return isinstance(error, ApiException) and error.status in REFUSED


def seen(error: BaseException | None) -> str:
    """What an attempt came to, in words, without what an API server answered: that may hold secrets."""
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    if isinstance(error, ApiException):
        return f"{error.status} {error.reason}" if error.reason else str(error.status)
    if isinstance(error, HTTPError):
        reason: Any = getattr(error, "reason", None) or error
        return f"no answer ({type(reason).__name__})"
    return str(error) or type(error).__name__
