"""Forms that several types share: ids that are numbers, tags whose case does not count, and times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.plugins.framework import ProviderError, has_unknown, reveal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.framework import Properties, Value


def number(identity: str, *, of: str) -> int:
    """The id of a resource, as the API has it. Raises ProviderError for what is no number."""
    if not identity.isdecimal():
        raise ProviderError(f"{identity!r} is no id of {of}: that is a whole number")
    return int(identity)


def with_folded_tags(normal: Mapping[str, Value]) -> Properties:
    """The inputs with their tags in small letters: capital ones are the same to Linode."""
    tags = reveal(normal.get("tags"))
    if not isinstance(tags, list) or has_unknown(tags):
        return dict(normal)
    return {**normal, "tags": sorted({tag.casefold() for tag in tags})}


def moment(text: str) -> str:
    """A time of the API's, as the official provider writes it: RFC 3339, in UTC."""
    return f"{text}Z"
