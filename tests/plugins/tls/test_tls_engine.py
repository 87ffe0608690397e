"""The tls stand-in, driven by the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography import x509

if TYPE_CHECKING:
    from tests.plugins.engine import Stack

pytestmark = pytest.mark.engine

_PROGRAM = """
    import pulumi
    import pulumi_tls as tls

    config = pulumi.Config()
    root_key = tls.PrivateKey("root-key", algorithm="ECDSA", ecdsa_curve="P256")
    root = tls.SelfSignedCert(
        "root",
        private_key_pem=root_key.private_key_pem,
        allowed_uses=["cert_signing"],
        is_ca_certificate=True,
        subject=tls.SelfSignedCertSubjectArgs(common_name="root"),
        validity_period_hours=100,
        early_renewal_hours=config.get_int("early") or 0,
    )
    leaf_key = tls.PrivateKey("leaf-key", algorithm="ED25519")
    request = tls.CertRequest(
        "request",
        private_key_pem=leaf_key.private_key_pem,
        dns_names=[config.get("name") or "hello.example"],
    )
    leaf = tls.LocallySignedCert(
        "leaf",
        ca_cert_pem=root.cert_pem,
        ca_private_key_pem=root_key.private_key_pem,
        cert_request_pem=request.cert_request_pem,
        allowed_uses=["server_auth"],
        validity_period_hours=10,
    )
    pulumi.export("root", root.cert_pem)
    pulumi.export("leaf", leaf.cert_pem)
    pulumi.export("key", leaf_key.private_key_pem)
"""


def test_a_chain_lives_and_is_renewed_where_it_has_to_be(stack: Stack) -> None:
    stack.program(_PROGRAM)
    preview = stack.preview()
    assert {name: steps[-1] for name, steps in preview.operations.items()} == dict.fromkeys(
        ("root-key", "root", "leaf-key", "request", "leaf"), "create"
    )
    stack.up()
    first = stack.outputs
    root, leaf = (x509.load_pem_x509_certificate(first[name].encode()) for name in ("root", "leaf"))
    leaf.verify_directly_issued_by(root)
    _nothing_secret_is_shown(stack)

    unchanged = stack.up("--refresh", "--run-program")
    assert {steps[-1] for steps in unchanged.operations.values()} == {"same"}
    assert stack.outputs == first

    stack.config("name", "other.example")
    renamed = stack.up()
    assert renamed.diff("request") == {"dnsNames[0]": "update-replace"}
    assert renamed.diff("leaf") == {"certRequestPem": "update-replace"}
    assert {name for name, steps in renamed.operations.items() if steps == ["same"]} == {"root-key", "root", "leaf-key"}

    stack.config("early", "101")
    due = stack.preview()
    assert due.diff("root") == {"earlyRenewalHours": "update", "readyForRenewal": "update-replace"}
    assert due.operations["root"] == ["create-replacement", "replace", "delete-replaced"]
    assert due.diff("leaf") == {"caCertPem": "update-replace"}
    assert due.operations["root-key"] == ["same"]

    stack.destroy()
    assert stack.resources == {}


def test_the_rest_goes_on_after_a_failure_and_the_next_run_completes_it(stack: Stack) -> None:
    program = """
        import pulumi_tls as tls

        key = tls.PrivateKey("key", algorithm="ED25519")
        subject = tls.CertRequestSubjectArgs(country="{country}")
        tls.CertRequest("request", private_key_pem=key.private_key_pem, subject=subject)
        tls.PrivateKey("other", algorithm="ED25519")
    """
    stack.program(program.format(country="Holland"))
    failed = stack.failing_up("--continue-on-error")
    assert any(error.startswith("subject.country: ") for error in failed.errors), failed.errors
    assert set(stack.resources) == {"key", "other"}
    stack.program(program.format(country="NL"))
    assert stack.up().operations == {"key": ["same"], "other": ["same"], "request": ["create"]}


def _nothing_secret_is_shown(stack: Stack) -> None:
    key = stack.outputs["key"]
    body = key.splitlines()[1]
    assert body not in stack.stored_text
    assert body.encode().hex() not in stack.stored_text
    again = stack.up("--diff", "--show-sames", "--debug")
    assert body not in again.output
