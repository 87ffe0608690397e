"""What the types of random values have in common: keepers, and that a value can be imported."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Final

from sandbox.plugins.framework import UNKNOWN, CheckFailure, Found, ProviderError
from sandbox.plugins.framework.made import Made
from sandbox.plugins.framework.schema import Kind, Property

if TYPE_CHECKING:
    from sandbox.plugins.framework import Properties, ReadRequest

KEEPERS: Final = Property(kind=Kind.MAP, force_new=True)
"""Values that the program ties the random one to: when they change, a new one is made."""


class RandomValue(Made):
    """A value made at creation. Every change of an input replaces it."""

    @abstractmethod
    def known(self, value: str) -> tuple[str, Properties, Properties]:
        """A value that exists elsewhere: its id, inputs and outputs. Raises ProviderError."""

    def adopt(self, request: ReadRequest) -> Found:
        """The value that the id is."""
        identity, inputs, outputs = self.known(request.id)
        return Found(id=identity, inputs=inputs, outputs=outputs)


def length_failures(inputs: Properties, name: str, *, what: str) -> list[CheckFailure]:
    """Fewer than one byte."""
    length = inputs[name]
    if length is UNKNOWN or length >= 1:
        return []
    return [CheckFailure(path=name, reason=f"{length} bytes {what}; give 1 or more")]


def refused(what: str, why: str) -> ProviderError:
    """The error for an import that cannot be."""
    return ProviderError(f"cannot import this {what}: {why}")
