"""What random values, keys, requests and certificates have in common: made once, kept in the state, nowhere else."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from sandbox.plugins.framework.failure import ProviderError
from sandbox.plugins.framework.requests import Created, Found
from sandbox.plugins.framework.schema_resource import SchemaResource
from sandbox.plugins.framework.shaping import kept, planned, with_secrets
from sandbox.plugins.framework.values import reveal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.framework.requests import CreateRequest, DeleteRequest, ReadRequest, UpdateRequest
    from sandbox.plugins.framework.values import Properties, Value


class Made(SchemaResource):
    """Something that is made at creation. A change of what it is made from replaces it."""

    shows_id: ClassVar[bool] = True
    """Whether the id is among the outputs, as in the original's schema."""

    @abstractmethod
    def make(self, inputs: Properties) -> tuple[str, Properties]:
        """The id and the outputs, from revealed inputs with their defaults. Raises ProviderError."""

    def adopt(self, request: ReadRequest) -> Found:
        """What exists elsewhere, for an import. Raises ProviderError where that cannot be."""
        raise ProviderError(f"{request.operation.type} cannot be imported: what is in it exists in a state only")

    def create(self, request: CreateRequest) -> Created:
        """Make it, or tell what is known of it."""
        inputs = self.effective(request.inputs)
        if request.preview:
            return Created(id="", outputs=planned(self.schema, inputs))
        identity, outputs = self.make(reveal(inputs))
        recorded = kept(self.schema, inputs) | outputs | ({"id": identity} if self.shows_id else {})
        return Created(id=identity, outputs=with_secrets(self.schema, recorded))

    def read(self, request: ReadRequest) -> Found:
        """What is recorded: there is nothing else. Without a record it is an import."""
        if not request.outputs:
            return self.adopt(request)
        return Found(id=request.id, inputs=request.inputs, outputs=request.outputs)

    def update(self, request: UpdateRequest) -> Mapping[str, Value]:
        """Record inputs that need no new one."""
        inputs = kept(self.schema, self.effective(request.inputs))
        return with_secrets(self.schema, request.old_outputs | inputs)

    def delete(self, request: DeleteRequest) -> None:
        """Nothing to do: it is in the state alone."""
