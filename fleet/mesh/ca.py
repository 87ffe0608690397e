"""The mesh's authorities: one root for all members, one intermediate for each.

Key sizes, usages and path lengths are those of Istio's tools/certs; lifetimes are config, and an intermediate always
ends before the root (docs/decisions/0002).
"""

from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi import Output, ResourceOptions

from fleet.certificates import (
    CA_USES,
    Certificate,
    Lifetime,
    Request,
    RsaKey,
    Subject,
    intermediate_authority,
    root_authority,
)
from fleet.settings import MeshCerts

KEY: Final = RsaKey(bits=4096)
ORGANIZATION: Final = "Istio"
ISTIOD_NAME: Final = "istiod.istio-system.svc"


@dataclass(frozen=True, kw_only=True)
class RootAuthorityArgs:
    """How long authorities live."""

    certs: MeshCerts


class RootAuthority(pulumi.ComponentResource):
    """The root that every member's workloads trust."""

    certificate: Certificate
    certs: MeshCerts

    def __init__(self, name: str, args: RootAuthorityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:RootAuthority", name, {}, opts)
        self.certs = args.certs
        self.certificate = root_authority(
            f"{name}-root",
            Subject(common_name="Root CA", organization=ORGANIZATION),
            Lifetime(
                days=args.certs.root_days,
                # Renewed while a whole intermediate still fits into it.
                renew_before_days=args.certs.intermediate_days + args.certs.renew_before_days,
            ),
            KEY,
            self,
        )
        self.register_outputs({"certificate": self.certificate.certificate_pem})


@dataclass(frozen=True, kw_only=True)
class MemberAuthorityArgs:
    """Whose authority, and what signs it."""

    member: str
    root: RootAuthority


class MemberAuthority(pulumi.ComponentResource):
    """One member's intermediate, which its istiod signs workload certificates with."""

    secret_data: Output[dict[str, str]]
    """What the secret ``cacerts`` holds (Istio, "Plug in CA Certificates"): PEM by file name; secret."""

    def __init__(self, name: str, args: MemberAuthorityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:MemberAuthority", name, {}, opts)
        certs = args.root.certs
        intermediate = intermediate_authority(
            f"{name}-intermediate",
            Request(
                subject=Subject(common_name="Intermediate CA", organization=ORGANIZATION, locality=args.member),
                lifetime=Lifetime(days=certs.intermediate_days, renew_before_days=certs.renew_before_days),
                key=KEY,
                uses=CA_USES,
                dns_names=[ISTIOD_NAME],
            ),
            args.root.certificate,
            self,
        )
        self.secret_data = Output.secret(
            Output.all(
                certificate_pem=intermediate.certificate_pem,
                private_key_pem=intermediate.private_key_pem,
                root_pem=args.root.certificate.certificate_pem,
            ).apply(lambda known: cacerts(**known))
        )
        self.register_outputs({})


def cacerts(*, certificate_pem: str, private_key_pem: str, root_pem: str) -> dict[str, str]:
    """The four files of ``cacerts``; the chain goes from the intermediate up to the root."""
    return {
        "ca-cert.pem": certificate_pem,
        "ca-key.pem": private_key_pem,
        "root-cert.pem": root_pem,
        "cert-chain.pem": certificate_pem.rstrip() + "\n" + root_pem,
    }
