"""References to images, as registries and runtimes take them (github.com/distribution/reference, regexp.go)."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

_HOST_PART: Final = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_REGISTRY: Final = re.compile(rf"{_HOST_PART}(\.{_HOST_PART})*(:[0-9]+)?")
_PART: Final = re.compile(r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*")
_TAG: Final = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST_NAME: Final = 255


def _image(value: str) -> str:
    _scheme, colon, rest = value.partition("://")
    if colon:
        raise ValueError(f"must be an image without a scheme; write {rest!r}" if rest else "must name an image")
    named, at, digest = value.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is no digest, which is sha256: and 64 hexadecimal digits")
    name, tag = _split_tag(named)
    if tag is not None and not _TAG.fullmatch(tag):
        raise ValueError(f"{tag!r} is no tag, which has letters, digits, dots, dashes and underscores, at most 128")
    if wrong := _wrong_name(name):
        raise ValueError(wrong)
    return value


def _split_tag(named: str) -> tuple[str, str | None]:
    """Name and tag; a colon before the last slash is a port's."""
    place, slash, last = named.rpartition("/")
    name, colon, tag = last.partition(":")
    return f"{place}{slash}{name}", tag if colon else None


def _wrong_name(name: str) -> str:
    """What is wrong with an image's name; nothing for a right one."""
    first, slash, others = name.partition("/")
    has_registry = slash and (first == "localhost" or first.lower() != first or any(mark in first for mark in ".:"))
    if has_registry and not _REGISTRY.fullmatch(first):
        return f"{first!r} is no registry, which is a host and, where it has one, a port"
    for part in (others if has_registry else name).split("/"):
        if not _PART.fullmatch(part):
            named = f"{part!r} in its name" if part else "an empty part of its name"
            return (
                f"{named} is none of an image's, which has lower-case letters, digits, and dots and dashes between them"
            )
    return f"its name has more than {_LONGEST_NAME} characters" if len(name) > _LONGEST_NAME else ""


def _unversioned(value: str) -> str:
    if "@" in value or _split_tag(value)[1] is not None:
        raise ValueError("must be an image without tag and digest: fleet:versions says which release runs")
    return value


def _registry(value: str) -> str:
    if not _REGISTRY.fullmatch(value):
        raise ValueError("must be a registry as images name it: a host such as ghcr.io, and a port where it has one")
    return value


Image = Annotated[str, AfterValidator(_image)]
"""An image, with or without its version."""
Repository = Annotated[str, AfterValidator(_unversioned), AfterValidator(_image)]
"""Where an image is, without its version."""
RegistryHost = Annotated[str, AfterValidator(_registry)]
"""A registry, as the names of its images begin."""
