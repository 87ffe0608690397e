"""What a provider raises, each with the meaning that the engine gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.plugins.framework.failure import ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.plugins.framework.values import Value


class CancelledError(ProviderError):
    """The user asked the engine to stop, and the operation did."""

    def __init__(self, message: str = "cancelled") -> None:
        super().__init__(message)


class UnsupportedError(ProviderError):
    """The stand-in has no such resource type or function."""


class InitializationError(ProviderError):
    """The resource exists, but did not become what was asked for.

    The engine records identity and state, reports the reasons, and offers an update at the next run
    (ErrorResourceInitFailed in Pulumi's provider.proto).
    """

    def __init__(
        self,
        message: str,
        *,
        resource_id: str,
        outputs: Mapping[str, Value],
        reasons: Sequence[str] = (),
        inputs: Mapping[str, Value] | None = None,
    ) -> None:
        """Reasons default to the message. Inputs are wanted only where a read failed."""
        super().__init__(message)
        self.resource_id = resource_id
        self.outputs = dict(outputs)
        self.reasons = tuple(reasons) or (message,)
        self.inputs = None if inputs is None else dict(inputs)


class MissingConfigError(ProviderError):
    """The provider lacks configuration that it cannot work without."""

    def __init__(self, missing: Mapping[str, str]) -> None:
        """`missing` gives for each key what it is for."""
        super().__init__("missing configuration: " + ", ".join(missing))
        self.missing = dict(missing)


@dataclass(frozen=True, kw_only=True)
class CheckFailure:
    """One input that cannot be accepted: its property path and the reason, a sentence for the user."""

    path: str
    reason: str
