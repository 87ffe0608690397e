"""Private keys: right in every form, and secret."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest

from sandbox.plugins.framework import Properties, ProviderError, Secret, reveal
from sandbox.plugins.tls.private_key import PrivateKey
from tests.plugins.calls import Calls
from tests.plugins.tls.authorities import KEY_KINDS, make, openssl

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=KEY_KINDS, ids=lambda kind: kind.get("ecdsaCurve", kind["algorithm"]), scope="module")
def key(request: pytest.FixtureRequest) -> Properties:
    return make(PrivateKey(), **request.param)


def test_openssl_reads_both_forms_of_a_key_as_the_same_key(key: Properties) -> None:
    public = [openssl("pkey", "-pubout", given=key[form]) for form in ("privateKeyPem", "privateKeyPemPkcs8")]
    assert public == [key["publicKeyPem"]] * 2


def test_the_older_form_is_the_one_that_the_official_provider_gives(key: Properties) -> None:
    preamble = {"RSA": "RSA PRIVATE KEY", "ECDSA": "EC PRIVATE KEY", "ED25519": "PRIVATE KEY"}[key["algorithm"]]
    assert key["privateKeyPem"].startswith(f"-----BEGIN {preamble}-----\n")
    assert key["privateKeyPemPkcs8"].startswith("-----BEGIN PRIVATE KEY-----\n")


def test_ssh_keygen_finds_the_same_fingerprints(key: Properties, tmp_path: Path) -> None:
    if key["ecdsaCurve"] == "P224" and key["algorithm"] == "ECDSA":
        assert {key[name] for name in key if "Openssh" in name or "Fingerprint" in name} == {""}
        return
    private = tmp_path / "key"
    private.write_text(key["privateKeyOpenssh"])
    private.chmod(0o600)
    public = subprocess.run(["ssh-keygen", "-y", "-f", private], capture_output=True, text=True, check=True).stdout
    assert public == key["publicKeyOpenssh"]
    (tmp_path / "key.pub").write_text(public)
    for algorithm, expected in (
        ("sha256", key["publicKeyFingerprintSha256"]),
        ("md5", "MD5:" + key["publicKeyFingerprintMd5"]),
    ):
        command = ["ssh-keygen", "-l", "-E", algorithm, "-f", str(tmp_path / "key.pub")]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert shown.split()[1] == expected


def test_the_id_is_the_checksum_of_the_public_key() -> None:
    created = Calls(PrivateKey()).create(algorithm="ED25519")
    command = ["openssl", "pkey", "-pubin", "-outform", "DER"]
    der = subprocess.run(command, input=created.outputs["publicKeyPem"].encode(), capture_output=True, check=True)
    assert created.id == hashlib.sha1(der.stdout).hexdigest()


def test_the_id_is_recorded_among_the_outputs_as_the_official_provider_does() -> None:
    created = Calls(PrivateKey()).create(algorithm="ED25519")
    found = Calls(PrivateKey()).read(created.id, {"algorithm": "ED25519"}, dict(created.outputs))
    assert found is not None
    assert created.outputs["id"] == found.outputs["id"] == created.id


def test_a_key_that_was_recorded_without_its_id_shows_no_change() -> None:
    calls, inputs = Calls(PrivateKey()), {"algorithm": "ED25519"}
    created = calls.create(**inputs)
    earlier = {name: value for name, value in created.outputs.items() if name != "id"}
    assert calls.diff(inputs, inputs, earlier).properties == {}
    found = calls.read(created.id, inputs, earlier)
    assert found is not None
    assert (found.id, found.inputs, found.outputs) == (created.id, inputs, earlier)


def test_every_private_form_is_secret_and_no_public_one() -> None:
    outputs = Calls(PrivateKey()).create(algorithm="ED25519").outputs
    secret = {name for name, value in outputs.items() if isinstance(value, Secret)}
    assert secret == {"privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"}
    assert reveal(outputs["privateKeyPem"]) not in repr(outputs)


def test_defaults_are_recorded_as_the_official_provider_records_them() -> None:
    outputs = Calls(PrivateKey()).create(algorithm="ED25519").outputs
    assert (outputs["rsaBits"], outputs["ecdsaCurve"]) == (2048, "P224")


def test_saying_a_default_aloud_changes_nothing() -> None:
    assert Calls(PrivateKey()).diff({"algorithm": "RSA"}, {"algorithm": "RSA", "rsaBits": 2048}).properties == {}


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"algorithm": "DSA"}, "algorithm"),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P192"}, "ecdsaCurve"),
        ({"algorithm": "RSA", "rsaBits": 512}, "rsaBits"),
        ({"algorithm": "RSA", "rsaBits": "many"}, "rsaBits"),
        ({}, "algorithm"),
        ({"algorithm": "RSA", "bits": 1}, "bits"),
        ({"algorithm": "RSA", "publicKeyPem": "x"}, "publicKeyPem"),
    ],
)
def test_unacceptable_inputs_are_named(inputs: Properties, path: str) -> None:
    assert [failure.path for failure in Calls(PrivateKey()).check(**inputs)] == [path]


def test_a_key_cannot_be_imported() -> None:
    with pytest.raises(ProviderError, match="cannot be imported"):
        Calls(PrivateKey()).read("some-id")
