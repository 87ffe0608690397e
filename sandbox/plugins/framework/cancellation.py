"""Stopping in time: because the user asked, or because the time allowed is over."""

from __future__ import annotations

import threading
import time

from sandbox.plugins.framework.errors import CancelledError
from sandbox.plugins.framework.failure import ProviderError


class Cancellation:
    """The engine's wish that operations end early. One is shared by all operations of a provider."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def request(self) -> None:
        """Ask every operation to end, and wake those that wait."""
        self._event.set()

    def sleep(self, seconds: float) -> None:
        """Wait, but raise CancelledError as soon as asked to stop."""
        if self._event.wait(seconds):
            raise CancelledError


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
