"""The search for secrets finds what is there, and takes nothing public for a secret."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fleet.karmada.encryption import KEY_PREFIX, derived
from tests.e2e.secrets import in_base64, made_in, readable, secrets_in

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2EifQ.c2lnbmF0dXJlLW9mLXRoaXMtdmVyeS10b2tlbi1vZi1vdXJz"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


@pytest.mark.parametrize("key", [RSA, EC], ids=["rsa", "ec"])
def test_a_key_is_found_as_pem_in_json_and_in_base64_and_its_public_half_is_not(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
) -> None:
    secrets = secrets_in({"outputs": {"privateKeyPem": {"plaintext": json.dumps(pem(key))}}})
    assert len(secrets) == 2
    for shown in (pem(key), json.dumps(pem(key)), base64.b64encode(pem(key).encode()).decode()):
        assert len(readable(secrets, [("somewhere", f"... {shown} ...".encode())])) == 1
    assert readable(secrets, [("a certificate", public(key))]) == []


def test_a_key_within_a_kubeconfig_within_base64_is_known() -> None:
    kubeconfig = f"client-key-data: {base64.b64encode(pem(RSA).encode()).decode()}\ntoken: {TOKEN}\n"
    secrets = secrets_in(["x", base64.b64encode(kubeconfig.encode()).decode()])
    assert len(secrets) == 3
    assert len(readable(secrets, [("somewhere", pem(RSA).encode()), ("elsewhere", TOKEN.encode())])) == 2


def test_a_text_is_found_in_base64_with_something_behind_it() -> None:
    for text in ("a secret", "a secret!", "a secret!!"):
        encoded = base64.b64encode(f"{text}\nand more".encode())
        assert len(readable({"it": in_base64(text)}, [("somewhere", encoded)])) == 1


def test_what_has_no_form_of_its_own_is_known_by_the_resource_that_made_it() -> None:
    resource = {
        "urn": "urn:pulumi:s::fleet::a$random:index/randomBytes:RandomBytes::key-first",
        "type": "random:index/randomBytes:RandomBytes",
        "outputs": {"length": 32, "base64": {"plaintext": json.dumps("c2VjcmV0")}},
    }
    other = {"urn": "urn:pulumi:s::fleet::a::b", "type": "pulumi:pulumi:Stack"}
    private = {
        "urn": f"urn:pulumi:s::fleet::a$tls:index/privateKey:PrivateKey::{KEY_PREFIX}next",
        "type": "tls:index/privateKey:PrivateKey",
        "outputs": {"privateKeyPem": {"plaintext": json.dumps("a private key")}},
    }
    identity = private | {"urn": "urn:pulumi:s::fleet::a$tls:index/privateKey:PrivateKey::eu-agent-identity-key"}
    state = {"deployment": {"resources": [other, resource, private, identity]}}
    assert made_in(state) == {
        "base64 of key-first": "c2VjcmV0",
        f"key of {KEY_PREFIX}next": derived("a private key"),
    }, "a private key itself is known by its form"
