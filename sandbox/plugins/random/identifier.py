"""RandomId: random bytes in four notations."""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import TYPE_CHECKING, ClassVar

from sandbox.plugins.framework.schema import Kind, Property, Use
from sandbox.plugins.random.value import KEEPERS, RandomValue, length_failures, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.plugins.framework import CheckFailure, Properties
    from sandbox.plugins.framework.schema import Schema


class RandomId(RandomValue):
    """Random bytes. Import takes `[PREFIX,]B64URL`."""

    token = "random:index/randomId:RandomId"  # noqa: S105 - a type's name
    schema: ClassVar[Schema] = {
        "byteLength": Property(kind=Kind.INTEGER, use=Use.REQUIRED, force_new=True),
        "keepers": KEEPERS,
        "prefix": Property(kind=Kind.STRING, force_new=True),
        "b64Std": Property(kind=Kind.STRING, use=Use.OUTPUT),
        "b64Url": Property(kind=Kind.STRING, use=Use.OUTPUT),
        "dec": Property(kind=Kind.STRING, use=Use.OUTPUT),
        "hex": Property(kind=Kind.STRING, use=Use.OUTPUT),
    }

    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:
        """At least one byte."""
        return length_failures(inputs, "byteLength", what="make no id")

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        """Bytes from the system's source of randomness."""
        return _notations(secrets.token_bytes(inputs["byteLength"]), inputs.get("prefix", ""))

    def known(self, value: str) -> tuple[str, Properties, Properties]:
        """Bytes given in URL-safe base64 without padding, after a prefix and a comma if there is one."""
        prefix, _, encoded = value.rpartition(",")
        try:
            data = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars="-_", validate=True)
        except binascii.Error as error:
            raise refused("id", f"{encoded!r} is not URL-safe base64 ({error})") from error
        inputs: Properties = {"byteLength": len(data)} | ({"prefix": prefix} if prefix else {})
        identity, outputs = _notations(data, prefix)
        return identity, inputs, inputs | outputs


def _notations(data: bytes, prefix: str) -> tuple[str, Properties]:
    url = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return url, {
        "b64Std": prefix + base64.b64encode(data).decode(),
        "b64Url": prefix + url,
        "dec": prefix + str(int.from_bytes(data)),
        "hex": prefix + data.hex(),
        "id": url,
    }
