"""The private key that signs, given in one of two ways: recorded, or write-only with a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.plugins.framework import CheckFailure
from sandbox.plugins.framework.schema import Kind, Property, Storage

if TYPE_CHECKING:
    from sandbox.plugins.framework import Properties
    from sandbox.plugins.framework.schema import Schema


def key_schema(name: str) -> Schema:
    """The three properties of a key input, such as `privateKeyPem`.

    A write-only key is used and forgotten; its version is what tells that another key was given.
    """
    return {
        name: Property(kind=Kind.STRING, force_new=True, secret=True),
        f"{name}Wo": Property(kind=Kind.STRING, secret=True, storage=Storage.WRITE_ONLY),
        f"{name}WoVersion": Property(kind=Kind.INTEGER, force_new=True),
    }


def key_failures(name: str, inputs: Properties) -> list[CheckFailure]:
    """Exactly one of the two ways."""
    given = [way for way in (name, f"{name}Wo") if inputs.get(way) is not None]
    if len(given) == 1:
        return []
    which = "both are given" if given else "neither is given"
    return [CheckFailure(path=name, reason=f"give exactly one of {name} and {name}Wo; {which}")]


def key_text(name: str, inputs: Properties) -> str:
    """The key's PEM text, given in either way."""
    text: str = inputs.get(name) or inputs[f"{name}Wo"]
    return text
