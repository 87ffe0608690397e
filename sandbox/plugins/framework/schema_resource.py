"""A resource type whose inputs are checked and compared by its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sandbox.plugins.framework.diff import Diff, compare
from sandbox.plugins.framework.provider import ResourceType
from sandbox.plugins.framework.requests import CheckResult
from sandbox.plugins.framework.schema import failures, force_new_paths
from sandbox.plugins.framework.shaping import comparable, keeping_filled, kept, with_defaults
from sandbox.plugins.framework.values import reveal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.plugins.framework.errors import CheckFailure
    from sandbox.plugins.framework.requests import CheckRequest, DiffRequest
    from sandbox.plugins.framework.schema import Schema
    from sandbox.plugins.framework.values import Properties, Value


class SchemaResource(ResourceType):
    """The part of a resource type that its schema decides. Subclasses do the work."""

    schema: ClassVar[Schema]

    def check(self, request: CheckRequest) -> CheckResult:
        """Validate by the schema, then by `rules`. Defaults stay out of the inputs, as with the originals."""
        found = failures(self.schema, request.inputs)
        if not found:
            found = list(self.rules(self.effective(reveal(request.inputs))))
        return CheckResult(inputs=request.inputs, failures=found)

    def diff(self, request: DiffRequest) -> Diff:
        """Compare old and new inputs as they take effect; what is write-only is no part of it."""
        old = self.normal(request.old_inputs)
        new = keeping_filled(self.schema, old, self.normal(request.inputs))
        return Diff(properties=compare(old, new, force_new=force_new_paths(self.schema)))

    def effective(self, inputs: Mapping[str, Value]) -> Properties:
        """The inputs as they take effect: with defaults."""
        return with_defaults(self.schema, inputs)

    def normal(self, inputs: Mapping[str, Value]) -> Properties:
        """The inputs in the one form in which equal ones are the same."""
        return comparable(self.schema, kept(self.schema, self.effective(inputs)))

    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:  # noqa: ARG002 - of those that have some
        """What is wrong with inputs that fit the schema. They are revealed and may hold UNKNOWN."""
        return ()
