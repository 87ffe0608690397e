"""What keys, requests and certificates have in common: made once, kept in the state, nowhere else."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from sandbox.plugins.framework import Created, Found, ProviderError, reveal
from sandbox.plugins.framework.schema_resource import SchemaResource
from sandbox.plugins.framework.shaping import kept, planned, with_secrets

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


class Made(SchemaResource):
    """A piece of cryptography that is made at creation."""

    @abstractmethod
    def make(self, inputs: Properties) -> tuple[str, Properties]:
        """The id and the outputs, from revealed inputs with their defaults. Raises ProviderError."""

    def create(self, request: CreateRequest) -> Created:
        """Make it, or tell what is known of it."""
        inputs = self.effective(request.inputs)
        if request.preview:
            return Created(id="", outputs=planned(self.schema, inputs))
        identity, outputs = self.make(reveal(inputs))
        recorded = kept(self.schema, inputs) | outputs | {"id": identity}
        return Created(id=identity, outputs=with_secrets(self.schema, recorded))

    def read(self, request: ReadRequest) -> Found:
        """What is recorded: there is nothing else. Raises ProviderError for an import, which cannot be."""
        if not request.outputs:
            raise ProviderError(f"{request.operation.type} cannot be imported: what is in it exists in a state only")
        return Found(id=request.id, inputs=request.inputs, outputs=request.outputs)

    def update(self, request: UpdateRequest) -> Mapping[str, Value]:
        """Record inputs that need no new one."""
        inputs = kept(self.schema, self.effective(request.inputs))
        return with_secrets(self.schema, request.old_outputs | inputs)

    def delete(self, request: DeleteRequest) -> None:
        """Nothing to do: it is in the state alone."""
