"""LocallySignedCert: a certificate for a request, signed by an authority whose key is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from cryptography import x509

from sandbox.plugins.framework import ProviderError, reveal
from sandbox.plugins.framework.schema import Kind, Property, Use
from sandbox.plugins.tls import keys
from sandbox.plugins.tls.certificate import CERTIFICATE, Certificate, Content, Issuer
from sandbox.plugins.tls.private_key_input import key_failures, key_schema, key_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.plugins.framework import CheckFailure, Created, CreateRequest, Properties
    from sandbox.plugins.framework.schema import Schema


class LocallySignedCert(Certificate):
    """A certificate for the subject, the alternative names and the key of a request."""

    token = "tls:index/locallySignedCert:LocallySignedCert"  # noqa: S105 - a type's name
    schema: ClassVar[Schema] = {
        **CERTIFICATE,
        **key_schema("caPrivateKeyPem"),
        "caCertPem": Property(kind=Kind.STRING, use=Use.REQUIRED, force_new=True),
        "certRequestPem": Property(kind=Kind.STRING, use=Use.REQUIRED, force_new=True),
        "caKeyAlgorithm": Property(kind=Kind.STRING, use=Use.OUTPUT),
    }

    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:
        """Those of every certificate, and one key."""
        return [*super().rules(inputs), *key_failures("caPrivateKeyPem", inputs)]

    def create(self, request: CreateRequest) -> Created:
        """Issue the certificate, and warn of an issuer that may not sign."""
        created = super().create(request)
        if not request.preview and not _is_authority(reveal(request.inputs["caCertPem"])):
            request.operation.warn("caCertPem is not the certificate of an authority; what it signs may be refused")
        return created

    def parties(self, inputs: Properties) -> tuple[Content, Issuer, Properties]:
        """The request's subject and the authority."""
        key = keys.parse(key_text("caPrivateKeyPem", inputs), source="caPrivateKeyPem")
        content = _requested(inputs["certRequestPem"])
        issuer = _authority(inputs["caCertPem"], key, content.subject)
        return content, issuer, {"caKeyAlgorithm": keys.algorithm(key)}


def _requested(pem: str) -> Content:
    try:
        request = x509.load_pem_x509_csr(pem.encode())
    except ValueError as error:
        raise ProviderError(f"certRequestPem: this is no certificate request in PEM ({error})") from error
    if not request.is_signature_valid:
        raise ProviderError("certRequestPem: the signature of this request does not fit the key in it")
    public = request.public_key()
    if not isinstance(public, keys.PublicKey):
        raise ProviderError(f"certRequestPem: the key has to be of algorithm {', '.join(keys.ALGORITHMS)}")
    return Content(subject=request.subject, alternative_names=_alternative_names(request.extensions), public_key=public)


def _authority(pem: str, key: keys.Key, subject: x509.Name) -> Issuer:
    certificate = _certificate(pem)
    if certificate.public_key() != key.public_key():
        raise ProviderError("caPrivateKeyPem: this is not the key of the certificate in caCertPem")
    # As Go does it: an issuer that signs its own name needs no pointer to a key.
    identifier = None if certificate.subject == subject else _key_identifier(certificate)
    return Issuer(name=certificate.subject, key=key, key_identifier=identifier)


def _alternative_names(extensions: x509.Extensions) -> Sequence[x509.GeneralName]:
    try:
        return list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return ()


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise ProviderError(f"caCertPem: this is no certificate in PEM ({error})") from error


def _is_authority(pem: str) -> bool:
    try:
        return _certificate(pem).extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _key_identifier(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return None
