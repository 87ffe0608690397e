"""A cluster's certificates: one authority for the cluster, one for its aggregation layer, and what they sign.

Names and uses are those of https://kubernetes.io/docs/setup/best-practices/certificates/.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Long enough for any sandbox; nothing here is renewed.
_LIFETIME: Final = timedelta(days=3650)
# A clock that is set back a little must not make a new certificate one of the future.
_BACKDATE: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Who a certificate is for: Kubernetes takes the common name for the user, organizations for its groups."""

    common_name: str
    organizations: tuple[str, ...] = ()

    @property
    def name(self) -> x509.Name:
        """The subject as it stands in a certificate."""
        return x509.Name(
            [
                *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, item) for item in self.organizations),
                x509.NameAttribute(NameOID.COMMON_NAME, self.common_name),
            ]
        )


@dataclass(frozen=True)
class KeyPair:
    """The files of a private key and its certificate."""

    folder: Path
    name: str

    @property
    def certificate(self) -> Path:
        """PEM."""
        return self.folder / f"{self.name}.crt"

    @property
    def key(self) -> Path:
        """PEM, PKCS #8, readable by root alone."""
        return self.folder / f"{self.name}.key"

    @property
    def exists(self) -> bool:
        """Whether it was made; the certificate is written last."""
        return self.certificate.exists()


def ensure_authority(pair: KeyPair) -> KeyPair:
    """Make a certificate authority, unless it is there already."""
    if pair.exists:
        return pair
    key = ec.generate_private_key(ec.SECP256R1())
    subject = Subject(common_name=pair.name).name
    builder = _builder(subject, subject, key.public_key())
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(pair, key, certificate.public_bytes(serialization.Encoding.PEM))
    return pair


def ensure_client(pair: KeyPair, subject: Subject, authority: KeyPair) -> KeyPair:
    """Make a certificate that tells who a client is, unless it is there already."""
    return _ensure(pair, subject, authority, [ExtendedKeyUsageOID.CLIENT_AUTH], ())


def ensure_server(pair: KeyPair, subject: Subject, authority: KeyPair, names: Sequence[str]) -> KeyPair:
    """Make a certificate for a server that is reached by these names and addresses, unless it is there already."""
    return _ensure(pair, subject, authority, [ExtendedKeyUsageOID.SERVER_AUTH], names)


def ensure_peer(pair: KeyPair, subject: Subject, authority: KeyPair, names: Sequence[str]) -> KeyPair:
    """Make a certificate for a server that is a client of its like, unless it is there already."""
    return _ensure(pair, subject, authority, [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH], names)


def ensure_signing_key(pair: KeyPair) -> KeyPair:
    """Make the key that signs service accounts' tokens; the .crt file is its public half."""
    if pair.exists:
        return pair
    key = ec.generate_private_key(ec.SECP256R1())
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    _write(pair, key, key.public_key().public_bytes(serialization.Encoding.PEM, public))
    return pair


def _ensure(
    pair: KeyPair,
    subject: Subject,
    authority: KeyPair,
    uses: Sequence[x509.ObjectIdentifier],
    names: Sequence[str],
) -> KeyPair:
    if pair.exists:
        return pair
    issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    signer = serialization.load_pem_private_key(authority.key.read_bytes(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{authority.key} is not an elliptic curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(subject.name, issuer.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if names:
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    certificate = builder.sign(signer, hashes.SHA256())
    _write(pair, key, certificate.public_bytes(serialization.Encoding.PEM))
    return pair


def _builder(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(pair: KeyPair, key: ec.EllipticCurvePrivateKey, public: bytes) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_whole(pair.key, private.decode(), mode=0o600)
    write_whole(pair.certificate, public.decode())
