"""How long a check may take, and what interrupts it: each becomes an exception of the main thread."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_ENDS: Final = (signal.SIGTERM, signal.SIGHUP)


class TimeOverError(Exception):
    """The check has taken as long as it may."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeOverError in the block, in whatever it does, once that time is over."""

    def over(_number: int, _frame: FrameType | None) -> NoReturn:
        raise TimeOverError

    earlier = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


@contextmanager
def ended_as_by_the_keyboard() -> Iterator[None]:
    """Whoever ends the process, or closes its terminal, interrupts the block as Ctrl-C does."""
    # What is ignored stays so: nohup ignores SIGHUP.
    heard = [number for number in _ENDS if signal.getsignal(number) is not signal.SIG_IGN]
    earlier = {number: signal.signal(number, signal.default_int_handler) for number in heard}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
