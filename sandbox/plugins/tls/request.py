"""CertRequest: a request for a certificate, for an authority to sign."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sandbox.plugins.framework.made import Made
from sandbox.plugins.framework.schema import Kind, Property, Use
from sandbox.plugins.tls import keys
from sandbox.plugins.tls.private_key_input import key_failures, key_schema, key_text
from sandbox.plugins.tls.subject import SUBJECT, alternative_names, distinguished_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.plugins.framework import CheckFailure, Properties
    from sandbox.plugins.framework.schema import Schema


class CertRequest(Made):
    """A certificate signing request (PKCS #10)."""

    token = "tls:index/certRequest:CertRequest"  # noqa: S105 - a type's name
    schema: ClassVar[Schema] = {
        **SUBJECT,
        **key_schema("privateKeyPem"),
        "certRequestPem": Property(kind=Kind.STRING, use=Use.OUTPUT),
        "keyAlgorithm": Property(kind=Kind.STRING, use=Use.OUTPUT),
    }

    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:
        """One key."""
        return key_failures("privateKeyPem", inputs)

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        """Sign the request with the subject's own key. Its id is the SHA-1 of the request."""
        key = keys.parse(key_text("privateKeyPem", inputs), source="privateKeyPem")
        builder = x509.CertificateSigningRequestBuilder(distinguished_name(inputs))
        names = alternative_names(inputs)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        request = builder.sign(key, keys.signature_hash(key))
        der = request.public_bytes(serialization.Encoding.DER)
        return hashlib.sha1(der, usedforsecurity=False).hexdigest(), {
            "certRequestPem": request.public_bytes(serialization.Encoding.PEM).decode(),
            "keyAlgorithm": keys.algorithm(key),
        }
