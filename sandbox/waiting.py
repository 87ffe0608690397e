"""The one way in which the sandbox waits for something to come true."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import tenacity

if TYPE_CHECKING:
    from collections.abc import Callable

Seen = TypeVar("Seen")


def until(look: Callable[[], Seen], *, seconds: float, every: float, enough: Callable[[Seen], bool] = bool) -> Seen:
    """What is seen once it is enough, or after so many seconds as it is then. Raises whatever `look` raises."""
    waiting = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda seen: not enough(seen)),
        stop=tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_fixed(every),
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )
    return waiting(look)
