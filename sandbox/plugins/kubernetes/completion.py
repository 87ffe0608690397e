"""Completing the inputs of an object before they are compared and used: names, namespaces, secrecy."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.framework import UNKNOWN, CheckFailure, CheckRequest, Properties, carry_secrets
from sandbox.plugins.kubernetes.checkpoint import hide
from sandbox.plugins.kubernetes.objects import (
    AUTONAMED,
    Object,
    annotate,
    from_properties,
    is_annotated,
    metadata,
    name,
    pluck,
    to_properties,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIX_LENGTH: Final = 8


def complete(request: CheckRequest, *, namespace: str | None) -> Properties:
    """The inputs with the name and the namespace that the program left out.

    A name is the resource's with eight random hexadecimal digits; an object that got such a name keeps it.
    `namespace` is the default, or None for a kind that has none.
    """
    obj = from_properties(request.inputs)
    if not isinstance(obj.get("metadata", {}), dict):
        return request.inputs  # a preview does not know the metadata at all
    if not is_named(obj) and "generateName" not in metadata(obj):
        old = from_properties(request.old_inputs)
        kept = name(old) if is_annotated(old, AUTONAMED) else ""
        metadata(obj)["name"] = kept or f"{request.operation.name}-{suffix(request.seed)}"
        annotate(obj, AUTONAMED, "true")
    if namespace is not None and not metadata(obj).get("namespace"):
        metadata(obj)["namespace"] = namespace
    return hide(carry_secrets(request.inputs, to_properties(obj)))


def failures(obj: Object, *, patch: bool) -> Iterator[CheckFailure]:
    """What of an object's inputs cannot be accepted."""
    if patch and not is_named(obj):
        yield CheckFailure(path="metadata.name", reason="a Patch resource needs the name of the object to patch")
    if not is_named(obj) and "generateName" in pluck(obj, "metadata", default={}):
        yield CheckFailure(
            path="metadata.generateName",
            reason="server-side apply needs a name: leave generateName out for a generated one, or give name",
        )


def suffix(seed: bytes) -> str:
    """Random hexadecimal digits: the same for the same seed, so that a preview tells the real name."""
    digits = hashlib.sha256(seed).hexdigest() if seed else secrets.token_hex(_SUFFIX_LENGTH)
    return digits[:_SUFFIX_LENGTH]


def is_named(obj: Object) -> bool:
    """Whether the program gives the name, known or not."""
    given: Any = pluck(obj, "metadata", default={})
    if not isinstance(given, dict):
        return given is UNKNOWN
    return given.get("name") is UNKNOWN or name(obj) != ""
