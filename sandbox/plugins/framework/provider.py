"""The three things that a stand-in is made of: resource types, functions and the provider itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from sandbox.plugins.framework.diff import Diff, compare
from sandbox.plugins.framework.errors import UnsupportedError
from sandbox.plugins.framework.requests import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.plugins.framework.requests import (
        CheckRequest,
        ConfigureRequest,
        Created,
        CreateRequest,
        DeleteRequest,
        DiffRequest,
        Found,
        InvokeRequest,
        ReadRequest,
        UpdateRequest,
    )
    from sandbox.plugins.framework.values import Value


class ResourceType(ABC):
    """One type of resource.

    Methods are called side by side from several threads, and block for as long as the work takes, since
    the official clients that do the work block. They raise ProviderError, or InitializationError where a
    resource exists but is not right; anything else is a fault of the stand-in and is reported as one.
    """

    token: ClassVar[str]

    @abstractmethod
    def check(self, request: CheckRequest) -> CheckResult:
        """Validate the inputs and fill in defaults. Inputs may be unknown in a preview."""

    @abstractmethod
    def diff(self, request: DiffRequest) -> Diff:
        """Compare the recorded resource with the new inputs."""

    @abstractmethod
    def create(self, request: CreateRequest) -> Created:
        """Make the resource, or preview it."""

    @abstractmethod
    def read(self, request: ReadRequest) -> Found | None:
        """Look at the live resource. None says that it is gone."""

    @abstractmethod
    def update(self, request: UpdateRequest) -> Mapping[str, Value]:
        """Change the resource in place, or preview that. Returns all its outputs."""

    @abstractmethod
    def delete(self, request: DeleteRequest) -> None:
        """Remove the resource and wait until it is gone."""


class Function(ABC):
    """One function, called by a program's `get...`."""

    token: ClassVar[str]

    @abstractmethod
    def invoke(self, request: InvokeRequest) -> Mapping[str, Value]:
        """The function's result. Arguments are always known."""


class Provider:
    """A stand-in for one official plugin: its configuration and the register of what it implements."""

    name: ClassVar[str]
    """The package, such as `tls`."""

    def __init__(
        self,
        *,
        version: str,
        resources: Iterable[ResourceType] = (),
        functions: Iterable[Function] = (),
    ) -> None:
        """`version` is the version of the official plugin that this stands for, such as `5.6.2`."""
        self.version = version
        self.resources = {resource.token: resource for resource in resources}
        self.functions = {function.token: function for function in functions}

    def resource_type(self, token: str) -> ResourceType:
        """The type with this token. Raises UnsupportedError, naming it, for any other."""
        if token not in self.resources:
            raise self.unsupported("resource type", token, self.resources)
        return self.resources[token]

    def function(self, token: str) -> Function:
        """The function with this token. Raises UnsupportedError, naming it, for any other."""
        if token not in self.functions:
            raise self.unsupported("function", token, self.functions)
        return self.functions[token]

    def unsupported(self, kind: str, token: str, implemented: Iterable[str]) -> UnsupportedError:
        """The error for a type or function that this stand-in does not implement."""
        known = ", ".join(sorted(implemented)) or "none"
        return UnsupportedError(
            f"the offline stand-in for the {self.name} plugin does not implement the {kind} {token!r}; "
            f"it implements: {known}. Use the official plugin for it (--plugins official)"
        )

    def check_config(self, request: CheckRequest) -> CheckResult:
        """Validate the provider's own inputs."""
        return CheckResult(inputs=request.inputs)

    def diff_config(self, request: DiffRequest) -> Diff:
        """Compare the provider's own inputs. Replacing a provider replaces all that it manages."""
        return Diff(properties=compare(request.old_inputs, request.inputs))

    def configure(self, request: ConfigureRequest) -> None:
        """Take the provider's inputs into use. Called once, before any resource or function."""
