"""RandomBytes: random bytes, secret in both notations, and in the clear as the id, as with the official provider."""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import TYPE_CHECKING, ClassVar

from sandbox.plugins.framework.schema import Kind, Property, Use
from sandbox.plugins.framework.shaping import with_secrets
from sandbox.plugins.random.value import KEEPERS, RandomValue, length_failures, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.plugins.framework import CheckFailure, Properties
    from sandbox.plugins.framework.schema import Schema


class RandomBytes(RandomValue):
    """Random bytes. Import takes them in base64."""

    shows_id = False
    token = "random:index/randomBytes:RandomBytes"  # noqa: S105 - a type's name
    schema: ClassVar[Schema] = {
        "length": Property(kind=Kind.INTEGER, use=Use.REQUIRED, force_new=True),
        "keepers": KEEPERS,
        "base64": Property(kind=Kind.STRING, use=Use.OUTPUT, secret=True),
        "hex": Property(kind=Kind.STRING, use=Use.OUTPUT, secret=True),
    }

    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:
        """At least one byte."""
        return length_failures(inputs, "length", what="are none")

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        """Bytes from the system's source of randomness. They are their own id, as in pulumi-random's resources.go."""
        data = secrets.token_bytes(inputs["length"])
        return base64.b64encode(data).decode(), self._notations(data)

    def known(self, value: str) -> tuple[str, Properties, Properties]:
        """Bytes given in base64."""
        try:
            data = base64.b64decode(value, validate=True)
        except binascii.Error as error:
            # The value is a secret.
            raise refused("value", f"it is not base64 ({error})") from None
        inputs: Properties = {"length": len(data)}
        return value, inputs, inputs | self._notations(data)

    def _notations(self, data: bytes) -> Properties:
        return with_secrets(self.schema, {"base64": base64.b64encode(data).decode(), "hex": data.hex()})
