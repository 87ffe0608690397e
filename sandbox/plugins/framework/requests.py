"""What the engine asks of a provider and what it gets back, as plain frozen data.

`inputs` are what the program gave, after `check`; `outputs` are what the provider recorded. Both may hold
secrets and, in previews, unknowns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.plugins.framework.cancellation import Deadline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.plugins.framework.cancellation import Cancellation
    from sandbox.plugins.framework.engine_log import EngineLog
    from sandbox.plugins.framework.errors import CheckFailure
    from sandbox.plugins.framework.values import Properties, Value


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The circumstances of a request: which resource, how long it may take, how to stop and to speak.

    `timeout` is what the program's customTimeouts give, in seconds, or None.
    """

    urn: str
    cancellation: Cancellation
    log: EngineLog
    timeout: float | None = None

    @property
    def type(self) -> str:
        """The resource's type token, such as `tls:index/privateKey:PrivateKey`."""
        return self.urn.split("::")[2].rsplit("$", 1)[-1]

    def deadline(self, default: float) -> Deadline:
        """When this operation has to end: after the program's timeout, else `default` seconds."""
        return Deadline(self.timeout or default)

    def say(self, message: str) -> None:
        """Show what is going on beside the resource while it is worked on."""
        self.log.status(self.urn, message)

    def warn(self, message: str) -> None:
        """Print a warning about the resource, which stays in the output."""
        self.log.warning(self.urn, message)


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """To tell whether inputs are acceptable. `old_inputs` are the accepted ones of the last update, if any."""

    operation: Operation
    inputs: Properties
    old_inputs: Properties = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The accepted inputs with their defaults, or why they are not acceptable."""

    inputs: Mapping[str, Value]
    failures: Sequence[CheckFailure] = ()


@dataclass(frozen=True, kw_only=True)
class DiffRequest:
    """To tell what changes between the recorded resource and the new inputs."""

    operation: Operation
    id: str
    old_inputs: Properties
    old_outputs: Properties
    inputs: Properties


@dataclass(frozen=True, kw_only=True)
class CreateRequest:
    """Make the resource or, in a preview, tell its outputs as far as they are known."""

    operation: Operation
    inputs: Properties
    preview: bool


@dataclass(frozen=True, kw_only=True)
class Created:
    """A new resource. In a preview the id is empty, which stands for an unknown one."""

    id: str
    outputs: Mapping[str, Value]


@dataclass(frozen=True, kw_only=True)
class ReadRequest:
    """To tell what the resource is like now.

    In a refresh both bags hold what is recorded; in an import or a `get` they are empty, or hold what the
    program gave to find it by.
    """

    operation: Operation
    id: str
    inputs: Properties
    outputs: Properties


@dataclass(frozen=True, kw_only=True)
class Found:
    """The live resource, with inputs as a program would give them today."""

    id: str
    inputs: Mapping[str, Value]
    outputs: Mapping[str, Value]


@dataclass(frozen=True, kw_only=True)
class UpdateRequest:
    """Change the resource in place or, in a preview, tell its outputs as far as they are known."""

    operation: Operation
    id: str
    old_inputs: Properties
    old_outputs: Properties
    inputs: Properties
    preview: bool


@dataclass(frozen=True, kw_only=True)
class DeleteRequest:
    """Remove the resource. That it is gone already is no error."""

    operation: Operation
    id: str
    inputs: Properties
    outputs: Properties


@dataclass(frozen=True, kw_only=True)
class InvokeRequest:
    """Call a function of the provider."""

    operation: Operation
    token: str
    arguments: Properties
    preview: bool


@dataclass(frozen=True, kw_only=True)
class ConfigureRequest:
    """Take the provider's own inputs into use. `urn` tells explicit providers apart."""

    urn: str
    inputs: Properties
    cancellation: Cancellation
