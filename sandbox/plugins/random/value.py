"""What the types of random values have in common: made once, kept in the state, nowhere else."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Final

from sandbox.plugins.framework import Created, Found, ProviderError, reveal
from sandbox.plugins.framework.schema import Kind, Property
from sandbox.plugins.framework.schema_resource import SchemaResource
from sandbox.plugins.framework.shaping import planned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.framework import (
        CreateRequest,
        DeleteRequest,
        Properties,
        ReadRequest,
        UpdateRequest,
        Value,
    )

KEEPERS: Final = Property(kind=Kind.MAP, force_new=True)
"""Values that the program ties the random one to: when they change, a new one is made."""


class RandomValue(SchemaResource):
    """A value made at creation. Every change of an input replaces it."""

    @abstractmethod
    def generate(self, inputs: Properties) -> tuple[str, Properties]:
        """A new value from inputs with their defaults: its id and outputs.

        The id is among the outputs where the original's schema has one, which that of RandomBytes has not.
        """

    @abstractmethod
    def adopt(self, value: str) -> tuple[str, Properties, Properties]:
        """A value that exists elsewhere, for import: its id, inputs and outputs. Raises ProviderError."""

    def create(self, request: CreateRequest) -> Created:
        """Make the value, or tell what is known of it."""
        if request.preview:
            return Created(id="", outputs=planned(self.schema, self.effective(request.inputs)))
        inputs = self.effective(request.inputs)
        identity, outputs = self.generate(reveal(inputs))
        return Created(id=identity, outputs=inputs | outputs)

    def read(self, request: ReadRequest) -> Found:
        """The recorded value as it is recorded: there is no other. Without a record the id is a value to import."""
        if request.outputs:
            return Found(id=request.id, inputs=request.inputs, outputs=request.outputs)
        identity, inputs, outputs = self.adopt(request.id)
        return Found(id=identity, inputs=inputs, outputs=outputs)

    def update(self, request: UpdateRequest) -> Mapping[str, Value]:
        """Record inputs that mean the same as before."""
        return request.old_outputs | self.effective(request.inputs)

    def delete(self, request: DeleteRequest) -> None:
        """Nothing to do: the value is in the state alone."""


def refused(what: str, why: str) -> ProviderError:
    """The error for an import that cannot be."""
    return ProviderError(f"cannot import this {what}: {why}")
