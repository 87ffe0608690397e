"""Stopping in time: because the user asked, or because the time allowed is over."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from sandbox.plugins.framework.errors import CancelledError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable


class Cancellation:
    """The engine's wish that operations end early. One is shared by all operations of a provider."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._next = 0

    @property
    def requested(self) -> bool:
        """Whether the engine asked to stop."""
        return self._event.is_set()

    def request(self) -> None:
        """Ask every operation to end, and wake those that wait."""
        with self._lock:
            self._event.set()
            callbacks, self._callbacks = list(self._callbacks.values()), {}
        for callback in callbacks:
            callback()

    def on_request(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back when asked to stop, at once if that has happened. Returns what takes it back.

        For what cannot wait on `sleep`, such as a child process that has to be told.
        """
        with self._lock:
            if not self._event.is_set():
                key, self._next = self._next, self._next + 1
                self._callbacks[key] = callback
                return lambda: self._forget(key)
        callback()
        return lambda: None

    def check(self) -> None:
        """Raise CancelledError if asked to stop."""
        if self.requested:
            raise CancelledError

    def sleep(self, seconds: float) -> None:
        """Wait, but raise CancelledError as soon as asked to stop."""
        if self._event.wait(seconds):
            raise CancelledError

    def _forget(self, key: int) -> None:
        with self._lock:
            self._callbacks.pop(key, None)


class DeadlineError(ProviderError):
    """The time allowed for an operation is over."""


class Deadline:
    """A span of time that starts when this is made."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return self.remaining == 0.0
