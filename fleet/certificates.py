"""Keys and certificates as resources of pulumi-tls: what Karmada's PKI and the mesh's authorities share.

Certificates are minted before they are needed and never read back from a cluster, so a fresh preview can plan
everything. Private keys are secret outputs of the provider.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_tls as tls
from pulumi import Input, Output, ResourceOptions

from fleet.config.hosts import is_address

HOURS_A_DAY: Final = 24
CA_USES: Final = ("digital_signature", "content_commitment", "key_encipherment", "cert_signing")
"""Key usages of an authority, as Istio's tools/certs/common.mk sets them."""
SERVER_AND_CLIENT_USES: Final = ("digital_signature", "key_encipherment", "server_auth", "client_auth")
CLIENT_USES: Final = ("digital_signature", "key_encipherment", "client_auth")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Who a certificate is for; Kubernetes reads the common name as the user and the organization as the group."""

    common_name: Input[str]
    organization: str | None = None
    locality: str | None = None


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """How long a certificate is valid, and how long before its end the next update replaces it; both in days."""

    days: int
    renew_before_days: int


@dataclass(frozen=True, kw_only=True)
class RsaKey:
    """An RSA key of a size in bits."""

    bits: int


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate with its private key, both PEM; the key is secret."""

    certificate_pem: Output[str]
    private_key_pem: Output[str]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What an authority is asked to sign."""

    subject: Subject
    lifetime: Lifetime
    key: RsaKey
    uses: Sequence[str]
    hosts: Sequence[Input[str]] = ()
    """Names and addresses that it is for."""


def root_authority(
    name: str, subject: Subject, lifetime: Lifetime, key: RsaKey, parent: pulumi.ComponentResource
) -> Certificate:
    """A self-signed authority: resources NAME-key and NAME-cert below the parent."""
    child = ResourceOptions(parent=parent)
    private_key = _private_key(name, key, child)
    certificate = tls.SelfSignedCert(
        f"{name}-cert",
        private_key_pem=private_key.private_key_pem,
        subject=tls.SelfSignedCertSubjectArgs(
            common_name=subject.common_name, organization=subject.organization, locality=subject.locality
        ),
        is_ca_certificate=True,
        set_subject_key_id=True,
        allowed_uses=list(CA_USES),
        validity_period_hours=lifetime.days * HOURS_A_DAY,
        early_renewal_hours=lifetime.renew_before_days * HOURS_A_DAY,
        opts=child,
    )
    return Certificate(certificate_pem=certificate.cert_pem, private_key_pem=private_key.private_key_pem)


def intermediate_authority(
    name: str, request: Request, issuer: Certificate, parent: pulumi.ComponentResource
) -> Certificate:
    """An authority below another, which may sign leaves and no further authority (path length 0)."""
    return _signed(name, request, issuer, parent, path_length=0)


def leaf(name: str, request: Request, issuer: Certificate, parent: pulumi.ComponentResource) -> Certificate:
    """A server or client certificate: resources NAME-key, NAME-request and NAME-cert below the parent."""
    return _signed(name, request, issuer, parent, path_length=None)


def fingerprint(pem: Output[str]) -> Output[str]:
    """SHA-256 of certificates' PEM text, in hexadecimal: public, and another one after a renewal."""
    return pem.apply(lambda text: hashlib.sha256(text.encode()).hexdigest())


def names_among(hosts: Sequence[str]) -> list[str] | None:
    """The hosts that are names; None where there are none."""
    return [host for host in hosts if not is_address(host)] or None


def addresses_among(hosts: Sequence[str]) -> list[str] | None:
    """The hosts that are addresses; None where there are none."""
    return [host for host in hosts if is_address(host)] or None


def _signed(
    name: str, request: Request, issuer: Certificate, parent: pulumi.ComponentResource, path_length: int | None
) -> Certificate:
    child = ResourceOptions(parent=parent)
    private_key = _private_key(name, request.key, child)
    subject, hosts = request.subject, Output.all(*request.hosts)
    signing_request = tls.CertRequest(
        f"{name}-request",
        private_key_pem=private_key.private_key_pem,
        subject=tls.CertRequestSubjectArgs(
            common_name=subject.common_name, organization=subject.organization, locality=subject.locality
        ),
        dns_names=hosts.apply(names_among),
        ip_addresses=hosts.apply(addresses_among),
        opts=child,
    )
    certificate = tls.LocallySignedCert(
        f"{name}-cert",
        cert_request_pem=signing_request.cert_request_pem,
        ca_private_key_pem=issuer.private_key_pem,
        ca_cert_pem=issuer.certificate_pem,
        is_ca_certificate=path_length is not None,
        max_path_length=path_length,
        set_subject_key_id=True,
        allowed_uses=list(request.uses),
        validity_period_hours=request.lifetime.days * HOURS_A_DAY,
        early_renewal_hours=request.lifetime.renew_before_days * HOURS_A_DAY,
        opts=child,
    )
    return Certificate(certificate_pem=certificate.cert_pem, private_key_pem=private_key.private_key_pem)


def _private_key(name: str, key: RsaKey, opts: ResourceOptions) -> tls.PrivateKey:
    return tls.PrivateKey(f"{name}-key", algorithm="RSA", rsa_bits=key.bits, opts=opts)
