"""PrivateKey: a new key in every form that programs want."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, ClassVar, Final

from sandbox.plugins.framework import UNKNOWN, CheckFailure
from sandbox.plugins.framework.made import Made
from sandbox.plugins.framework.schema import Kind, Property, Use
from sandbox.plugins.tls import keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.plugins.framework import Properties
    from sandbox.plugins.framework.schema import Schema

_LEAST_RSA_BITS: Final = 1024  # as Go and OpenSSL refuse to make smaller ones


class PrivateKey(Made):
    """A private key of algorithm RSA, ECDSA or ED25519."""

    token = "tls:index/privateKey:PrivateKey"  # noqa: S105 - a type's name
    schema: ClassVar[Schema] = {
        "algorithm": Property(kind=Kind.STRING, use=Use.REQUIRED, force_new=True),
        "ecdsaCurve": Property(kind=Kind.STRING, force_new=True, default="P224"),
        "rsaBits": Property(kind=Kind.INTEGER, force_new=True, default=2048),
        "privateKeyOpenssh": Property(kind=Kind.STRING, use=Use.OUTPUT, secret=True),
        "privateKeyPem": Property(kind=Kind.STRING, use=Use.OUTPUT, secret=True),
        "privateKeyPemPkcs8": Property(kind=Kind.STRING, use=Use.OUTPUT, secret=True),
        "publicKeyFingerprintMd5": Property(kind=Kind.STRING, use=Use.OUTPUT),
        "publicKeyFingerprintSha256": Property(kind=Kind.STRING, use=Use.OUTPUT),
        "publicKeyOpenssh": Property(kind=Kind.STRING, use=Use.OUTPUT),
        "publicKeyPem": Property(kind=Kind.STRING, use=Use.OUTPUT),
    }

    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:
        """Known algorithm and curve, and a size that is worth making."""
        found = []
        for name, choices in (("algorithm", keys.ALGORITHMS), ("ecdsaCurve", tuple(keys.CURVES))):
            if inputs[name] not in (*choices, UNKNOWN):
                reason = f"{inputs[name]!r} is not known; choose one of {', '.join(choices)}"
                found.append(CheckFailure(path=name, reason=reason))
        bits = inputs["rsaBits"]
        if inputs["algorithm"] == "RSA" and bits is not UNKNOWN and bits < _LEAST_RSA_BITS:
            reason = f"a key of {bits} bits can be broken; give {_LEAST_RSA_BITS} or more"
            found.append(CheckFailure(path="rsaBits", reason=reason))
        return found

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        """A new key. Its id is the SHA-1 of the public key."""
        key = keys.generate(inputs["algorithm"], rsa_bits=inputs["rsaBits"], curve=inputs["ecdsaCurve"])
        identity = hashlib.sha1(keys.public_der(key), usedforsecurity=False).hexdigest()
        return identity, keys.private_forms(key) | keys.public_forms(key)
