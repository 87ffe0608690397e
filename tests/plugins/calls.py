"""Calls to a provider's types without an engine: requests with what the engine would put into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.plugins.framework import (
    Cancellation,
    CheckRequest,
    CreateRequest,
    DeleteRequest,
    DiffRequest,
    Operation,
    ReadRequest,
    UpdateRequest,
)
from sandbox.plugins.framework.engine_log import EngineLog

if TYPE_CHECKING:
    from sandbox.plugins.framework import CheckFailure, Created, Diff, Found, Properties, ResourceType


class Calls:
    """One resource of one type, as the engine would work on it."""

    def __init__(self, resource: ResourceType, *, timeout: float = 30) -> None:
        self._resource = resource
        self.cancellation = Cancellation()
        self.operation = Operation(
            urn=f"urn:pulumi:test::test::{resource.token}::name",
            cancellation=self.cancellation,
            log=EngineLog(None),
            timeout=timeout,
        )

    def check(self, **inputs: Any) -> list[CheckFailure]:
        """What is wrong with the inputs."""
        return list(self._resource.check(CheckRequest(operation=self.operation, inputs=inputs)).failures)

    def checked(self, old_inputs: Properties, **inputs: Any) -> Properties:
        """The inputs of one that is there, as they are recorded next."""
        request = CheckRequest(operation=self.operation, old_inputs=old_inputs, inputs=inputs)
        return dict(self._resource.check(request).inputs)

    def create(self, **inputs: Any) -> Created:
        """Make it, after a check that has to pass."""
        assert self.check(**inputs) == []
        return self._resource.create(CreateRequest(operation=self.operation, inputs=inputs, preview=False))

    def preview(self, **inputs: Any) -> Properties:
        """The planned outputs."""
        request = CreateRequest(operation=self.operation, inputs=inputs, preview=True)
        return dict(self._resource.create(request).outputs)

    def diff(self, old_inputs: Properties, inputs: Properties, outputs: Properties | None = None) -> Diff:
        """What changes."""
        return self._resource.diff(
            DiffRequest(
                operation=self.operation, id="id", old_inputs=old_inputs, old_outputs=outputs or {}, inputs=inputs
            )
        )

    def read(self, identity: str, inputs: Properties | None = None, outputs: Properties | None = None) -> Found | None:
        """What is there now."""
        return self._resource.read(
            ReadRequest(operation=self.operation, id=identity, inputs=inputs or {}, outputs=outputs or {})
        )

    def update(self, identity: str, old_inputs: Properties, outputs: Properties, **inputs: Any) -> Properties:
        """Change it in place."""
        request = UpdateRequest(
            operation=self.operation,
            id=identity,
            old_inputs=old_inputs,
            old_outputs=outputs,
            inputs=inputs,
            preview=False,
        )
        return dict(self._resource.update(request))

    def delete(self, identity: str, outputs: Properties | None = None) -> None:
        """Remove it."""
        self._resource.delete(DeleteRequest(operation=self.operation, id=identity, inputs={}, outputs=outputs or {}))
