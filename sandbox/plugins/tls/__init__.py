"""The stand-in for pulumi-tls: private keys, certificate requests and certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.plugins.framework import Provider
from sandbox.plugins.tls.locally_signed import LocallySignedCert
from sandbox.plugins.tls.private_key import PrivateKey
from sandbox.plugins.tls.request import CertRequest
from sandbox.plugins.tls.self_signed import SelfSignedCert

if TYPE_CHECKING:
    from collections.abc import Sequence


class TlsProvider(Provider):
    """Keys and certificates, made here and kept in the state. There is nothing to configure."""

    name = "tls"

    def __init__(self, version: str) -> None:
        resources = (PrivateKey(), SelfSignedCert(), CertRequest(), LocallySignedCert())
        super().__init__(version=version, resources=resources)


def serve(version: str, arguments: Sequence[str]) -> None:
    """Run the plugin."""
    from sandbox.plugins.framework.serve import serve as serve_provider

    serve_provider(TlsProvider(version), arguments)
