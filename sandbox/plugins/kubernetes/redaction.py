"""Keeping secrets out of messages: an API server or Helm may quote a value that it refuses."""

from __future__ import annotations

import base64
import binascii
import contextlib
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.framework import CancelledError, InitializationError, ProviderError, Secret, reveal

if TYPE_CHECKING:
    from collections.abc import Iterator

REDACTED: Final = "[secret]"
# Shorter ones ("true", "1") would tear holes into every message and give nothing away.
_SHORTEST: Final = 6


def redact(text: str, *properties: Any) -> str:
    """The text without any string that is secret in one of the property bags."""
    found = {secret for bag in properties for secret in _secrets(bag) if len(secret) >= _SHORTEST}
    for secret in sorted(found, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text


@contextlib.contextmanager
def discreet(*properties: Any) -> Iterator[None]:
    """Take the secrets of these property bags out of the messages of what is raised inside."""
    try:
        yield
    except CancelledError:
        raise
    except InitializationError as error:
        raise InitializationError(
            redact(str(error), *properties),
            resource_id=error.resource_id,
            outputs=error.outputs,
            reasons=[redact(reason, *properties) for reason in error.reasons],
            inputs=error.inputs,
        ) from None
    except ProviderError as error:
        raise ProviderError(redact(str(error), *properties)) from None


def _secrets(value: Any) -> Iterator[str]:
    match value:
        case Secret():
            yield from _strings(reveal(value))
        case dict():
            for item in value.values():
                yield from _secrets(item)
        case list():
            for item in value:
                yield from _secrets(item)


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
            yield from (line.strip() for line in value.splitlines())
            yield base64.b64encode(value.encode()).decode()
            yield from _decoded(value)
        case dict():
            for item in value.values():
                yield from _strings(item)
        case list():
            for item in value:
                yield from _strings(item)


def _decoded(value: str) -> Iterator[str]:
    """What the value says if it is base64, as the data of a Secret is."""
    try:
        yield base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return
