"""What a provider raises, each with the meaning that the engine gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.plugins.framework.failure import ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.framework.values import Value


class CancelledError(ProviderError):
    """The user asked the engine to stop, and the operation did."""

    def __init__(self, message: str = "cancelled") -> None:
        super().__init__(message)


class UnsupportedError(ProviderError):
    """The stand-in has no such resource type or function."""


class InitializationError(ProviderError):
    """The resource exists, but did not become what was asked for.

    The engine records identity and state, reports the message, and offers an update at the next run
    (ErrorResourceInitFailed in Pulumi's provider.proto).
    """

    def __init__(self, message: str, *, resource_id: str, outputs: Mapping[str, Value]) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.outputs = dict(outputs)


@dataclass(frozen=True, kw_only=True)
class CheckFailure:
    """One input that cannot be accepted: its property path and the reason, a sentence for the user."""

    path: str
    reason: str
