"""Property values as plain Python data, and their form on the wire.

A property bag is a dictionary of JSON-like values in which two further things may appear at any depth:
`Secret`, a value that must be encrypted wherever it rests, and `UNKNOWN`, a value that only an update
will tell. Providers read inputs with `reveal` and mark what they return with `Secret` or `carry_secrets`.

The wire form is Pulumi's: a protobuf Struct in which tagged objects stand for what JSON lacks. The tags
are from sdk/go/common/resource/sig and the unknown markers from sdk/go/common/resource/plugin/rpc.go of
github.com/pulumi/pulumi.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from google.protobuf import struct_pb2

from sandbox.plugins.framework.failure import ProviderError

Value: TypeAlias = Any
"""None, bool, int, float, str, a list or a dictionary of values, `Secret` or `UNKNOWN`."""

Properties: TypeAlias = dict[str, Value]

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a type tag of the protocol
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
_ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
_UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS: Final = frozenset(
    {
        _UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
# Beyond this a double no longer holds every integer, so a number may not be the one that was written.
_EXACT_INTEGERS: Final = 2**53


class Unknown(enum.Enum):
    """The type of `UNKNOWN`, the value that a preview cannot know yet."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True)
class Secret:
    """A value that is never shown: its representation leaves the content out."""

    value: Value = field(repr=False)


def decode(struct: struct_pb2.Struct) -> Properties:
    """The property bag that a message carries. Raises ProviderError for what no stand-in takes."""
    return {key: _decode(value) for key, value in struct.fields.items()}


def encode(properties: Mapping[str, Value]) -> struct_pb2.Struct:
    """The wire form of a property bag. Raises TypeError for what is no property value."""
    return struct_pb2.Struct(fields={key: _encode(value) for key, value in properties.items()})


def secret(value: Value) -> Secret:
    """The value, marked secret once."""
    return value if isinstance(value, Secret) else Secret(value)


def reveal(value: Value) -> Value:
    """The value with the marks of secrecy taken off at every depth. UNKNOWN stays."""
    match value:
        case Secret():
            return reveal(value.value)
        case dict():
            return {key: reveal(item) for key, item in value.items()}
        case list():
            return [reveal(item) for item in value]
        case _:
            return value


def has_unknown(value: Value) -> bool:
    """Whether anything in the value is UNKNOWN."""
    match value:
        case Secret():
            return has_unknown(value.value)
        case dict():
            return any(has_unknown(item) for item in value.values())
        case list():
            return any(has_unknown(item) for item in value)
        case _:
            return value is UNKNOWN


def has_secret(value: Value) -> bool:
    """Whether anything in the value is secret."""
    match value:
        case Secret():
            return True
        case dict():
            return any(has_secret(item) for item in value.values())
        case list():
            return any(has_secret(item) for item in value)
        case _:
            return False


def carry_secrets(source: Value, target: Value) -> Value:
    """The target, secret wherever the source is secret at the same place.

    What came in as a secret must not go out in plain text. Where the two differ in shape, the whole
    target is marked, so that an element that moved stays hidden.
    """
    if not has_secret(source) or isinstance(target, Secret):
        return target
    match source, target:
        case dict(), dict():
            return {key: carry_secrets(source.get(key), item) for key, item in target.items()}
        case list(), list() if len(source) == len(target):
            return [carry_secrets(old, new) for old, new in zip(source, target, strict=True)]
        case _:
            return Secret(target)


def _decode(value: struct_pb2.Value) -> Value:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
        case "number_value":
            return _number(value.number_value)
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case "struct_value":
            return _decode_object(value.struct_value)
        case _:
            return None


def _number(number: float) -> int | float:
    return int(number) if number.is_integer() and abs(number) <= _EXACT_INTEGERS else number


def _decode_object(struct: struct_pb2.Struct) -> Value:
    fields = struct.fields
    if _SIGNATURE not in fields:
        return decode(struct)
    match fields[_SIGNATURE].string_value:
        case signature if signature == _SECRET:
            return secret(_decode(fields["value"]))
        case signature if signature == _OUTPUT:
            inner = _decode(fields["value"]) if "value" in fields else UNKNOWN
            return secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
        case signature if signature == _RESOURCE:
            return _decode(fields["id"]) if "id" in fields else fields["urn"].string_value
        case signature if signature in (_ASSET, _ARCHIVE):
            raise ProviderError("a file or an archive cannot be taken here; give its text instead")
        case signature:
            raise ProviderError(f"a value has the unknown type tag {signature!r}")


def _encode(value: Value) -> struct_pb2.Value:
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case Unknown():
            return struct_pb2.Value(string_value=_UNKNOWN_STRING)
        case Secret():
            tag = struct_pb2.Value(string_value=_SECRET)
            return _object({_SIGNATURE: tag, "value": _encode(value.value)})
        case Mapping():
            return _object({str(key): _encode(item) for key, item in value.items()})
        case list() | tuple():
            items = [_encode(item) for item in value]
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
        case _:
            raise TypeError(f"{type(value).__name__} is no property value")


def _object(fields: dict[str, struct_pb2.Value]) -> struct_pb2.Value:
    return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
