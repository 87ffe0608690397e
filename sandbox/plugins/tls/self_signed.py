"""SelfSignedCert: a certificate that its own key signs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from cryptography import x509

from sandbox.plugins.framework import CheckFailure
from sandbox.plugins.framework.schema import Kind, Property, Use
from sandbox.plugins.tls import keys
from sandbox.plugins.tls.certificate import CERTIFICATE, Certificate, Content, Issuer
from sandbox.plugins.tls.private_key_input import key_failures, key_schema, key_text
from sandbox.plugins.tls.subject import SUBJECT, alternative_names, distinguished_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.plugins.framework import Properties
    from sandbox.plugins.framework.schema import Schema


class SelfSignedCert(Certificate):
    """A self-signed certificate, such as that of a root authority."""

    token = "tls:index/selfSignedCert:SelfSignedCert"  # noqa: S105 - a type's name
    schema: ClassVar[Schema] = {
        **CERTIFICATE,
        **SUBJECT,
        **key_schema("privateKeyPem"),
        "setAuthorityKeyId": Property(kind=Kind.BOOLEAN, force_new=True, default=False),
        "keyAlgorithm": Property(kind=Kind.STRING, use=Use.OUTPUT),
    }

    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:
        """Those of every certificate, one key, and a key identifier to point to."""
        found = [*super().rules(inputs), *key_failures("privateKeyPem", inputs)]
        identified = inputs["isCaCertificate"] or inputs["setSubjectKeyId"]
        if inputs["setAuthorityKeyId"] is True and not identified:
            reason = "the authority is the certificate itself, which has no key identifier; set setSubjectKeyId too"
            found.append(CheckFailure(path="setAuthorityKeyId", reason=reason))
        return found

    def parties(self, inputs: Properties) -> tuple[Content, Issuer, Properties]:
        """The subject is the issuer."""
        key = keys.parse(key_text("privateKeyPem", inputs), source="privateKeyPem")
        name = distinguished_name(inputs)
        public = key.public_key()
        identifier = x509.SubjectKeyIdentifier.from_public_key(public).digest if inputs["setAuthorityKeyId"] else None
        return (
            Content(subject=name, alternative_names=alternative_names(inputs), public_key=public),
            Issuer(name=name, key=key, key_identifier=identifier),
            {"keyAlgorithm": keys.algorithm(key)},
        )
