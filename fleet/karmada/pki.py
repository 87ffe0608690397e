"""Karmada's certificates: the authority, the API server's certificate, the front proxy, and client certificates.

The chart takes them all in custom mode (charts/karmada/values.yaml, certs.custom). Its one serving certificate is
also the identity of every component of the control plane, which the chart gives no other way.
"""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions

from fleet.certificates import (
    CLIENT_USES,
    SERVER_AND_CLIENT_USES,
    Certificate,
    Lifetime,
    Request,
    RsaKey,
    Subject,
    leaf,
    root_authority,
)
from fleet.config.certs import KarmadaCerts
from fleet.lke.kubeconfig import ApiServer, with_client_certificate
from fleet.naming import KARMADA, KARMADA_NAMESPACE

KEY = RsaKey(bits=3072)
"""What the chart uses when it mints certificates itself (certs.auto.rsaSize)."""
AUTHORITY = Subject(common_name="karmada")
ADMIN = Subject(common_name="system:admin", organization="system:masters")
DNS_NAMES = (
    "kubernetes.default.svc",
    f"*.etcd.{KARMADA_NAMESPACE}.svc.cluster.local",
    f"*.{KARMADA_NAMESPACE}.svc.cluster.local",
    f"*.{KARMADA_NAMESPACE}.svc",
    "localhost",
)
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class KarmadaPkiArgs:
    """The address or the host name at which members reach the API server, and how long certificates live."""

    endpoint: Input[str]
    certs: KarmadaCerts


class KarmadaPki(pulumi.ComponentResource):
    """The certificates of one Karmada control plane, and the authority that signs its clients."""

    authority: Certificate
    server: Certificate
    front_proxy_authority: Certificate
    front_proxy: Certificate

    def __init__(self, name: str, args: KarmadaPkiArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:Pki", name, {}, opts)
        # Authorities outlive whatever they sign: they are renewed while a new leaf still fits into them.
        authority_lifetime = Lifetime(
            days=args.certs.ca_days, renew_before_days=args.certs.leaf_days + args.certs.renew_before_days
        )
        self._leaf_lifetime = Lifetime(days=args.certs.leaf_days, renew_before_days=args.certs.renew_before_days)
        self.authority = root_authority(f"{name}-ca", AUTHORITY, authority_lifetime, KEY, self)
        self.server = leaf(
            f"{name}-server",
            Request(
                subject=ADMIN,
                lifetime=self._leaf_lifetime,
                key=KEY,
                uses=SERVER_AND_CLIENT_USES,
                hosts=[*DNS_NAMES, LOOPBACK, args.endpoint],
            ),
            self.authority,
            self,
        )
        self.front_proxy_authority = root_authority(
            f"{name}-front-proxy-ca", Subject(common_name="front-proxy-ca"), authority_lifetime, KEY, self
        )
        self.front_proxy = leaf(
            f"{name}-front-proxy",
            Request(
                # The API server trusts this name alone (--requestheader-allowed-names).
                subject=Subject(common_name="front-proxy-client"),
                lifetime=self._leaf_lifetime,
                key=KEY,
                uses=CLIENT_USES,
            ),
            self.front_proxy_authority,
            self,
        )
        self.register_outputs({"caCertificate": self.authority.certificate_pem})

    def client(self, name: str, subject: Subject, parent: pulumi.ComponentResource) -> Certificate:
        """A client certificate for one user, made below the component that uses it."""
        request = Request(subject=subject, lifetime=self._leaf_lifetime, key=KEY, uses=CLIENT_USES)
        return leaf(name, request, self.authority, parent)

    def chart_values(self) -> dict[str, Any]:
        """The chart's ``certs`` section."""
        return {
            "mode": "custom",
            "custom": {
                "caCrt": self.authority.certificate_pem,
                "caKey": self.authority.private_key_pem,
                "crt": self.server.certificate_pem,
                "key": self.server.private_key_pem,
                "frontProxyCaCrt": self.front_proxy_authority.certificate_pem,
                "frontProxyCrt": self.front_proxy.certificate_pem,
                "frontProxyKey": self.front_proxy.private_key_pem,
            },
        }


def kubeconfig(server: Input[ApiServer], identity: Certificate, name: str = KARMADA) -> Output[str]:
    """How a client of Karmada reaches it, and as whom; secret. The context has the name."""
    known = Output.all(
        server=server, certificate_pem=identity.certificate_pem, private_key_pem=identity.private_key_pem
    )
    return Output.secret(known.apply(lambda found: with_client_certificate(name=name, **found)))
