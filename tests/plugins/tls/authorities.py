"""Keys and certificates to test with, made by the stand-in itself."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

from cryptography import x509

from sandbox.plugins.framework import Properties, reveal
from sandbox.plugins.tls.locally_signed import LocallySignedCert
from sandbox.plugins.tls.private_key import PrivateKey
from sandbox.plugins.tls.request import CertRequest
from sandbox.plugins.tls.self_signed import SelfSignedCert
from tests.plugins.calls import Calls

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.plugins.framework.schema_resource import SchemaResource

KEY_KINDS: tuple[Properties, ...] = (
    {"algorithm": "RSA", "rsaBits": 2048},
    *({"algorithm": "ECDSA", "ecdsaCurve": curve} for curve in ("P224", "P256", "P384", "P521")),
    {"algorithm": "ED25519"},
)


def make(resource: SchemaResource, **inputs: Any) -> Properties:
    """The revealed outputs of a new one."""
    found: Properties = reveal(dict(Calls(resource).create(**inputs).outputs))
    return found


def key(**inputs: Any) -> str:
    """The PEM of a new private key; small and quick unless told otherwise."""
    found: str = make(PrivateKey(), **({"algorithm": "ECDSA", "ecdsaCurve": "P256"} | inputs))["privateKeyPem"]
    return found


def root(private_key: str, **inputs: Any) -> Properties:
    """A self-signed authority."""
    defaults: Properties = {
        "allowedUses": ["cert_signing", "crl_signing"],
        "isCaCertificate": True,
        "subject": {"commonName": "root", "organization": "Fleet"},
        "validityPeriodHours": 24,
    }
    return make(SelfSignedCert(), privateKeyPem=private_key, **(defaults | inputs))


def request(private_key: str, **inputs: Any) -> str:
    """The PEM of a certificate request."""
    found: str = make(CertRequest(), privateKeyPem=private_key, **inputs)["certRequestPem"]
    return found


def signed(authority: Properties, authority_key: str, certificate_request: str, **inputs: Any) -> Properties:
    """A certificate that the authority signs."""
    defaults: Properties = {"allowedUses": ["digital_signature"], "validityPeriodHours": 12}
    return make(
        LocallySignedCert(),
        caCertPem=authority["certPem"],
        caPrivateKeyPem=authority_key,
        certRequestPem=certificate_request,
        **(defaults | inputs),
    )


def parse(certificate: Properties) -> x509.Certificate:
    """The certificate in the outputs."""
    return x509.load_pem_x509_certificate(certificate["certPem"].encode())


def openssl(*arguments: str | Path, given: str = "") -> str:
    """What the openssl command prints; the test fails if it does."""
    done = subprocess.run(["openssl", *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
