"""Certificates: what is in them, what they allow, and when they are due for renewal."""

from __future__ import annotations

import datetime
import ipaddress
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from sandbox.plugins.framework import UNKNOWN, Change, Compared, Properties, PropertyDiff, ProviderError, Secret, reveal
from sandbox.plugins.tls.locally_signed import LocallySignedCert
from sandbox.plugins.tls.self_signed import SelfSignedCert
from sandbox.plugins.tls.usages import NAMES
from tests.plugins.calls import Calls
from tests.plugins.tls.authorities import KEY_KINDS, key, openssl, parse, request, root, signed

if TYPE_CHECKING:
    from pathlib import Path

_LEAF: Properties = {
    "dnsNames": ["istiod.istio-system.svc", "*.fleet.example"],
    "ipAddresses": ["192.0.2.7", "2001:db8::7"],
    "subject": {"commonName": "leaf", "organization": "Fleet", "organizationalUnit": "mesh", "country": "NL"},
    "uris": ["spiffe://cluster.local/ns/default/sa/hello"],
}


@pytest.mark.parametrize("kind", KEY_KINDS, ids=lambda kind: kind.get("ecdsaCurve", kind["algorithm"]))
def test_openssl_verifies_a_chain_with_any_kind_of_key(kind: Properties, tmp_path: Path) -> None:
    root_key, middle_key, leaf_key = key(**kind), key(**kind), key(**kind)
    authority = root(root_key, maxPathLength=1, setAuthorityKeyId=True)
    middle = signed(
        authority,
        root_key,
        request(middle_key, subject={"commonName": "middle"}),
        allowedUses=["cert_signing"],
        isCaCertificate=True,
    )
    leaf = signed(middle, middle_key, request(leaf_key, **_LEAF), allowedUses=["digital_signature", "server_auth"])
    paths = {name: tmp_path / f"{name}.pem" for name in ("root", "middle", "leaf")}
    for name, certificate in (("root", authority), ("middle", middle), ("leaf", leaf)):
        paths[name].write_text(certificate["certPem"])
    chain = ("-CAfile", paths["root"], "-untrusted", paths["middle"])
    shown = openssl("verify", "-x509_strict", "-purpose", "sslserver", *chain, paths["leaf"])
    assert shown == f"{paths['leaf']}: OK\n"
    openssl("verify", "-verify_hostname", "any.fleet.example", *chain, paths["leaf"])
    openssl("verify", "-verify_ip", "2001:db8::7", *chain, paths["leaf"])


def test_a_leaf_says_what_its_request_asked_for_and_no_more() -> None:
    root_key = key()
    leaf = parse(signed(root(root_key), root_key, request(key(), **_LEAF), allowedUses=["client_auth"]))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == _LEAF["dnsNames"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address(one) for one in _LEAF["ipAddresses"]]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == _LEAF["uris"]
    assert leaf.subject.rfc4514_string() == "CN=leaf,OU=mesh,O=Fleet,C=NL"
    basic = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, False, None)
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.KeyUsage)


def test_key_identifiers_link_a_certificate_to_its_issuer() -> None:
    root_key = key()
    authority = root(root_key)
    leaf = parse(signed(authority, root_key, request(key(), **_LEAF), setSubjectKeyId=True))
    issuer_id = parse(authority).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    pointer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert pointer.key_identifier == issuer_id
    own = leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert own == x509.SubjectKeyIdentifier.from_public_key(leaf.public_key())


def test_a_self_signed_certificate_points_to_itself_only_if_asked() -> None:
    private = key()
    with pytest.raises(x509.ExtensionNotFound):
        parse(root(private)).extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    pointing = parse(root(private, setAuthorityKeyId=True)).extensions
    own = pointing.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert pointing.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own


@pytest.mark.parametrize(("given", "written"), [(2, 2), (1, 1), (0, None), (-1, None), (None, None)])
def test_the_path_length_is_written_as_the_official_provider_writes_it(given: int | None, written: int | None) -> None:
    inputs = {} if given is None else {"maxPathLength": given}
    basic = parse(root(key(), **inputs)).extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, written)


@pytest.mark.parametrize("use", [name for name in NAMES if name not in ("encipher_only", "decipher_only")])
def test_every_usage_can_be_had_alone(use: str) -> None:
    certificate = parse(root(key(), allowedUses=[use], isCaCertificate=False))
    found = {type(extension.value) for extension in certificate.extensions}
    assert len(found & {x509.KeyUsage, x509.ExtendedKeyUsage}) == 1
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.KeyUsage):
            assert extension.critical
        if isinstance(extension.value, x509.ExtendedKeyUsage):
            assert (extension.critical, len(extension.value)) == (False, 1)


def test_every_part_of_a_name_has_its_place() -> None:
    subject = {
        "commonName": "cn",
        "country": "NL",
        "emailAddress": "ops@fleet.example",
        "locality": "l",
        "organization": "o",
        "organizationalUnit": "ou",
        "postalCode": "pc",
        "province": "st",
        "serialNumber": "sn",
        "streetAddresses": ["first", "second"],
    }
    name = parse(root(key(), subject=subject)).subject
    found = {oid: [one.value for one in name.get_attributes_for_oid(oid)] for oid in {one.oid for one in name}}
    assert found == {
        NameOID.COMMON_NAME: ["cn"],
        NameOID.COUNTRY_NAME: ["NL"],
        NameOID.EMAIL_ADDRESS: ["ops@fleet.example"],
        NameOID.LOCALITY_NAME: ["l"],
        NameOID.ORGANIZATIONAL_UNIT_NAME: ["ou"],
        NameOID.ORGANIZATION_NAME: ["o"],
        NameOID.POSTAL_CODE: ["pc"],
        NameOID.SERIAL_NUMBER: ["sn"],
        NameOID.STATE_OR_PROVINCE_NAME: ["st"],
        NameOID.STREET_ADDRESS: ["first", "second"],
    }


def test_validity_is_as_long_as_asked_and_the_id_is_the_serial_number() -> None:
    created = Calls(SelfSignedCert()).create(**_self_signed(validityPeriodHours=30))
    certificate = x509.load_pem_x509_certificate(created.outputs["certPem"].encode())
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == datetime.timedelta(hours=30)
    assert created.outputs["validityEndTime"] == certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert created.outputs["validityStartTime"] == certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert created.id == str(certificate.serial_number)
    assert created.outputs["readyForRenewal"] is False


def test_a_certificate_is_replaced_within_its_renewal_window_and_not_before() -> None:
    calls = Calls(SelfSignedCert())
    inputs = _self_signed(validityPeriodHours=10, earlyRenewalHours=9)
    outputs = dict(calls.create(**inputs).outputs)
    assert calls.diff(inputs, inputs, outputs).properties == {}
    wider = inputs | {"earlyRenewalHours": 11}
    diff = calls.diff(inputs, wider, outputs)
    assert diff.replaces == ["readyForRenewal"]
    assert diff.properties["readyForRenewal"] == PropertyDiff(
        change=Change.UPDATE, replaces=True, compared=Compared.STATE
    )
    refreshed = calls.read("1", wider, outputs)
    assert refreshed is not None
    assert refreshed.outputs["readyForRenewal"] is True


def test_a_shorter_window_is_recorded_without_a_new_certificate() -> None:
    calls = Calls(SelfSignedCert())
    inputs = _self_signed(earlyRenewalHours=2)
    outputs = dict(calls.create(**inputs).outputs)
    changed = inputs | {"earlyRenewalHours": 1}
    assert calls.diff(inputs, changed, outputs).replaces == []
    updated = calls.update("1", inputs, outputs, **changed)
    assert (updated["earlyRenewalHours"], updated["certPem"]) == (1, outputs["certPem"])


def test_a_write_only_key_is_used_and_forgotten() -> None:
    private = key()
    inputs = _self_signed(privateKeyPemWo=Secret(private), privateKeyPemWoVersion=1)
    del inputs["privateKeyPem"]
    calls = Calls(SelfSignedCert())
    outputs = calls.create(**inputs).outputs
    assert private not in str(reveal(dict(outputs)))
    assert openssl("x509", "-noout", "-pubkey", given=outputs["certPem"]) == openssl("pkey", "-pubout", given=private)
    assert calls.diff(inputs, inputs | {"privateKeyPemWo": Secret(key())}, dict(outputs)).properties == {}
    assert calls.diff(inputs, inputs | {"privateKeyPemWoVersion": 2}, dict(outputs)).replaces == [
        "privateKeyPemWoVersion"
    ]


def test_the_recorded_key_is_secret() -> None:
    outputs = Calls(SelfSignedCert()).create(**_self_signed()).outputs
    assert {name for name, value in outputs.items() if isinstance(value, Secret)} == {"privateKeyPem"}


def test_a_preview_tells_inputs_and_leaves_the_rest_open() -> None:
    planned = Calls(LocallySignedCert()).preview(
        caCertPem=UNKNOWN,
        caPrivateKeyPem=Secret(UNKNOWN),
        certRequestPem=UNKNOWN,
        allowedUses=["server_auth"],
        validityPeriodHours=1,
    )
    assert planned["allowedUses"] == ["server_auth"]
    assert planned["certPem"] is planned["validityEndTime"] is UNKNOWN
    assert planned["isCaCertificate"] is False
    assert planned["caPrivateKeyPem"] == Secret(UNKNOWN)


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"allowedUses": ["server_auth", "fly"]}, "allowedUses[1]"),
        ({"allowedUses": ["encipher_only"]}, "allowedUses"),
        ({"validityPeriodHours": -1}, "validityPeriodHours"),
        ({"earlyRenewalHours": -1}, "earlyRenewalHours"),
        ({"maxPathLength": -2}, "maxPathLength"),
        ({"maxPathLength": 1}, "maxPathLength"),
        ({"setAuthorityKeyId": True}, "setAuthorityKeyId"),
        ({"privateKeyPem": None}, "privateKeyPem"),
        ({"privateKeyPemWo": "another"}, "privateKeyPem"),
        ({"subject": {"commonNames": "x"}}, "subject.commonNames"),
    ],
)
def test_unacceptable_inputs_are_named(inputs: Properties, path: str) -> None:
    assert [failure.path for failure in Calls(SelfSignedCert()).check(**_self_signed(**inputs))] == [path]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"privateKeyPem": "top-secret text"}, "privateKeyPem: this is no private key in PEM"),
        ({"ipAddresses": ["1.2.3.4", "1.2.3"]}, r"ipAddresses\[1\]: '1.2.3' does not appear to be"),
        ({"subject": {"country": "Holland"}}, "subject.country: "),
        ({"isCaCertificate": True, "subject": {}}, "subject: an authority's certificate needs a name"),
    ],
)
def test_what_only_shows_at_creation_is_an_error_with_its_property(inputs: Properties, message: str) -> None:
    with pytest.raises(ProviderError, match=message) as caught:
        Calls(SelfSignedCert()).create(**_self_signed(**inputs))
    assert "top-secret" not in str(caught.value)


def test_an_authority_signs_with_its_own_key_only() -> None:
    authority = root(key())
    with pytest.raises(ProviderError, match="caPrivateKeyPem: this is not the key of the certificate in caCertPem"):
        signed(authority, key(), request(key()))


def _self_signed(**inputs: object) -> Properties:
    defaults: Properties = {
        "allowedUses": ["digital_signature"],
        "privateKeyPem": key(),
        "subject": {"commonName": "test"},
        "validityPeriodHours": 24,
    }
    return defaults | inputs
