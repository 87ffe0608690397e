"""Images' names as Kubernetes' runtimes take them (github.com/distribution/reference, normalize.go)."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter, ValidationError

from fleet.config.images import Image

_HUB: Final = "docker.io"
_IMAGE: Final[TypeAdapter[str]] = TypeAdapter(Image)


class NoReferenceError(ValueError):
    """Something is no image's name with a tag; says why."""


def has_tag(reference: str) -> bool:
    """Whether a name ends in a tag; a colon before the last slash is a port's."""
    name, colon, tag = reference.rpartition("/")[2].partition(":")
    return bool(name and colon and tag) and "@" not in reference


def full_name(reference: str) -> str:
    """A name with registry, repository and tag: "app:1" is "docker.io/library/app:1".

    Raises NoReferenceError if it is no such name, or has no tag.
    """
    try:
        _IMAGE.validate_python(reference)
    except ValidationError as error:
        raise NoReferenceError(f"{reference!r} {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
    if not has_tag(reference):
        # A digest is the content's own: nothing has to name it, and a pod that asks by it asks a registry.
        raise NoReferenceError(f"{reference!r} has no tag")
    first, slash, rest = reference.partition("/")
    if not slash or not (first == "localhost" or first.lower() != first or any(mark in first for mark in ".:")):
        first, rest = _HUB, reference
    if first in (_HUB, f"index.{_HUB}"):
        return f"{_HUB}/{rest if '/' in rest else f'library/{rest}'}"
    return f"{first}/{rest}"
