"""Certificates: who signs what, for whom and for which use."""

from __future__ import annotations

import stat
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from sandbox.clusters.control_plane.pki import (
    KeyPair,
    Subject,
    ensure_authority,
    ensure_client,
    ensure_peer,
    ensure_server,
    ensure_signing_key,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def authority(tmp_path: Path) -> KeyPair:
    return ensure_authority(KeyPair(tmp_path, "kubernetes-ca"))


def load(pair: KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def test_a_server_certificate_is_valid_for_its_names_and_addresses_alone(tmp_path: Path, authority: KeyPair) -> None:
    pair = ensure_server(
        KeyPair(tmp_path, "server"), Subject(common_name="api"), authority, ["192.0.2.10", "kubernetes.default"]
    )
    builder = PolicyBuilder().store(Store([load(authority)]))
    for name in (x509.IPAddress(ip_address("192.0.2.10")), x509.DNSName("kubernetes.default")):
        builder.build_server_verifier(name).verify(load(pair), [])
    with pytest.raises(x509.verification.VerificationError):
        builder.build_server_verifier(x509.DNSName("another.example")).verify(load(pair), [])


def test_a_client_certificate_names_its_user_and_groups(tmp_path: Path, authority: KeyPair) -> None:
    subject = Subject(common_name="system:node:one", organizations=("system:nodes",))
    certificate = load(ensure_client(KeyPair(tmp_path, "kubelet"), subject, authority))
    values = {attribute.oid: attribute.value for attribute in certificate.subject}
    assert values == {NameOID.COMMON_NAME: "system:node:one", NameOID.ORGANIZATION_NAME: "system:nodes"}
    uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH], "a client's certificate must not serve"


def test_a_peers_certificate_serves_and_calls(tmp_path: Path, authority: KeyPair) -> None:
    pair = ensure_peer(KeyPair(tmp_path, "etcd"), Subject(common_name="etcd"), authority, ["192.0.2.2"])
    builder = PolicyBuilder().store(Store([load(authority)]))
    builder.build_server_verifier(x509.IPAddress(ip_address("192.0.2.2"))).verify(load(pair), [])
    builder.build_client_verifier().verify(load(pair), [])


def test_what_was_made_once_is_kept(tmp_path: Path, authority: KeyPair) -> None:
    pair = KeyPair(tmp_path, "client")
    first = load(ensure_client(pair, Subject(common_name="one"), authority))
    assert load(ensure_client(pair, Subject(common_name="one"), authority)) == first


def test_a_key_without_its_certificate_counts_as_missing(tmp_path: Path, authority: KeyPair) -> None:
    pair = ensure_client(KeyPair(tmp_path, "client"), Subject(common_name="one"), authority)
    pair.certificate.unlink()
    repaired = ensure_client(pair, Subject(common_name="one"), authority)
    assert repaired.exists
    assert load(repaired).public_key() is not None


def test_private_keys_are_for_root_alone(tmp_path: Path, authority: KeyPair) -> None:
    signing = ensure_signing_key(KeyPair(tmp_path, "service-accounts"))
    for pair in (authority, signing):
        assert stat.S_IMODE(pair.key.stat().st_mode) == 0o600


def test_the_authority_may_sign_certificates_and_what_it_signs_may_not(tmp_path: Path, authority: KeyPair) -> None:
    leaf = ensure_client(KeyPair(tmp_path, "client"), Subject(common_name="one"), authority)
    constraints = [
        load(pair).extensions.get_extension_for_class(x509.BasicConstraints).value.ca for pair in (authority, leaf)
    ]
    assert constraints == [True, False]
